"""The leads' forms. A recipe's form is drawn from its `Config` and its `INPUTS`; `launch` alone judges what was typed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from annotation.models import Project, Role, Snapshot
from annotation.parts import part
from training import corpora, schema, textfiles
from training.charts import tick_text
from training.launch import MODELS, launch
from training.models import Checkpoint, Corpus, Run

CONFIG, INPUT = "config-", "input-"
NOTHING = {
    "snapshot": _("This project has no frozen snapshot yet: make one on its snapshots page."),
    "checkpoint": _("This project has no such checkpoint yet: train one, or import one."),
    "corpus": _("This project has no corpus yet: upload one on the corpora page."),
}


def sentence_of(recipe: Any) -> str:
    """The first sentence of a recipe's docstring."""
    return (recipe.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def candidates(project: Project, wanted: schema.Input) -> QuerySet:
    """What this project has for an input of a recipe, newest first."""
    rows: QuerySet[Any] = MODELS[wanted.kind]._default_manager.filter(project=project).order_by("-id")
    if wanted.kind == "snapshot":
        return rows.filter(manifest__isnull=False)
    return rows.filter(role=wanted.role) if wanted.role else rows


class InputChoice(forms.ModelChoiceField):
    """A select that says what a thing is, not only what it is called."""

    def label_from_instance(self, thing: Any) -> str:
        if isinstance(thing, Checkpoint):
            size = thing.card.get("parameters")
            return f"{thing.name} · {tick_text(size)}" if size else thing.name
        if isinstance(thing, Snapshot):
            rows = (thing.manifest or {}).get("counts", {}).get("rows", 0)
            return f"{thing.name} · " + ngettext("%(count)d judgement", "%(count)d judgements", rows) % {"count": rows}
        return str(thing)


class RunForm(forms.Form):
    """A run of one recipe in one project. What is wrong, `schema.parse` and `launch` say; the form puts it at its field."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        required=False,
        help_text=_("What its checkpoint will be called; empty: recipe and number."),
    )
    seed = forms.IntegerField(label=_("Seed"), min_value=0, max_value=2**31 - 1, initial=0)
    processes = forms.IntegerField(
        label=_("Processes"), min_value=1, max_value=64, initial=1, help_text=_("Ranks that torchrun starts on the one machine.")
    )

    def __init__(self, recipe: str, project: Project, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.recipe, self.project = recipe, project
        self.part = part("RECIPES", recipe)
        self.options = schema.options(self.part.Config)
        for wanted in self.part.INPUTS:
            self.fields[INPUT + wanted.name] = input_field(project, wanted)
        for option in self.options:
            self.fields[CONFIG + option.name] = option_field(option)
        self.order_fields(
            [*(INPUT + wanted.name for wanted in self.part.INPUTS), *(CONFIG + option.name for option in self.options)]
        )

    def inputs(self) -> list[forms.BoundField]:
        return [self[INPUT + wanted.name] for wanted in self.part.INPUTS]

    def basic(self) -> list[forms.BoundField]:
        return [self[CONFIG + option.name] for option in self.options if not option.advanced]

    def advanced(self) -> list[forms.BoundField]:
        return [self[CONFIG + option.name] for option in self.options if option.advanced]

    def about(self) -> list[forms.BoundField]:
        return [self["name"], self["seed"], self["processes"]]

    def advanced_is_wrong(self) -> bool:
        """Whether a folded field has an error, so that the fold opens."""
        return any(field.errors for field in self.advanced())

    def clean(self) -> dict[str, Any]:
        """Every bad setting is named at once, beside whatever is wrong with the inputs."""
        try:
            schema.parse(self.part.Config, self.config())
        except schema.ConfigError as error:
            self.blame(error)
        return self.cleaned_data

    def config(self) -> dict[str, Any]:
        return {option.name: self.cleaned_data[CONFIG + option.name] for option in self.options}

    def queue(self, user: User, *, preflight: bool = False) -> Run | None:
        """The queued run, or preflight of it; None when something is wrong, which is then on the form."""
        if not self.is_valid():
            return None
        given = self.cleaned_data
        try:
            return launch(
                user=user,
                project=self.project,
                recipe=self.recipe,
                config=self.config(),
                inputs={one.name: given[INPUT + one.name] for one in self.part.INPUTS if given[INPUT + one.name]},
                seed=given["seed"],
                resources={"processes": given["processes"]},
                name=given["name"],
                preflight=preflight,
            )
        except schema.ConfigError as error:
            self.blame(error)
            return None

    def blame(self, error: schema.ConfigError) -> None:
        """Puts each sentence at its field; what names no field of this form goes above it."""
        for name, sentence in error.errors.items():
            field = next((one for one in (CONFIG + name, INPUT + name, name) if one in self.fields), None)
            self.add_error(field, sentence if field else f"{name}: {sentence}")


def input_field(project: Project, wanted: schema.Input) -> InputChoice:
    rows, about = candidates(project, wanted), gettext(wanted.help)
    field = InputChoice(rows, label=wanted.name, required=wanted.required, help_text=about)
    field.empty_label = _("none") if not wanted.required else _("choose…")  # type: ignore[assignment]
    if not rows.exists():
        field.help_text = NOTHING[wanted.kind] if wanted.required else f"{about} {NOTHING[wanted.kind]}"
    return field


def option_field(option: schema.Option) -> forms.Field:
    """The field of one Config option. It passes on what was typed: `schema.parse` judges it, as for REST and the shell."""
    common: dict[str, Any] = {"label": option.name, "help_text": gettext(option.help), "required": False, "initial": option.default}
    field: forms.Field
    if option.type is bool:
        field = forms.BooleanField(**common)
    elif option.choices:
        blank = [("", "—")] if option.optional else []
        field = forms.CharField(widget=forms.Select(choices=[*blank, *((word, word) for word in option.choices)]), **common)
    elif option.type in (int, float):
        limits = {"min": option.min, "max": option.max, "step": "any" if option.type is float else 1}
        field = forms.CharField(
            widget=forms.NumberInput({key: limit for key, limit in limits.items() if limit is not None}), **common
        )
    else:
        field = forms.CharField(**common)
    field.unit = option.unit and gettext(option.unit)  # type: ignore[union-attr]
    return field


class CorpusForm(forms.Form):
    """A text file for a tokenizer or a base model."""

    project = forms.ModelChoiceField(Project.objects.none(), label=_("Project"), empty_label=None)
    name = forms.CharField(label=_("Name"), max_length=120)
    file = forms.FileField(
        label=_("File"),
        help_text=_("Plain text in UTF-8, a blank line between documents; or JSONL, CSV or Parquet with a text a row."),
    )
    column = forms.CharField(
        label=_("Text column"),
        max_length=200,
        required=False,
        help_text=_("Of JSONL, CSV or Parquet: the column that holds the text. Empty: text."),
    )
    language = forms.CharField(label=_("Language"), max_length=12, required=False, help_text=_("For example en, es, or en,es."))
    source = forms.CharField(label=_("Source"), max_length=200, required=False, help_text=_("Where the text comes from."))
    licence = forms.CharField(
        label=_("Licence"),
        max_length=120,
        required=False,
        help_text=_("For example CC-BY-4.0. It stays with every model made from it."),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = led_by(user)  # type: ignore[attr-defined]

    def save(self, user: User) -> Corpus | None:
        """The stored corpus; None when the file is refused, with the reason at its field."""
        if not self.is_valid():
            return None
        given = dict(self.cleaned_data)
        try:
            column = given.pop("column") or textfiles.COLUMN
            return corpora.store(textfiles.uploaded(given.pop("file"), column), user=user, **given)
        except corpora.BadCorpus as error:
            self.add_error(error.field, str(error))
            return None


class RatersForm(forms.Form):
    """How a run's samples go to raters."""

    overlap = forms.IntegerField(label=_("Raters per task"), min_value=1, max_value=50)
    models = forms.MultipleChoiceField(
        label=_("Together with"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Answers of these models to the same prompts are ranked against this run's. Raters do not see whose an answer is."
        ),
    )

    def __init__(self, models: list[str], *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["models"].choices = [(name, name) for name in models]  # type: ignore[attr-defined]


def led_by(user: User | AnonymousUser) -> QuerySet[Project]:
    """The projects in which this user may train."""
    return Project.objects.visible_to(user, Role.LEAD).order_by("name")
