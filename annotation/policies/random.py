"""`random`: every open seat has drawn a lot; raters get them in that order."""

from collections.abc import Iterator

from django.db.models.functions import Random
from django.utils.translation import gettext_lazy

from annotation.seats import SeatQuerySet

TITLE = gettext_lazy("At random")


def arrange(seats: SeatQuerySet) -> Iterator[tuple[SeatQuerySet, Random]]:
    yield seats, Random()
