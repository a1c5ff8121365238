"""Which of two checkpoints people prefer, blind: their answers to the same prompts as ranking tasks, and the grades' win rate.

Raters see two answers in an order drawn for each seat, and no model's name. These tasks have the purpose `evaluate`: their
judgements never enter a snapshot, so no model is trained on its own examination.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db.models import QuerySet

from annotation import stats
from annotation.frozen import prompt_split
from annotation.models import Grade, Project, Sample, Task
from annotation.simulated import is_simulated
from annotation.snapshot import DEFAULTS
from annotation.tasks import answer_tasks
from evals.models import Evaluation

AUDIT = "audit/"  # how the keys of samples begin that a run logged while it trained (`evals/audits.py`)
SPLIT_ORDER = {"test": 0, "validation": 1, "train": 2}


@dataclass(frozen=True)
class WinRate:
    """How often the first model was preferred to the second: `value` of `n` comparisons, ties counting half, with its interval.

    The interval treats the judgements of one prompt as going together. With n = 0 the interval is (0, 1): nothing is known.
    """

    value: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int
    n: int
    raters: int
    prompts: int
    simulated: int = 0  # of the n: by programs, not people


def pairs(project: Project, a: str, b: str) -> list[tuple[Sample, Sample]]:
    """One sample of model `a` and one of `b` for every prompt that both answered, the prompts of the test split first."""
    first = {model: _first_samples(project, model) for model in (a, b)}
    both = [(one, first[b][prompt]) for prompt, one in first[a].items() if prompt in first[b]]
    return sorted(both, key=lambda pair: (SPLIT_ORDER[_split(pair[0])], pair[0].prompt.digest))


def send_to_raters(evaluation: Evaluation, a: str, b: str, *, count: int, overlap: int) -> list[Task]:
    """Asks people to compare `count` pairs, each `overlap` times; pairs that this evaluation asked about before are left out."""
    asked = set(shown(evaluation.tasks.all()).values())
    new = [pair for pair in pairs(evaluation.project, a, b) if frozenset((pair[0].pk, pair[1].pk)) not in asked]
    return ask(evaluation, new[:count], kind="rank", overlap=overlap)


def ask(evaluation: Evaluation, pairs: Iterable[tuple[Sample, Sample]], *, kind: str, overlap: int) -> list[Task]:
    """One task of the evaluation for each two answers to a prompt, wanted from `overlap` people; no snapshot ever holds it."""
    tasks = answer_tasks([list(pair) for pair in pairs], kind=kind, overlap=overlap, purpose=Task.Purpose.EVALUATE)
    evaluation.tasks.add(*tasks)
    return tasks


def shown(tasks: QuerySet[Task], field: str = "samples") -> dict[int, frozenset]:
    """By task: the ids of the samples that it shows; with `samples__model`, their models."""
    found: dict[int, set] = {}
    for task, value in tasks.filter(samples__isnull=False).order_by("id").values_list("id", field):
        found.setdefault(task, set()).add(value)
    return {task: frozenset(values) for task, values in found.items()}


def win_rate(tasks: QuerySet[Task] | Iterable[Task], a: str, b: str) -> WinRate:
    """How often people put `a`'s answer above `b`'s, over the judgements in force of these tasks. One query."""
    rows = (
        Grade.objects.filter(
            judgement__task__in=tasks, judgement__superseded_by=None, aspect="overall", step=0, sample__model__in=(a, b)
        )
        .order_by("judgement_id", "sample_id")
        .values_list(
            "judgement_id",
            "judgement__task__prompt_id",
            "judgement__rater_id",
            "judgement__rater__username",
            "sample__model",
            "value",
        )
    )
    judged: dict[int, dict[str, float]] = {}
    who: dict[int, tuple[int, int]] = {}
    programs: set[int] = set()
    for judgement, prompt, rater, name, model, value in rows:
        judged.setdefault(judgement, {})[model] = value
        who[judgement] = (prompt, rater)
        if is_simulated(name):
            programs.add(judgement)
    both = {key: grades for key, grades in judged.items() if len(grades) == 2}
    counted = count_wins([(*who[key], grades[a] - grades[b]) for key, grades in both.items()])
    return replace(counted, simulated=len(programs & both.keys()))


def count_wins(votes: list[tuple[int, int, float]]) -> WinRate:
    """The win rate of votes (prompt, rater, grade of the first minus grade of the second)."""
    points = [1.0 if margin > 0 else 0.0 if margin < 0 else 0.5 for _prompt, _rater, margin in votes]
    prompts = [prompt for prompt, _rater, _margin in votes]
    low, high = stats.cluster_interval(points, prompts)
    return WinRate(
        value=sum(points) / len(points) if points else 0.5,
        low=low,
        high=high,
        wins=points.count(1.0),
        ties=points.count(0.5),
        losses=points.count(0.0),
        n=len(points),
        raters=len({rater for _prompt, rater, _margin in votes}),
        prompts=len(set(prompts)),
    )


def _first_samples(project: Project, model: str) -> dict[int, Sample]:
    """The first answer of a model to each prompt of a project. What audits logged was sampled otherwise and is left out."""
    found = Sample.objects.filter(prompt__project=project, model=model).exclude(key__startswith=AUDIT)
    found = found.select_related("prompt").order_by("-id")
    return {sample.prompt_id: sample for sample in found}


def _split(sample: Sample) -> str:
    # The shares that a snapshot takes unless told otherwise.
    return prompt_split(sample.prompt.digest, DEFAULTS["test"], DEFAULTS["validation"])
