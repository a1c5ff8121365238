"""What one judgement says, for people to read: each answer in the order in which the rater saw it, and what they made of it."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from annotation.asking import grades_of
from annotation.aspects import aspects_of
from annotation.differences import as_html, words
from annotation.models import Judgement, Sample

BAD, GOOD, PLAIN = "bad", "good", ""


@dataclass(frozen=True)
class Word:
    """One thing said of one answer, and whether it is praise (`good`), blame (`bad`) or neither."""

    text: str
    tone: str = PLAIN


@dataclass(frozen=True)
class Shown:
    letter: str
    sample: Sample
    words: list[Word]


@dataclass(frozen=True)
class Said:
    """The answers with what was said of each; the text that was written, and how it differs from the answer that it improves."""

    answers: list[Shown]
    written: Sample | None
    changes: SafeString | None


def said_of(judgement: Judgement) -> Said:
    """What one judgement says, in the letters and the order in which its rater saw the answers."""
    grades = grades_of([judgement.pk])[judgement.pk]
    samples = Sample.objects.in_bulk(judgement.order)
    titles = {aspect.name: aspect for aspect in aspects_of(judgement.seat.project)}
    shown = [
        Shown(letter, samples[pk], list(_words(pk, grades, judgement.order, titles)))
        for pk, letter in zip(judgement.order, ascii_uppercase, strict=False)
        if pk in samples
    ]
    written = judgement.written
    changed = mark_safe(as_html(words(written.origin.text, written.text))) if written and written.origin else None
    return Said(shown, written, changed)


def _words(pk: int, grades: dict[int, dict[str, float]], order: list[int], titles: dict):
    """The place among the answers, whether it is acceptable, and the other aspects."""
    mine = grades.get(pk, {})
    if "overall" in mine and len(order) > 1:
        yield _place(pk, {other: grades[other]["overall"] for other in order if "overall" in grades.get(other, {})})
    if mine.get("acceptable") == 0:
        yield Word(_("Unacceptable"), BAD)
    for name, value in mine.items():
        if name in ("overall", "acceptable"):
            continue
        yield _aspect(titles[name].title, titles[name].scale, value) if name in titles else Word(f"{name}: {value:g}")


def _place(pk: int, values: dict[int, float]) -> Word:
    place = 1 + len({value for value in values.values() if value > values[pk]})
    tied = sum(value == values[pk] for value in values.values()) > 1
    text = _("Place %(place)d, tied") if tied else _("Place %(place)d")
    return Word(text % {"place": place}, GOOD if place == 1 and not (tied and len(set(values.values())) == 1) else PLAIN)


def _aspect(title: str, scale: str, value: float) -> Word:
    if scale == "likert":
        return Word(_("%(aspect)s: %(value)g of 7") % {"aspect": title, "value": value})
    if scale == "thumb":
        return Word(f"{title}: {'👍' if value else '👎'}", GOOD if value else BAD)
    return Word(title, BAD) if value else Word(_("%(aspect)s: no") % {"aspect": title})
