"""What a lead says of a project: the settings, its guidelines, and the aspects that `rate` asks for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from annotation import aspects, seating
from annotation.guidelines import revise
from annotation.models import Member, Project, Role
from annotation.parts import names, part

MOST_SEATS = 100
LONGEST_HOLD = 7 * 24 * 60
LONGEST_UNDO = 7 * 24 * 60
SECTIONS = (
    ("about", _("What it is"), ("name", "description", "state", "guidelines")),
    ("work", _("Who gets what"), ("policy", "overlap", "most_per_rater", "hold_minutes", "undo_minutes")),
    ("checks", _("Checks"), ("comment_required", "gold_percent", "pass_percent")),
)


class AspectForm(forms.Form):
    """One aspect: a row of the editor. A row in which nothing is written is no aspect."""

    title = forms.CharField(label=_("Title"), required=False, max_length=aspects.TITLE_LIMIT)
    name = forms.CharField(label=_("Name in the data"), required=False, max_length=40)
    scale = forms.ChoiceField(
        label=_("Scale"), choices=[("likert", _("1 to 7")), ("thumb", _("Thumb up or down")), ("flag", _("Flag"))], initial="likert"
    )
    help = forms.CharField(label=_("Help for raters"), required=False, max_length=aspects.HELP_LIMIT)

    use_required_attribute = False

    def row(self) -> dict[str, str]:
        """As `Project.aspects` keeps it; without a name it is named after its title. Empty where nothing is written."""
        told = {name: str(self[name].value() or "").strip() for name in ("name", "title", "scale", "help")}
        if not (told["name"] or told["title"] or told["help"]):
            return {}
        return {**told, "name": told["name"] or named(told["title"])}


def named(title: str) -> str:
    """A name for the data: “Is it right?” → is_it_right."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:40]


class AspectRows(forms.BaseFormSet):
    """The aspects editor. Rows are added and taken away by buttons that send the whole form, so that nothing needs a script."""

    @classmethod
    def of(cls, rows: list[dict[str, str]]) -> AspectRows:
        return AspectFormSet(_as_sent(rows), prefix="aspect")  # type: ignore[return-value]

    @classmethod
    def sent(cls, post: Any) -> AspectRows:
        """As posted, after the button that was pressed: `more` adds a row, `remove` takes the row of that number away."""
        rows = [form.row() for form in AspectFormSet(post, prefix="aspect")]
        if (gone := post.get("remove", "")).isdecimal():
            del rows[int(gone) : int(gone) + 1]
        if "more" in post:
            rows.append({})
        return cls.of(rows)

    def rows(self) -> list[dict[str, str]]:
        return [row for form in self if (row := form.row())]

    def clean(self) -> None:
        aspects.checked(self.rows())


def _as_sent(rows: list[dict[str, str]]) -> dict[str, str]:
    fields = {f"aspect-{number}-{name}": value for number, row in enumerate(rows) for name, value in row.items()}
    return {"aspect-TOTAL_FORMS": str(len(rows)), "aspect-INITIAL_FORMS": "0", **fields}


AspectFormSet = forms.formset_factory(AspectForm, formset=AspectRows, extra=0, max_num=aspects.MOST, absolute_max=aspects.MOST + 1)


class ProjectForm(forms.ModelForm):
    """A project and its guidelines; changed guidelines are a new version."""

    guidelines = forms.CharField(
        label=_("Guidelines"),
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=_("What raters are told, in Markdown. Each judgement remembers the version under which it was made."),
    )
    policy = forms.ChoiceField(label=_("Next task"), initial="in_order", help_text=_("Which task a rater gets next."))
    overlap = forms.IntegerField(
        label=_("People for each task"),
        min_value=1,
        max_value=MOST_SEATS,
        initial=1,
        help_text=_("How many people judge each new task. Two or more tell you how far people agree. More can be added later."),
    )
    hold_minutes = forms.IntegerField(
        label=_("Hold, in minutes"),
        min_value=1,
        max_value=LONGEST_HOLD,
        initial=45,
        help_text=_("After this long without a sign of life a rater's seat may go to somebody else."),
    )
    undo_minutes = forms.IntegerField(
        label=_("Undo, in minutes"),
        min_value=0,
        max_value=LONGEST_UNDO,
        initial=10,
        help_text=_("How long raters may change the judgement that they sent last. 0: not at all."),
    )
    most_per_rater = forms.IntegerField(
        label=_("Most per rater"),
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        help_text=_("After this many judgements a rater gets no more here. Empty: no limit."),
    )

    class Meta:
        model = Project
        fields = [name for _key, _title, fields in SECTIONS for name in fields if name != "guidelines"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, data: Any = None, *, instance: Project | None = None):
        super().__init__(data, instance=instance)
        self.fields["policy"].choices = [(name, part("POLICIES", name).TITLE) for name in names("POLICIES")]  # type: ignore[attr-defined]
        self.fields["description"].help_text = _("A sentence or two, for those who work here.")
        self.fields["state"].help_text = _("Only an open project gives seats to raters.")
        self.before = self.instance.guidelines if self.instance.pk else None
        self.policy_before = self.instance.policy if self.instance.pk else None
        self.fields["guidelines"].initial = self.before.text if self.before else ""
        self.aspects = AspectRows.of(self.instance.aspects) if data is None else AspectRows.sent(data)
        if not self.instance.pk:
            del self.fields["state"]

    def sections(self) -> Iterator[dict[str, Any]]:
        """The fields as the page groups them."""
        for key, title, wanted in SECTIONS:
            yield {"key": key, "title": title, "fields": [self[name] for name in wanted if name in self.fields]}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        try:
            self.instance.aspects = [vars(aspect) for aspect in aspects.checked(self.aspects.rows())]
        except ValidationError as error:
            self.add_error(None, error)
        return data

    def drafted(self) -> Project:
        """The project as it would be, for a preview: what cannot be saved yet is left as it was."""
        self.is_valid()
        return self.instance

    @transaction.atomic
    def save_for(self, user: User) -> Project:
        """The project; whoever makes it leads it. Another policy puts the open seats into its order."""
        new = self.instance.pk is None
        project = self.save()
        if new:
            Member.objects.create(project=project, user=user, role=Role.LEAD)
        elif project.policy != self.policy_before:
            seating.arrange(project)
        revise(project, self.cleaned_data["guidelines"])
        return project
