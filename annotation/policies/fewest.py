"""`fewest`: tasks with the fewest judgements first, so that every task has one before any has two.

A seat's place is how many older seats its task has: they are filled before it is reached.
"""

from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy

from annotation.seats import Seat

TITLE = gettext_lazy("Fewest judgements first")


def place() -> Coalesce:
    older = Seat.objects.filter(task=OuterRef("task"), pk__lt=OuterRef("pk")).order_by().values("task")
    return Coalesce(Subquery(older.annotate(count=Count("pk")).values("count")), 0)
