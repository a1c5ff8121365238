"""`disagreement`: first the tasks about whose answers the reward models disagree most; those without scores come last.

Disagreement is the mean square of the interaction model x sample in a two-way layout of the scores (Scheffé 1959, §4.1): zero when
every model sees the same differences between the answers, whatever its level. People's judgements teach a reward model most there
(query by committee, Seung et al. 1992; ensembles of reward models, Gleave and Irving 2022).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from django.db.models import Value
from django.utils.translation import gettext_lazy

from annotation.material import Score, Task
from annotation.seats import SeatQuerySet

TITLE = gettext_lazy("Highest disagreement of reward models first")
CHUNK = 300


def place() -> Value:
    return Value(0.0)


def places(seats: SeatQuerySet) -> Iterator[tuple[float, int]]:
    scored = Task.samples.through.objects.filter(task__in=seats.values("task"), sample__scores__isnull=False)
    tasks = iter(scored.order_by("task_id").values_list("task_id", flat=True).distinct())
    while chunk := list(islice(tasks, CHUNK)):
        for task_id, scores in _scores(chunk).items():
            yield -disagreement(scores), task_id


def _scores(task_ids: list[int]) -> dict[int, list[tuple[str, int, float]]]:
    """task → (reward model, sample, score)."""
    found: dict[int, list[tuple[str, int, float]]] = defaultdict(list)
    rows = Score.objects.filter(sample__tasks__in=task_ids).values_list("sample__tasks", "model", "sample_id", "value")
    for task_id, model, sample_id, value in rows:
        found[task_id].append((model, sample_id, value))
    return found


def disagreement(scores: Iterable[tuple[str, int, float]]) -> float:
    """Mean square of the interaction, over the samples that every model has scored; 0 with fewer than two models or samples."""
    table: dict[int, dict[str, float]] = defaultdict(dict)
    for model, sample, value in scores:
        table[sample][model] = value
    models = sorted({model for row in table.values() for model in row})
    whole = np.array([[row[model] for model in models] for row in table.values() if len(row) == len(models)])
    if len(models) < 2 or len(whole) < 2:
        return 0.0
    residual = whole - whole.mean(axis=0) - whole.mean(axis=1, keepdims=True) + whole.mean()
    return float((residual**2).sum() / ((len(models) - 1) * (len(whole) - 1)))
