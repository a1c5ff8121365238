"""What a run of `clean` shows on its page: each rule with what it removes or would remove, why, and examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from annotation.unseen import visible
from training.models import Run

TITLES = {
    "c4": _("C4: documents"),
    "language": _("Language"),
    "gopher": _("Gopher: quality"),
    "repetition": _("Gopher: repetition"),
    "fineweb": _("FineWeb"),
    "harmful": _("Harmful words"),
    "contamination": _("Evaluation texts"),
    "exact": _("Exact copies"),
    "near": _("Near copies"),
    "c4_lines": _("C4: lines"),
    "personal": _("Personal data"),
}
WHYS = {
    "too_few_sentences": _("fewer than 5 sentences"),
    "lorem_ipsum": _("lorem ipsum"),
    "curly_bracket": _("a curly bracket"),
    "unsure": _("no language for sure"),
    "gopher_short_doc": _("fewer than 50 words"),
    "gopher_long_doc": _("more than 100,000 words"),
    "gopher_below_avg_threshold": _("words shorter than 3 letters on average"),
    "gopher_above_avg_threshold": _("words longer than 10 letters on average"),
    "gopher_too_many_hashes": _("more than one # in 10 words"),
    "gopher_too_many_ellipsis": _("more than one … in 10 words"),
    "gopher_too_many_bullets": _("over 9 in 10 lines are list items"),
    "gopher_too_many_end_ellipsis": _("over 3 in 10 lines end in …"),
    "gopher_below_alpha_threshold": _("over 1 in 5 words without a letter"),
    "gopher_enough_stop_words": _("fewer than 2 of the commonest words"),
    "dup_para_frac": _("repeated paragraphs"),
    "dup_para_char_frac": _("repeated paragraphs"),
    "dup_line_frac": _("over 3 in 10 lines repeated"),
    "dup_line_char_frac": _("over 1 in 5 characters in repeated lines"),
    "line_punct_ratio": _("under 12 in 100 lines end like a sentence"),
    "short_line_ratio": _("over 67 in 100 lines under 30 characters"),
    "char_dup_ratio": _("over 1 in 100 characters in repeated lines"),
    "list_ratio": _("more than 3 lines in 10 words"),
    "13 words": _("13 words in a row"),
    "line": _("a whole line"),
    "copy": _("a copy"),
}
CHANGING = ("c4_lines", "personal")


@dataclass(frozen=True)
class Example:
    """A place that a rule found."""

    why: str
    text: str


@dataclass(frozen=True)
class Row:
    """One rule: documents in which it found something, those that go or change by it, characters that go, why, examples."""

    name: str
    title: str
    changes: bool
    found: int
    documents: int
    characters: int
    whys: list[tuple[str, int]]
    examples: list[Example]


@dataclass(frozen=True)
class Report:
    """All rules of a run, and what was read and stays. `applied`: a corpus was made; else it is a trial."""

    applied: bool
    done: bool
    read: dict[str, int]
    kept: dict[str, int]
    rows: list[Row]


def report(run: Run) -> Report | None:
    """The newest figures of this attempt; None where the run tells none."""
    event = run.events.filter(kind="cleaning", attempt=run.attempt).order_by("-id").first()
    if event is None:
        return None
    data = event.data
    return Report(
        bool(data.get("applied")),
        bool(data.get("done")),
        _counts(data.get("read")),
        _counts(data.get("kept")),
        [_row(row) for row in data.get("rules", [])],
    )


def _counts(given: Any) -> dict[str, int]:
    return {"documents": 0, "characters": 0} | (given or {})


def _row(row: dict[str, Any]) -> Row:
    name = row["rule"]
    return Row(
        name=name,
        title=str(TITLES.get(name, name)),
        changes=name in CHANGING,
        found=row["found"],
        documents=row["changed"] if name in CHANGING else row["removed"],
        characters=row["characters"],
        whys=[(_why(why), count) for why, count in row["whys"].items()][:12],
        examples=[Example(_why(one["why"]), visible(one["shown"])) for one in row["examples"]],
    )


def _why(word: str) -> str:
    """A reason in words; n-gram rules name their n, languages and kinds of personal data are codes."""
    if word.startswith("top_"):
        return str(_("the commonest run of %(n)s words") % {"n": word[4]})
    if word.startswith("duplicated_"):
        return str(_("repeated runs of %(n)s words") % {"n": word.split("_")[1]})
    return str(WHYS.get(word, word))
