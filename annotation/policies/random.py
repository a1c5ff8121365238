"""`random`: every open seat has drawn a lot; raters get them in that order."""

from django.db.models.functions import Random
from django.utils.translation import gettext_lazy

TITLE = gettext_lazy("At random")


def place() -> Random:
    return Random()
