"""The languages in which a rater judges."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import get_language_info, gettext_lazy
from django.utils.translation import gettext as _

UNSAID = "unsaid"  # an empty value would be a box that is not ticked


class LanguagesForm(forms.Form):
    """A box for each language that waits or that was chosen before; none ticked: any."""

    language = forms.MultipleChoiceField(
        label=gettext_lazy("Languages in which I judge"), required=False, widget=forms.CheckboxSelectMultiple
    )
    first = forms.ChoiceField(label=gettext_lazy("Before all others"), required=False)

    def __init__(self, data: Any = None, *, offered: list[str], chosen: list[str]):
        known = [*chosen, *(language for language in offered if language not in chosen)]
        initial = {"language": [language or UNSAID for language in chosen], "first": chosen[0] or UNSAID if chosen else ""}
        super().__init__(data, initial=initial)
        choices = [(language or UNSAID, language_name(language)) for language in known]
        self.fields["language"].choices = choices  # type: ignore[attr-defined]
        self.fields["first"].choices = [("", _("No preference")), *choices]  # type: ignore[attr-defined]
        self.worth_asking = len(known) > 1

    @property
    def in_order(self) -> list[str]:
        """The languages that were ticked, the preferred one first, as members keep them."""
        data = self.cleaned_data
        chosen = sorted(data["language"], key=lambda language: language != data["first"])
        return ["" if language == UNSAID else language for language in chosen]

    @property
    def sentence(self) -> str:
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


def language_name(code: str) -> str:
    """The language's own name where Django knows it, else its code."""
    if not code:
        return _("Not said")
    try:
        return get_language_info(code)["name_local"]
    except KeyError:
        return code
