"""`fewest`: tasks with the fewest judgements first, so that every task has one before any has two.

A seat's place is how many older seats its task has: they are filled before it is reached.
"""

from collections.abc import Iterator

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy

from annotation.seats import Seat, SeatQuerySet

TITLE = gettext_lazy("Fewest judgements first")


def arrange(seats: SeatQuerySet) -> Iterator[tuple[SeatQuerySet, Coalesce]]:
    older = Seat.objects.filter(task=OuterRef("task"), pk__lt=OuterRef("pk")).order_by().values("task")
    yield seats, Coalesce(Subquery(older.annotate(count=Count("pk")).values("count")), 0)
