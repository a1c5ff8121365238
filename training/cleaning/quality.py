"""The quality rules of Gopher, C4 and FineWeb, as datatrove has them, with its numbers; only what a word is, is ours.

datatrove's own word splitters are nltk's and spaCy's, which download what they know. Import this module inside a function: it loads
datatrove. The papers: Rae et al. 2021, table A1 and § A.1.1; Raffel et al. 2020, § 2.2; Penedo et al. 2024 (FineWeb), § 3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.pipeline.filters.base_filter import BaseFilter, get_filter_result
from datatrove.pipeline.filters.gopher_repetition_filter import find_duplicates
from datatrove.utils.text import split_into_words
from datatrove.utils.word_tokenizers import WordTokenizer

from training.cleaning import words
from training.cleaning.finding import Doc, Finding, Rule, excerpt

# Two of these must be in a document: Gopher's eight for English, and what is as frequent in other languages.
STOP_WORDS = {
    "en": "the be to of and that have with",
    "es": "de la que el en y los se del las un por con una",
    "ca": "de la que i el en els per les un amb una",
    "gl": "de a que o e do da en os un por con unha",
    "eu": "eta da ez zen bat du dira izan baina ere",
    "pt": "de a que o e do da em um para com uma os",
    "fr": "de la le et les des en un une que dans pour qui",
    "it": "di e il la che in un per una del con non della",
    "de": "der die und in den von zu das mit sich des auf ist",
}
LEAST_SHARE = 0.10  # of the characters: the least share that any of Gopher's repetition rules refuses is that of 10-grams


class Words(WordTokenizer):
    """Our words and sentences through datatrove's door."""

    def word_tokenize(self, text: str) -> list[str]:
        return words.counted(text)

    def sent_tokenize(self, text: str) -> list[str]:
        return [text[start:end] for start, end in words.sentences(text)]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return words.sentences(text)


SPLITTER = Words()  # one for all: datatrove keeps the words of the last texts by splitter


def stop_words(languages: list[str]) -> list[str] | None:
    """Those of the wanted languages, of all where none is named; None where a wanted one has no list."""
    if not set(languages) <= set(STOP_WORDS):
        return None
    return sorted({word for language in languages or STOP_WORDS for word in STOP_WORDS[language].split()})


def gopher(languages: list[str]) -> Rule:
    """Words, their length, symbols, bullets, ellipses, letters, stop words."""
    stop = stop_words(languages)
    return _rule(GopherQualityFilter(language=SPLITTER, stop_words=stop, min_stop_words=2 if stop else None))


def repetition() -> Rule:
    """Lines and word n-grams that come again and again."""
    refused = _rule(GopherRepetitionFilter(language=SPLITTER))

    def repeated(doc: Doc) -> Finding | None:
        # Five times as fast or more; what it lets pass, datatrove lets pass.
        return None if repeats_little(doc.text, split_into_words(doc.text, SPLITTER)) else refused(doc)

    return repeated


def fineweb() -> Rule:
    """Lines that end like sentences, short lines, repeated lines, lists."""
    return _rule(FineWebQualityFilter(language=SPLITTER))


def c4(terminal: bool) -> Callable[[Doc], tuple[Finding | None, str]]:
    """What C4 says of a document, and the text that is left of it when it loses the lines that C4 leaves out."""
    made = C4QualityFilter(language=SPLITTER, filter_no_terminal_punct=terminal)

    def lines(doc: Doc) -> tuple[Finding | None, str]:
        document = Document(text=doc.text, id="")
        kept, why = get_filter_result(made.filter(document))
        return (None, document.text) if kept else (Finding(str(why), excerpt(doc.text)), doc.text)

    return lines


def _rule(made: BaseFilter) -> Rule:
    def refused(doc: Doc) -> Finding | None:
        kept, why = get_filter_result(made.filter(Document(text=doc.text, id="")))
        return None if kept else Finding(str(why), excerpt(doc.text))

    return refused


# A quick look ---------------------------------------------------------------------------------------------------------------


def repeats_little(text: str, found: list[str]) -> bool:
    """True only where Gopher's repetition rules surely keep the text; where it is False they have to be asked."""
    lines = text.split("\n")
    again, characters = find_duplicates(lines)
    if len(found) < 5 or "\n\n" in text or again > 0.3 * len(lines) or characters > 0.2 * len(text):
        return False
    known: dict[str, int] = {}
    ids = np.fromiter((known.setdefault(word, len(known)) for word in found), np.int64, len(found))
    size = np.fromiter(map(len, found), np.int64, len(found))
    grams, length = ids, size
    for n, most in ((2, 0.20), (3, 0.18), (4, 0.16)):
        grams, count = _longer(grams, ids[n - 1 :])
        length = length[:-1] + 1 + size[n - 1 :]
        often = count[grams]
        if often.max() * length[often == often.max()].max() > most * len(text):
            return False
    return _again(_longer(grams, ids[4:])[0], 5, size) <= LEAST_SHARE * len(text)


def _longer(grams: np.ndarray, following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grams one word longer, numbered anew [one fewer], and how often each number is there."""
    joined = grams[: len(following)] * (int(following.max()) + 1) + following
    _unique, numbered, count = np.unique(joined, return_inverse=True, return_counts=True)
    return numbered, count


def _again(grams: np.ndarray, n: int, size: np.ndarray) -> int:
    """Characters of the words that stand in an n-gram which was there before: more than Gopher counts for n and all above it."""
    again = np.ones(len(grams), bool)
    again[np.unique(grams, return_index=True)[1]] = False
    covered = np.zeros(len(size), bool)
    for shift in range(n):
        covered[shift : shift + len(grams)] |= again
    return int(size[covered].sum())
