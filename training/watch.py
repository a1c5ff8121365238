"""What a run's page shows while it runs: progress with the time left, curves, latest numbers, messages, samples, the log's end.

Curves come from the Event rows; only the log is read from the run's folder, and only its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Mod
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from annotation.models import Prompt
from training import charts
from training.models import Run
from training.rundir import LOG

LOG_BYTES, LOG_LINES = 32_768, 200
RECENT_PROGRESS = 60
MOST_SAMPLES = 8
MOST_ROWS = 20_000  # metric rows read for one page; of more, every n-th
CONTROL_CHARACTERS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
BESIDES = {"attempt", "at", "kind", "step"}

# Curves of one family share a chart: loss and valid_loss are one. The first families matter most; `folded` ones are for experts.
SPLITS = ("train_", "valid_", "validation_", "eval_", "test_")
FAMILIES = {
    "loss": _("Loss"),
    "reward": _("Reward"),
    "kl": _("KL from the reference"),
    "accuracy": _("Accuracy"),
    "token_accuracy": _("Token accuracy"),
    "perplexity": _("Perplexity"),
    "bits_per_byte": _("Bits per byte"),
    "score": _("Score"),
    "margin": _("Margin"),
    "eos_rate": _("Answers that end by themselves"),
    "length": _("Tokens an answer"),
    "entropy": _("Entropy"),
}
FOLDED = (
    "learning_rate", "grad_norm", "gradient_norm", "seconds", "tokens_", "epoch", "memory", "throughput",
    "approx_kl", "clip_fraction", "explained_variance", "kl_coef", "policy_loss", "value_", "steps",
)  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """How far an attempt is. `left` is None until there is something to reckon from."""

    done: float
    total: float
    unit: str
    left: timedelta | None

    @property
    def percent(self) -> int:
        return min(100, int(100 * self.done / self.total)) if self.total else 0

    @property
    def counted(self) -> str:
        return f"{charts.tick_text(self.done)} / {charts.tick_text(self.total)} {self.unit}"


@dataclass(frozen=True)
class Curves:
    """The charts of a run, each with its title: the ones to look at first, the ones for experts; and every curve's last value."""

    charts: list[tuple[str, SafeString]]
    folded: list[tuple[str, SafeString]]
    latest: list[tuple[str, str]]
    step: int | None


@dataclass(frozen=True)
class ShownSample:
    """An answer that a run showed, with the numbers it gave it, such as its reward."""

    prompt: str
    answer: str
    numbers: list[tuple[str, str]]


@dataclass(frozen=True)
class Shown:
    """What a run showed at one step."""

    step: int | None
    rows: list[ShownSample]


def progress(run: Run) -> Progress | None:
    """From the newest progress events of this attempt; the time left is reckoned from the recent pace, not the whole run's."""
    rows = run.events.filter(kind="progress", attempt=run.attempt).order_by("-id").values_list("data", "at")[:RECENT_PROGRESS]
    if not rows:
        return None
    last, now = rows[0]
    done, total, unit = (last.get(name) for name in ("done", "total", "unit"))
    same = [(data["done"], at) for data, at in rows if (data.get("total"), data.get("unit")) == (total, unit)]
    first_done, first_at = same[-1]
    pace = (done - first_done) / seconds if (seconds := (now - first_at).total_seconds()) > 0 else 0
    left = timedelta(seconds=round((total - done) / pace)) if pace > 0 and not run.ended else None
    return Progress(done, total, unit or "", left)


def ahead(run: Run) -> int:
    """How many runs, of any project, have or will have their turn before a queued one."""
    earlier = Q(state__in=Run.LIVE) | Q(state=Run.State.QUEUED, pk__lt=run.pk)
    return Run.objects.filter(earlier, engine=run.engine, preflight=run.preflight).count() if run.state == Run.State.QUEUED else 0


def time_left(left: timedelta) -> str:
    """`2 h 5 min`, `3 min`, `40 s`: as exact as a guess deserves."""
    seconds = int(left.total_seconds())
    if seconds >= 3600:
        return gettext("%(hours)d h %(minutes)d min") % {"hours": seconds // 3600, "minutes": seconds % 3600 // 60}
    if seconds >= 90:
        return gettext("%(minutes)d min") % {"minutes": round(seconds / 60)}
    return gettext("%(seconds)d s") % {"seconds": seconds}


def curves(run: Run) -> Curves:
    """Every metric of the run, grouped into charts by family."""
    series, step = _series(_metric_rows(run)), None
    families: dict[str, dict[str, list[charts.Point]]] = {}
    for name, points in sorted(series.items(), key=lambda curve: len(curve[0])):
        families.setdefault(family(name), {})[name] = points
        step = max(step or 0, int(points[-1][0]))
    latest = [(name, charts.tick_text(series[name][-1][1])) for part in sorted(families, key=_rank) for name in families[part]]
    drawn = [name for name in sorted(families, key=_rank) if any(len(points) > 1 for points in families[name].values())]
    return Curves(
        [_chart(name, families[name]) for name in drawn if not name.startswith(FOLDED)],
        [_chart(name, families[name]) for name in drawn if name.startswith(FOLDED)],
        latest,
        step,
    )


def family(name: str) -> str:
    """`valid_loss`, `loss` → `loss`."""
    return next((name.removeprefix(split) for split in SPLITS if name.startswith(split) and name != split), name)


def _rank(name: str) -> tuple[bool, int, str]:
    known = list(FAMILIES)
    return (name.startswith(FOLDED), known.index(name) if name in known else len(known), name)


def _chart(name: str, series: dict[str, list[charts.Point]]) -> tuple[str, SafeString]:
    title = str(FAMILIES.get(name, name.replace("_", " ")))
    return title, charts.line_chart(series, title=title, x_label=pgettext("of training", "step"))


def _metric_rows(run: Run) -> Iterable[tuple[int | None, dict[str, Any]]]:
    """`(step, data)` in order. Of a very long run only every n-th row is read, so that a page stays a page."""
    rows = run.events.filter(kind="metrics").order_by("attempt", "id")
    every = rows.count() // MOST_ROWS + 1
    if every > 1:
        rows = rows.annotate(place=Mod(F("id"), every)).filter(place=0)
    return rows.values_list("step", "data")


def _series(rows: Iterable[tuple[int | None, dict[str, Any]]]) -> dict[str, list[charts.Point]]:
    """Curves by name. A resumed attempt repeats steps: what it says replaces what an older one said from there on."""
    series: dict[str, list[charts.Point]] = {}
    for step, data in rows:
        at = data.get("step") if step is None else step
        for name, value in data.items():
            if name in BESIDES or at is None or isinstance(value, bool) or not isinstance(value, (int, float)):
                continue
            points = series.setdefault(name, [])
            while points and points[-1][0] >= at:
                points.pop()
            points.append((at, float(value)))
    return series


def messages(run: Run) -> list[tuple[Any, str]]:
    """`(when, sentence)` of this run, newest first."""
    rows = run.events.filter(kind="message").order_by("-id").values_list("at", "data")[:20]
    return [(at, str(data.get("text", ""))) for at, data in rows]


def samples(run: Run) -> Shown | None:
    """The newest samples that the run showed, a few of them. A line names its prompt by text or by id."""
    event = run.events.filter(kind="samples").order_by("-id").first()
    if event is None:
        return None
    rows = [row for row in event.data.get("samples", []) if isinstance(row, dict)][:MOST_SAMPLES]
    ids = [row["prompt_id"] for row in rows if isinstance(row.get("prompt_id"), int)]
    asked = {prompt.pk: prompt.messages for prompt in Prompt.objects.filter(project=run.project_id, pk__in=ids)}
    return Shown(event.step, [_shown(row, asked.get(row.get("prompt_id", 0))) for row in rows])


def _shown(row: dict[str, Any], asked: Any) -> ShownSample:
    answer = row.get("answer") or row.get("messages") or row.get("completion") or row.get("text")
    numbers = [(name, charts.tick_text(value)) for name, value in row.items() if isinstance(value, float)]
    return ShownSample(_said(row.get("prompt") or asked), _said(answer), numbers)


def _said(value: Any) -> str:
    """A text, or what the last of some messages says."""
    if isinstance(value, list) and value and isinstance(value[-1], dict):
        value = value[-1].get("content")
    return "" if value is None else str(value)


def log_tail(run: Run) -> str:
    """The last lines of `log.txt`; of a line that redraws itself only the last drawing, without terminal control characters."""
    try:
        with open(run.folder / LOG, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n")[1 if size > LOG_BYTES else 0 :]]
    return "\n".join(CONTROL_CHARACTERS.sub("", line) for line in lines[-LOG_LINES:]).strip()


def why(run: Run) -> str:
    """What was said when the run came into its present state."""
    last = run.events.filter(kind="state").order_by("-id").first()
    return str(last.data.get("why") or "") if last else ""
