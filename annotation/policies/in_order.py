"""`in_order`: tasks in the order in which they were made, each until it has all its judgements."""

from django.db.models import Value
from django.utils.translation import gettext_lazy

TITLE = gettext_lazy("In order")


def place() -> Value:
    return Value(0.0)
