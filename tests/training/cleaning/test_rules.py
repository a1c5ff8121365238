"""Each rule finds its fault and leaves a clean text alone."""

from __future__ import annotations

import json

import pytest

from training.cleaning import contamination, harmful, language
from training.cleaning.chain import Chain
from training.cleaning.finding import Doc, excerpt
from training.cleaning.tally import Tally
from training.recipes.clean import Config

TALE = "\n".join(
    [
        "Once there was a miller who had three sons, and when he died he left them his mill, his donkey and his cat.",
        "The eldest took the mill, and the second took the donkey, so that nothing was left for the youngest but the cat.",
        "He sat down by the road and said to himself that he would surely die of hunger before the end of the winter.",
        "But the cat, which had heard every word of it, told him to be of good cheer and to have a pair of boots made.",
        "With the boots on its feet it went into the woods, caught a rabbit in a bag, and carried it straight to the king.",
        "The king was pleased with the rabbit, and gave the cat as much gold as it could carry home to its master.",
    ]
)
CUENTO = (
    "Había una vez un molinero que tenía tres hijos, y cuando murió les dejó su molino, su burro y su gato. El mayor se quedó con "
    "el molino y el segundo con el burro, de modo que para el más joven no quedaba más que el gato, que había oído cada palabra."
)
LINES = TALE.split("\n")


def said(text: str, **config) -> dict[str, str]:
    """Rule → why, for a text that is read alone."""
    chain = Chain(Config(**config), None)
    tally = Tally(chain.names(), seed=0)
    chain(Doc(text), tally)
    return {name: next(iter(row.whys)) for name, row in tally.rows.items() if row.found}


def test_a_clean_text_passes_every_rule():
    assert said(TALE, language="en") == {}


@pytest.mark.parametrize(
    ("text", "rule", "why"),
    [
        (" ".join(TALE.split()[:30]), "gopher", "gopher_short_doc"),
        ("\n".join(f"- {line}" for line in LINES), "gopher", "gopher_too_many_bullets"),
        ("\n".join(f"{line}.." for line in LINES), "gopher", "gopher_too_many_end_ellipsis"),
        (" ".join(f"1789 {word}" for word in TALE.split()), "gopher", "gopher_below_alpha_threshold"),
        (TALE.replace(" ", " #"), "gopher", "gopher_too_many_hashes"),
        ("\n".join([*LINES, *[LINES[0]] * 9]), "repetition", "dup_line_frac"),
        (f"{TALE} {'click here now please ' * 60}", "repetition", "top_2_gram"),
        (TALE.replace("rabbit", "{rabbit}"), "c4", "curly_bracket"),
        (f"{TALE}\nLorem ipsum dolor sit amet.", "c4", "lorem_ipsum"),
        (" ".join(LINES).replace(".", ","), "c4", "too_few_sentences"),
        ("\n".join(TALE.replace(".", "").split(" ")), "fineweb", "line_punct_ratio"),
        (TALE.replace("rabbit", "pornstar"), "harmful", "pornstar"),
    ],
)  # fmt: skip
def test_a_fault_is_found_by_its_rule(text, rule, why):
    assert said(text)[rule] == why


def test_lines_about_cookies_go_and_the_document_stays():
    chain = Chain(Config(), None)
    tally = Tally(chain.names(), seed=0)
    left = chain(Doc(f"{LINES[0]}\nThis site uses cookies, as all do.\n" + "\n".join(LINES[1:])), tally)
    assert left is not None
    assert left.text == TALE
    assert [one.shown for one in tally.rows["c4_lines"].examples] == ["This site uses cookies, as all do."]


def test_lines_without_an_end_go_only_where_asked():
    open_ended = f"{TALE}\nthe end of the tale of the cat"
    assert said(open_ended) == {}
    assert said(open_ended, c4_terminal=True) == {"c4_lines": "line"}


# Language, words, evaluation texts ----------------------------------------------------------------------------------------------


def test_documents_in_another_language_go():
    wanted = language.rule(["es"], 0.5)
    assert wanted(Doc(CUENTO)) is None
    found = wanted(Doc(TALE))
    assert found is not None
    assert found.why == "en"


def test_a_language_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="language: qq is not among"):
        language.rule(["qq"], 0.5)


def test_stop_words_are_those_of_the_wanted_languages():
    assert said(CUENTO, language="es", fineweb=False, c4=False) == {}
    assert said(CUENTO, language="en", fineweb=False, c4=False)["gopher"] == "gopher_enough_stop_words"


def test_a_leads_own_words_and_phrases_join_the_list():
    rule = harmful.rule("miller, good cheer")
    for text, why in ((TALE, "miller"), (LINES[3], "good cheer")):
        found = rule(Doc(text))
        assert found is not None
        assert found.why == why
        assert f"‹{why.split()[0]}›" in found.shown
    assert rule(Doc(LINES[4])) is None


def test_a_chapter_in_roman_numerals_is_not_harmful():
    assert harmful.rule()(Doc("Capítulo XXX. Que trata del gracioso artificio")) is None


QUESTION = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"{LINES[0]} {QUESTION} {LINES[1]}", "13 words"),
        (f"{LINES[0]} {QUESTION.upper().replace(',', ' -')} {LINES[1]}", "13 words"),
        (f"{LINES[0]}\nHow many did she sell altogether?\n{LINES[1]}", "line"),
        (" ".join(QUESTION.split()[:12]) + " weeks. " + TALE, ""),
        (f"{LINES[0]} How many did she sell altogether? {LINES[1]}", ""),
        (TALE, ""),
    ],
)  # fmt: skip
def test_evaluation_texts_are_found_by_13_words_or_a_line(text, why):
    found = contamination.rule([f"{QUESTION}\nHow many did she sell altogether?"])(Doc(text))
    assert (found.why if found else "") == why


def test_the_place_of_a_leak_is_shown():
    found = contamination.rule([QUESTION])(Doc(f"{TALE} {QUESTION} {TALE}"))
    assert found is not None
    assert "‹Natalia sold clips to 48 of her friends in April, and then she›" in found.shown


def test_texts_too_short_to_be_found_are_refused():
    with pytest.raises(ValueError, match="against: no evaluation text has a line of 6 words"):
        contamination.rule(["one two", ""])


def test_held_out_prompts_and_answers_of_a_snapshot_are_evaluation_texts(tmp_path):
    import hashlib

    def said_by(role, text):
        return [{"role": role, "content": text}]

    prompts = [{"prompt_id": n, "messages": said_by("user", f"asked {n}"), "split": split} for n, split in enumerate(SPLITS)]
    rows = [{"answers": [{"messages": said_by("assistant", f"answer {n}")}], "split": split} for n, split in enumerate(SPLITS)]
    digests = {}
    for name, lines in (("prompts.jsonl", prompts), ("rows.jsonl", rows)):
        data = "".join(json.dumps(line) + "\n" for line in lines).encode()
        (tmp_path / name).write_bytes(data)
        digests[name] = hashlib.sha256(data).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps({"sha256": digests}))
    assert list(contamination.held_out(tmp_path)) == ["asked 1", "answer 1", "asked 2", "answer 2"]


SPLITS = ("train", "validation", "test")


def test_an_excerpt_marks_its_place_and_stays_short():
    text = "a" * 1000 + "HERE" + "b" * 1000
    shown = excerpt(text, 1000, 1004)
    assert "a‹HERE›b" in shown
    assert len(shown) < 310
