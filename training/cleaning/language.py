"""Keeps documents in the wanted languages, told by py3langid from 400 characters of each: the beginning and the middle."""

from __future__ import annotations

from training.cleaning.finding import Doc, Finding, Rule, excerpt

READ = 200  # characters, twice


def rule(wanted: list[str], confidence: float) -> Rule:
    """`wanted`: ISO 639-1 codes. ValueError names a code that py3langid does not know."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    told = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if unknown := set(wanted) - set(told.labels):
        raise ValueError(f"language: {', '.join(sorted(unknown))} is not among {', '.join(sorted(told.labels))}")

    def other(doc: Doc) -> Finding | None:
        found, sure = told.classify(sampled(doc.text))
        if found in wanted and sure >= confidence:
            return None
        return Finding(found if found not in wanted else "unsure", excerpt(doc.text))

    return other


def sampled(text: str) -> str:
    """What is read of a document, without its capitals."""
    middle = max(READ, len(text) // 2)
    return f"{text[:READ]} {text[middle : middle + READ]}".lower()
