"""Word differences: exact, readable in every script, and never slow."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation import differences
from annotation.differences import as_html, only_here, split, words

TEXTS = st.text(alphabet="ab ,.\nñكَ河👩\u200d", max_size=30)


@given(TEXTS, TEXTS)
def test_what_is_kept_and_deleted_is_before_and_what_is_kept_and_inserted_is_after(before, after):
    changes = words(before, after)
    assert "".join(text for op, text in changes if op != "insert") == before
    assert "".join(text for op, text in changes if op != "delete") == after
    assert all(text for _op, text in changes)


def longest_common(old: list[str], new: list[str]) -> int:
    """The textbook's table."""
    rows = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, a in enumerate(old):
        for j, b in enumerate(new):
            rows[i + 1][j + 1] = rows[i][j] + 1 if a == b else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]


@given(st.lists(st.sampled_from("abcd"), max_size=40), st.lists(st.sampled_from("abcd"), max_size=40))
def test_as_many_words_are_kept_as_can_be(old, new):
    kept = sum(op == "equal" for op, _word in differences._aligned(old, new))
    assert kept == longest_common(old, new)


@given(TEXTS)
def test_the_words_of_a_text_are_the_text(text):
    assert "".join(split(text)) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Año 2,5!", ["Año", " ", "2", ",", "5", "!"]),
        ("كَتَبَ الدرسَ", ["كَتَبَ", " ", "الدرسَ"]),
        ("हिन्दी में", ["हिन्दी", " ", "में"]),
        ("河は長い", ["河", "は", "長", "い"]),
        ("강은 길다", ["강은", " ", "길다"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("👩🏽\u200d🚀👍", ["👩🏽\u200d", "🚀", "👍"]),
    ],
)
def test_words_are_found_in_every_script(text, parts):
    assert split(text) == parts


def test_an_edit_is_told_word_by_word():
    assert words("The Ebro is a long river.", "The Duero is a very long river.") == [
        ("equal", "The "),
        ("delete", "Ebro"),
        ("insert", "Duero"),
        ("equal", " is a"),
        ("insert", " very"),
        ("equal", " long river."),
    ]


def test_equal_texts_have_no_differences_and_empty_ones_no_parts():
    assert words("Same.", "Same.") == [("equal", "Same.")]
    assert words("", "") == []
    assert words("", "New") == [("insert", "New")]


def test_shared_spaces_between_changes_are_no_common_ground():
    assert words("red big house", "blue small house") == [("delete", "red big"), ("insert", "blue small"), ("equal", " house")]


def test_a_word_that_two_long_changes_share_by_chance_is_no_common_ground_either():
    before, after = "Nobody swims here in a cold winter.", "Sunny valleys lie in every northern part."
    assert words(before, after) == [("delete", before[:-1]), ("insert", after[:-1]), ("equal", ".")]
    assert ("equal", " in ") in words("Ebro in Spain", "Tagus in Portugal")


def test_texts_with_too_many_words_are_compared_line_by_line(monkeypatch):
    monkeypatch.setattr(differences, "TABLE_LIMIT", 20)
    before, after = "one\na b c d\ntwo\ne f g h\n", "one\na b c X\ntwo\ne f g Y\n"
    assert words(before, after) == [
        ("equal", "one\na b c "),
        ("delete", "d\n"),
        ("insert", "X\n"),
        ("equal", "two\n"),
        ("delete", "e f g h"),
        ("insert", "e f g Y"),
        ("equal", "\n"),
    ]


def test_and_with_too_many_lines_all_between_their_ends_is_replaced(monkeypatch):
    monkeypatch.setattr(differences, "TABLE_LIMIT", 3)
    assert words("same a\nb c same", "same x\nb y same") == [
        ("equal", "same "),
        ("delete", "a\nb c"),
        ("insert", "x\nb y"),
        ("equal", " same"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a" * 200_000, "b" * 200_000),
        ("a b " * 50_000, "b a " * 50_000),
        ("河" * 200_000, "河川" * 100_000),
        ("a\n" * 100_000, "b\na\n" * 50_000),
        ("河" * 14_000, "川河" * 7_000),
    ],
)
def test_hostile_texts_are_compared_in_under_two_seconds(before, after):
    began = time.thread_time()
    words(before, after)
    assert time.thread_time() - began < 2


def test_html_is_escaped_and_nothing_in_it_is_hidden():
    assert as_html(words("a <b> c", "a <i>\u202e c")) == "a &lt;<del>b&gt;</del><ins>i&gt;⟨U+202E⟩</ins> c"


def test_a_text_marks_what_the_other_lacks():
    assert only_here("The <Ebro> is long", "The Duero is long") == "The <mark>&lt;Ebro&gt;</mark> is long"
