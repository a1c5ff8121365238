"""Of copies, to the letter or nearly, the first stays; what is only a little alike stays, too."""

from __future__ import annotations

import random

import numpy as np
import pytest

from training.cleaning.duplicates import Copies, Fingerprints, signature
from training.cleaning.finding import Doc


def text_of(seed: int, count: int = 400) -> list[str]:
    rng = random.Random(seed)
    return [f"w{rng.randrange(2000)}" for _ in range(count)]


def changed(words: list[str], share: float) -> str:
    """Every so many words another one."""
    every = round(1 / share)
    return " ".join(f"x{place}" if place % every == 0 else word for place, word in enumerate(words))


@pytest.fixture
def copies(tmp_path):
    def made(texts: list[str], exact: bool = True, similarity: float | None = 0.75) -> list[tuple[str, int]]:
        with Fingerprints(tmp_path, near=similarity is not None) as prints:
            for text in texts:
                prints.add(Doc(text))
        found = Copies(prints, exact, similarity)
        return [found.of(number) for number in range(len(texts))]

    return made


def test_the_first_of_equal_texts_stays(copies):
    a, b = " ".join(text_of(1)), " ".join(text_of(2))
    assert copies([a, b, a, a, b]) == [("", 0), ("", 1), ("exact", 0), ("exact", 0), ("exact", 1)]


def test_a_near_copy_goes_and_a_distant_one_stays(copies):
    a = text_of(1)
    assert copies([" ".join(text_of(2)), " ".join(a), changed(a, 0.01), changed(a, 0.1)]) == [
        ("", 0),
        ("", 1),
        ("near", 1),
        ("", 3),
    ]


def test_case_and_punctuation_make_no_other_text(copies):
    a = " ".join(text_of(1))
    assert copies([a, a.upper() + "!"]) == [("", 0), ("near", 0)]


def test_a_rule_that_is_off_finds_nothing(copies):
    a = text_of(1)
    assert copies([" ".join(a), " ".join(a)], exact=False, similarity=None) == [("", 0), ("", 1)]
    assert copies([" ".join(a), " ".join(a)], exact=False) == [("", 0), ("near", 0)]
    assert copies([" ".join(a), changed(a, 0.01)], similarity=None) == [("", 0), ("", 1)]


def test_nothing_is_no_copy(copies):
    assert copies([]) == []


def test_a_signature_tells_how_much_two_texts_share():
    a = text_of(1, 4000)
    one, other = signature(Doc(" ".join(a))), signature(Doc(changed(a, 0.05)))
    # Of 100 runs of 5 words 25 hold a changed word on either side: 75 of 125 are common.
    assert (one == other).mean() == pytest.approx(75 / 125, abs=0.12)
    assert one.dtype == np.uint32
