"""The form of a new evaluation: which checkpoints are measured, on what, and which two go before people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from annotation.models import Project, Sample
from annotation.parts import part
from evals import preference
from evals.models import Evaluation
from evals.starting import Contest, start
from training import schema
from training.forms import CONFIG, INPUT, input_field, option_field
from training.models import Checkpoint

GIVEN = {"dataset": _("Dataset"), "corpus": _("Corpus"), "reward": _("Reward model")}


class Ticked(forms.ModelMultipleChoiceField):
    """Checkpoints as boxes, each with what it is."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, checkpoint: Any) -> str:
        return f"{checkpoint.name} · {checkpoint.get_role_display()}"


class Answering(forms.ModelChoiceField):
    """Checkpoints that have answered prompts, each with how many."""

    def __init__(self, project: Project, **options: Any):
        rows = Sample.objects.filter(prompt__project=project).exclude(model="").exclude(key__startswith=preference.AUDIT)
        self.answered: dict[str, int] = {}
        for model, _prompt in rows.order_by().values_list("model", "prompt").distinct():
            self.answered[model] = self.answered.get(model, 0) + 1
        found = Checkpoint.objects.filter(project=project, name__in=self.answered).order_by("-id")
        super().__init__(found, required=False, empty_label=_("nobody is asked"), **options)

    def label_from_instance(self, checkpoint: Any) -> str:
        count = self.answered.get(checkpoint.name, 0)
        return f"{checkpoint.name} · " + ngettext("%(count)d prompt answered", "%(count)d prompts answered", count) % {
            "count": count
        }


class EvaluationForm(forms.Form):
    """Everything that one report shall compare. `begin` starts it or attaches what is wrong to the fields."""

    name = forms.CharField(label=_("Name"), max_length=120)
    count = forms.IntegerField(
        label=_("Prompts to compare on"),
        min_value=1,
        max_value=10_000,
        initial=60,
        help_text=_("About 194 decided comparisons show a 60 % preference, 783 a 55 % one (80 % power)."),
    )
    overlap = forms.IntegerField(
        label=_("People for each prompt"), min_value=1, max_value=50, initial=1,
        help_text=_("More prompts tell more than more people on the same prompt."),
    )  # fmt: skip

    def __init__(self, project: Project, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.project, self.recipe = project, part("RECIPES", "evaluate")
        measurable = Checkpoint.objects.filter(project=project).exclude(role=Checkpoint.Role.TOKENIZER).order_by("-id")
        self.fields["checkpoints"] = Ticked(
            measurable, label=_("Checkpoints to measure"), required=False, help_text=_("Each gets a run of its own.")
        )
        for wanted in self.recipe.INPUTS:
            if wanted.name in GIVEN:
                self.fields[INPUT + wanted.name] = input_field(project, wanted)
                self.fields[INPUT + wanted.name].label = GIVEN[wanted.name]
        for option in schema.options(self.recipe.Config):
            self.fields[CONFIG + option.name] = option_field(option)
        self.fields["first"] = Answering(project, label=_("One checkpoint"))
        self.fields["second"] = Answering(project, label=_("Another checkpoint"))

    def inputs(self) -> list[forms.BoundField]:
        return [self[INPUT + name] for name in GIVEN]

    def basic(self) -> list[forms.BoundField]:
        return [self[CONFIG + option.name] for option in schema.options(self.recipe.Config) if not option.advanced]

    def advanced(self) -> list[forms.BoundField]:
        return [self[CONFIG + option.name] for option in schema.options(self.recipe.Config) if option.advanced]

    def settings_are_wrong(self) -> bool:
        """Whether a folded field has an error, so that the fold opens."""
        return any(field.errors for field in [*self.basic(), *self.advanced()])

    def clean_name(self) -> str:
        name = self.cleaned_data["name"]
        if Evaluation.objects.filter(project=self.project, name=name).exists():
            raise forms.ValidationError(_("This project has an evaluation of that name: choose another."))
        return name

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        first, second = given.get("first"), given.get("second")
        if not given.get("checkpoints") and not first and not second and not self.errors:
            raise forms.ValidationError(_("Tick a checkpoint to measure, or choose two for people to compare."))
        if given.get("checkpoints") and not (given.get("input-dataset") or given.get("input-corpus")):
            self.add_error(INPUT + "dataset", _("Measuring needs a dataset or a corpus."))
        if first or second:
            self._check_contest(first, second)
        return given

    def _check_contest(self, first: Checkpoint | None, second: Checkpoint | None) -> None:
        if first is None or second is None or first == second:
            self.add_error("second", _("Choose two different checkpoints."))
        elif not preference.pairs(self.project, first.name, second.name):
            self.add_error(
                "second",
                _("These two have answered no prompt in common: run the recipe `sample` with both first."),
            )

    def begin(self, user: User) -> Evaluation | None:
        """The evaluation, begun; None when something is wrong, which is then on the form."""
        if not self.is_valid():
            return None
        given = self.cleaned_data
        contests = [Contest(given["first"], given["second"], given["count"], given["overlap"])] if given["first"] else []
        try:
            return start(
                user=user,
                project=self.project,
                name=given["name"],
                checkpoints=given["checkpoints"],
                inputs={name: given[INPUT + name] for name in GIVEN if given[INPUT + name]},
                config={option.name: given[CONFIG + option.name] for option in schema.options(self.recipe.Config)},
                contests=contests,
            )
        except schema.ConfigError as error:
            self._blame(error)
            return None

    def _blame(self, error: schema.ConfigError) -> None:
        for name, sentence in error.errors.items():
            field = next((one for one in (CONFIG + name, INPUT + name) if one in self.fields), None)
            self.add_error(field, sentence if field else f"{name}: {sentence}")
