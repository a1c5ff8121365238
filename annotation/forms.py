"""What the leads' pages ask for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation import progress
from annotation.guidelines import revise
from annotation.kinds.rank import FEWEST, MOST
from annotation.models import Member, Project, Role, Snapshot
from annotation.parts import names, part

MOST_SEATS = 100


class ProjectForm(forms.ModelForm):
    """A project and its guidelines; changed guidelines are a new version."""

    guidelines = forms.CharField(
        label=_("Guidelines"),
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("What raters are told, in Markdown. Each judgement remembers the version under which it was made."),
    )

    class Meta:
        model = Project
        fields = ["name", "description", "state", "overlap", "hold_minutes"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["overlap"].max_value = MOST_SEATS  # type: ignore[attr-defined]
        self.fields["state"].help_text = _("Only an open project gives seats to raters.")
        self.before = self.instance.guidelines if self.instance.pk else None
        self.fields["guidelines"].initial = self.before.text if self.before else ""
        if not self.instance.pk:
            del self.fields["state"]

    @transaction.atomic
    def save_for(self, user: User) -> Project:
        """The project; whoever makes it leads it."""
        new = self.instance.pk is None
        project = self.save()
        if new:
            Member.objects.create(project=project, user=user, role=Role.LEAD)
        revise(project, self.cleaned_data["guidelines"])
        return project


class WriteTasksForm(forms.Form):
    """Prompts become questions to which people write the ideal response."""

    count = forms.IntegerField(label=_("How many prompts"), min_value=1, required=False, help_text=_("Empty: all of them."))
    overlap = forms.IntegerField(label=_("People for each"), min_value=1, max_value=MOST_SEATS)


class RankTasksForm(forms.Form):
    """Answers of models become questions in which people put them in order."""

    models = forms.MultipleChoiceField(
        label=_("Answers by"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one model.")},
    )
    answers = forms.IntegerField(
        label=_("Answers side by side, at most"),
        min_value=FEWEST,
        max_value=MOST,
        initial=4,
        help_text=_("Four to nine make the most of a rater's reading."),
    )
    count = forms.IntegerField(label=_("How many tasks"), min_value=1, required=False, help_text=_("Empty: one for every prompt."))
    overlap = forms.IntegerField(label=_("People for each"), min_value=1, max_value=MOST_SEATS)

    def __init__(self, project: Project, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        words = _("%(model)s: %(count)d answers, %(unranked)d never ranked")
        self.fields["models"].choices = [(row["model"], words % row) for row in progress.models(project)]  # type: ignore[attr-defined]


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
        self.fields["kind"].choices = [(name, part("KINDS", name).TITLE) for name in names("KINDS")]  # type: ignore[attr-defined]


class SnapshotForm(forms.ModelForm):
    """A name, and the shares of prompts that are kept from training."""

    validation = forms.FloatField(
        label=_("Validation, in percent"),
        min_value=0,
        max_value=99,
        initial=10,
        help_text=_("Of the prompts; looked at while training."),
    )
    test = forms.FloatField(
        label=_("Test, in percent"), min_value=0, max_value=99, initial=10, help_text=_("Of the prompts; looked at only to report.")
    )

    class Meta:
        model = Snapshot
        fields = ["name"]

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if Snapshot.objects.filter(project=self.instance.project, name=name).exists():
            raise forms.ValidationError(_("This project has a snapshot of this name."))
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("validation", 0) + data.get("test", 0) >= 100:
            self.add_error("test", _("Validation and test together must stay below 100 percent."))
        return data

    def save_for(self, user: User) -> Snapshot:
        """The snapshot, waiting to be frozen."""
        shares = {name: self.cleaned_data[name] / 100 for name in ("validation", "test")}
        self.instance.options, self.instance.created_by = shares, user
        return self.save()
