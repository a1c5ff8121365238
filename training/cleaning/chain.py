"""The rules that read one document, in their order, as a recipe's config chose them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from training.cleaning import contamination, harmful, language, personal, quality
from training.cleaning.finding import Doc, Finding, Rule, excerpt
from training.cleaning.tally import Tally

LINES, PERSONAL = "c4_lines", "personal"


class Chain:
    """`config`: of `training/recipes/clean.py`. `evaluation`: the texts to keep out, None where there are none."""

    def __init__(self, config: Any, evaluation: Iterable[str] | None):
        wanted = [word.strip().lower() for word in config.language.split(",") if word.strip()]
        self.rules: dict[str, Rule] = {}
        if wanted:
            self.rules["language"] = language.rule(wanted, config.confidence)
        if config.gopher:
            self.rules["gopher"] = quality.gopher(wanted)
        if config.repetition:
            self.rules["repetition"] = quality.repetition()
        if config.fineweb:
            self.rules["fineweb"] = quality.fineweb()
        if config.harmful:
            self.rules["harmful"] = harmful.rule(config.harmful_words)
        if evaluation is not None:
            self.rules["contamination"] = contamination.rule(evaluation)
        self.c4 = quality.c4(config.c4_terminal) if config.c4 else None
        self.personal = config.personal

    def names(self) -> list[str]:
        """Of the rules in their order: those that remove, then those that change."""
        return [*(["c4"] if self.c4 else []), *self.rules, *([LINES] if self.c4 else []), *([PERSONAL] if self.personal else [])]

    def __call__(self, doc: Doc, tally: Tally) -> Doc | None:
        """What is left of a document; None where a rule removes it. The tally is told."""
        tally.begin(doc.text)
        refused, left = self.c4(doc) if self.c4 else (None, doc.text)
        findings = {"c4": refused} if refused else {}
        findings |= {name: found for name, rule in self.rules.items() if (found := rule(doc))}
        if findings:
            tally.remove(findings, doc.text)
            return None
        if left != doc.text:
            tally.change(LINES, _lost(doc.text, left), len(doc.text) - len(left))
            doc = Doc(left)
        return self._without_personal(doc, tally)

    def _without_personal(self, doc: Doc, tally: Tally) -> Doc:
        found = personal.find(doc.text) if self.personal else []
        if not found:
            return doc
        redacted = personal.redact(doc.text, found)
        shown = [Finding(one.kind, excerpt(doc.text, one.start, one.end)) for one in found]
        tally.change(PERSONAL, shown, len(doc.text) - len(redacted))
        return Doc(redacted)


def _lost(before: str, after: str) -> list[Finding]:
    """The lines that C4 left out or changed."""
    kept = set(after.split("\n"))
    return [Finding("line", excerpt(line)) for line in before.splitlines() if line.strip() not in kept]
