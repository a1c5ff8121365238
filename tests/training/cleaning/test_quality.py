"""The quick look before Gopher's repetition rules never lets pass what they refuse."""

from __future__ import annotations

import random

from datatrove.data import Document
from datatrove.pipeline.filters import GopherRepetitionFilter
from hypothesis import given, settings
from hypothesis import strategies as st

from training.cleaning import quality, words

WORDS = [f"word{number}" for number in range(12)]
texts = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=30).map(" ".join), min_size=1, max_size=12).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_what_the_quick_look_lets_pass_datatrove_lets_pass(text):
    if quality.repeats_little(text, words.counted(text)):
        assert GopherRepetitionFilter(language=quality.SPLITTER).filter(Document(text=text, id="")) is True


def test_it_lets_a_text_of_many_words_pass():
    rng = random.Random(0)
    text = " ".join(f"w{rng.randrange(3000)}" for _ in range(600))
    assert quality.repeats_little(text, words.counted(text))


def test_words_are_what_stands_between_spaces_and_characters_where_none_are_written():
    assert words.counted("Don Quijote, ¡oh!") == ["Don", "Quijote,", "¡oh!"]
    assert words.counted("吾輩は猫である。 Fin") == ["吾", "輩", "は", "猫", "で", "あ", "る", "。", "Fin"]
    assert words.terms("Don_Quijote's ÑANDÚ n\u0303") == ["don", "quijote", "s", "ñandú", "ñ"]
