"""The filters of the browser: one form for each tab, its fields named as in the query string."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotation.access import MOST_ID
from annotation.models import Task
from annotation.parts import names, part

ANY = ("", _("any"))


def kinds() -> list[tuple[str, Any]]:
    return [ANY, *((name, part("KINDS", name).TITLE) for name in names("KINDS"))]


class DayField(forms.DateField):
    """A day in the reader's time zone, as the moment at which it begins, or with `ends` the moment at which it is over."""

    widget = forms.DateInput(attrs={"type": "date"})

    def __init__(self, *, ends: bool = False, **kwargs: Any):
        self.ends = ends
        super().__init__(required=False, **kwargs)

    def clean(self, value: Any) -> datetime | None:  # type: ignore[override]
        day = super().clean(value)
        if day is None:
            return None
        try:
            return timezone.make_aware(datetime.combine(day + timedelta(days=self.ends), time.min))
        except OverflowError:
            raise forms.ValidationError(_("No calendar goes that far.")) from None


def text(label: Any, **kwargs: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=200, **kwargs)


def place() -> forms.IntegerField:
    """An id that the address names and no person types."""
    return forms.IntegerField(required=False, min_value=1, max_value=MOST_ID, widget=forms.HiddenInput)


class BrowseForm(forms.Form):
    """What every tab can be filtered by. `before` and `after` are the ids between which a page lies."""

    q = forms.CharField(label=_("Words"), required=False, max_length=1000, widget=forms.TextInput(attrs={"type": "search"}))
    language = text(_("Language"))
    source = text(_("Source"))
    kind = forms.ChoiceField(label=_("Question"), choices=kinds, required=False)
    purpose = forms.ChoiceField(label=_("Purpose"), choices=[ANY, *Task.Purpose.choices], required=False)
    model = text(_("Model"))
    since = DayField(label=_("From"))
    until = DayField(label=_("To"), ends=True)
    before, after = place(), place()
    flagged = forms.BooleanField(label=_("Flagged"), required=False)

    def asked(self) -> dict[str, Any]:
        """The filters that were set, without the place of the page."""
        given = self.cleaned_data.items()
        return {name: value for name, value in given if name not in {"before", "after"} and value not in (None, "", False)}

    @property
    def narrowed(self) -> int:
        """How many of the filters beside the words are set, or wrong."""
        return len({*self.asked(), *self.errors} - {"q", "prompt", "task"})


class PromptsForm(BrowseForm):
    pass


class SamplesForm(BrowseForm):
    author = text(_("Author"), help_text=_("A person’s name."))
    prompt = place()
    field_order = ["q", "model", "author"]


class JudgementsForm(BrowseForm):
    rater = text(_("Rater"))
    standing = forms.ChoiceField(
        label=_("Standing"),
        required=False,
        choices=[ANY, ("in_force", _("in force")), ("superseded", _("superseded")), ("corrects", _("corrects another"))],
    )
    grade_from = forms.FloatField(label=_("Grade from"), required=False)
    grade_to = forms.FloatField(label=_("Grade to"), required=False)
    aspect = text(_("of aspect"), help_text=_("Empty: “overall”."))
    commented = forms.BooleanField(label=_("With a comment"), required=False)
    prompt, task = place(), place()
    field_order = ["q", "rater"]
