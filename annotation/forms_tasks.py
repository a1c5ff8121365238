"""What a lead says when people are to be asked something: which prompts or answers, how, and by how many."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation import progress
from annotation.forms_project import MOST_SEATS
from annotation.models import Project
from annotation.parts import names, part


def titles(kinds: list[str]) -> list[tuple[str, Any]]:
    return [(name, part("KINDS", name).TITLE) for name in kinds]


def about_answers() -> list[str]:
    """The kinds of question that show answers."""
    return [name for name in names("KINDS") if part("KINDS", name).MOST]


def followed() -> list[str]:
    """The kinds that find a best answer, which can be rated afterwards."""
    return [name for name in names("KINDS") if hasattr(part("KINDS", name), "best")]


class WriteTasksForm(forms.Form):
    """Prompts become questions to which people write the ideal response."""

    count = forms.IntegerField(label=_("How many prompts"), min_value=1, required=False, help_text=_("Empty: all of them."))
    overlap = forms.IntegerField(label=_("People for each"), min_value=1, max_value=MOST_SEATS)


class AnswersTasksForm(forms.Form):
    """Answers of models become questions: which is better, how good each is, how it could be better."""

    kind = forms.ChoiceField(label=_("Question"))
    models = forms.MultipleChoiceField(
        label=_("Answers by"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one model.")},
    )
    answers = forms.IntegerField(
        label=_("Answers side by side, at most"),
        min_value=1,
        max_value=9,
        initial=4,
        help_text=_("Two are compared, one is improved; four to nine in a ranking make the most of a rater's reading."),
    )
    then_rate = forms.BooleanField(
        label=_("Then have the best answer rated"),
        required=False,
        help_text=_("After ranking or comparing, in the project's aspects."),
    )
    count = forms.IntegerField(label=_("How many tasks"), min_value=1, required=False, help_text=_("Empty: one for every prompt."))
    overlap = forms.IntegerField(label=_("People for each"), min_value=1, max_value=MOST_SEATS)

    def __init__(self, project: Project, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.project = project
        words = _("%(model)s: %(count)d answers, %(unshown)d never shown")
        self.fields["kind"].choices = titles(about_answers())  # type: ignore[attr-defined]
        self.fields["models"].choices = [(row["model"], words % row) for row in progress.models(project)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Each refusal says what would do instead."""
        data = super().clean() or {}
        kind = data.get("kind")
        if kind is None:
            return data
        question = part("KINDS", kind)
        data["answers"] = min(data.get("answers") or question.MOST, question.MOST)
        if data["answers"] < question.FEWEST and "answers" not in self.errors:
            self.add_error("answers", _("This question needs at least %(fewest)d answers.") % {"fewest": question.FEWEST})
        if (kind == "rate" or data.get("then_rate")) and not self.project.aspects:
            field = "kind" if kind == "rate" else "then_rate"
            self.add_error(field, _("This project names no aspects to rate yet: add some under Edit, “What rate asks”."))
        if data.get("then_rate") and kind not in followed():
            self.add_error("then_rate", _("Only a ranking or a comparison finds a best answer to rate."))
        return data

    @property
    def follow_ups(self) -> list[str]:
        return ["rate"] if self.cleaned_data["then_rate"] else []


class OverlapForm(forms.Form):
    """More people for tasks that exist."""

    kind = forms.ChoiceField(label=_("Tasks"))
    overlap = forms.IntegerField(
        label=_("People for each"),
        min_value=2,
        max_value=MOST_SEATS,
        initial=2,
        help_text=_("Tasks that want fewer get seats until they want this many."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = titles(names("KINDS"))  # type: ignore[attr-defined]
