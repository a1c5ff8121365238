"""`in_order`: tasks in the order in which they were made, each until it has all its judgements."""

from collections.abc import Iterator

from django.db.models import Value
from django.utils.translation import gettext_lazy

from annotation.seats import SeatQuerySet

TITLE = gettext_lazy("In order")


def arrange(seats: SeatQuerySet) -> Iterator[tuple[SeatQuerySet, Value]]:
    yield seats, Value(0.0)
