"""A corpus goes through `clean`: a trial only shows, the real run makes a corpus that holds what the figures say."""

from __future__ import annotations

import json
import random

import pytest

from tests.training.recipes.conftest import attempt, create, stop_at_once
from training import text
from training.recipes.clean import CORPUS, REPORT

VOCABULARY = """
    miller king cat donkey rabbit soldier widow baker thief queen mill forest castle river market tower garden bridge kitchen
    walked carried found opened whispered promised followed answered remembered wondered gathered painted borrowed mended watched
    quickly slowly yesterday morning evening winter summer often never always because although between behind under towards with
    silver golden wooden broken little ancient hungry gentle clever lonely heavy bright candle window letter basket bread stone
"""
WORDS = VOCABULARY.split()


def tale(seed: int) -> str:
    """A document that every rule keeps; two of them have next to nothing in common."""
    rng = random.Random(seed)
    lines = [
        " ".join(f"the {' and '.join(rng.sample(WORDS, 2))} {rng.choice(WORDS)} {rng.choice(WORDS)}" for _ in range(4))
        for _ in range(8)
    ]
    return "\n".join(f"{line[0].upper()}{line[1:]}." for line in lines)


LEAK = "A train leaves the station at nine and goes forty miles an hour until noon, how far is it?"
DOCUMENTS = [
    tale(0),
    tale(1),
    tale(0),  # a copy to the letter
    tale(1).replace(".", "!", 1),  # nearly a copy
    "Too short.",
    f"{tale(2)}\nWrite to miller@mill.example.com today, and to <b>nobody</b> else.",
    f"{tale(3)} {LEAK}",
    f"{tale(4)}\nAnd then the hungry king watched porno with the miller.",
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "corpus.txt").write_text("\n\n".join(DOCUMENTS), encoding="utf-8")
    (tmp_path / "evaluation.txt").write_text(LEAK, encoding="utf-8")

    def made(name: str = "run", **config):
        inputs = {"corpus": tmp_path / "corpus.txt", "against": tmp_path / "evaluation.txt"}
        return create(tmp_path / name, "clean", inputs, config)

    return made


def report(ended) -> dict:
    return json.loads((ended.out / REPORT).read_text())


def by_rule(figures: dict, key: str) -> dict[str, int]:
    return {row["rule"]: row[key] for row in figures["rules"] if row[key]}


def test_what_is_left_is_a_corpus_without_the_faults(folder):
    ended = attempt(folder(apply=True, language="en"))
    assert ended.state == "succeeded"
    kept = [DOCUMENTS[0], DOCUMENTS[1], DOCUMENTS[5].replace("miller@mill.example.com", "<EMAIL>")]
    assert list(text.documents(ended.out / CORPUS)) == kept
    figures = report(ended)
    assert by_rule(figures, "removed") == {"c4": 1, "harmful": 1, "contamination": 1, "exact": 1, "near": 1}
    assert by_rule(figures, "changed") == {"personal": 1}
    assert figures["read"]["documents"] == len(DOCUMENTS)
    assert figures["kept"] == {"documents": 3, "characters": sum(map(len, kept))}
    gone = sum(row["characters"] for row in figures["rules"])
    assert figures["read"]["characters"] == figures["kept"]["characters"] + gone
    assert not (ended.folder / "work").exists()


def test_a_trial_shows_the_same_and_makes_no_corpus(folder):
    trial, real = attempt(folder("trial", language="en")), attempt(folder("real", language="en", apply=True))
    assert trial.state == "succeeded"
    assert [path.name for path in trial.out.iterdir()] == [REPORT]
    assert report(trial)["rules"] == report(real)["rules"]
    assert (report(trial)["applied"], report(real)["applied"]) == (False, True)


def test_examples_show_the_place_and_the_original_of_a_copy(folder):
    examples = {row["rule"]: [one["shown"] for one in row["examples"]] for row in report(attempt(folder()))["rules"]}
    assert "‹miller@mill.example.com›" in examples["personal"][0]
    assert examples["c4"] == ["Too short."]
    assert DOCUMENTS[0].startswith(examples["exact"][0].removesuffix("…"))
    copy, original = examples["near"][0].split("\n≈ ")
    assert (copy.replace("!", ".", 1), "!" in copy) == (original, True)


def test_the_newest_figures_stand_in_the_events(folder):
    ended = attempt(folder())
    told = [event for event in ended.events if event["kind"] == "cleaning"]
    assert told[-1]["done"]
    assert told[-1]["rules"] == report(ended)["rules"]
    assert [event["done"] for event in told[:-1]] == [False] * (len(told) - 1)


def test_a_limit_reads_the_first_documents(folder):
    assert report(attempt(folder(limit=3)))["read"]["documents"] == 3


def test_rules_that_are_off_are_not_asked(folder):
    off = dict.fromkeys(["gopher", "repetition", "c4", "fineweb", "harmful", "exact", "near", "personal"], False)
    assert [row["rule"] for row in report(attempt(folder(**off)))["rules"]] == ["contamination"]


def test_a_stopped_run_leaves_nothing_and_begins_anew(folder):
    run = folder(apply=True)
    stop_at_once(run)
    ended = attempt(run)
    assert (ended.state, ended.end["reason"].split(";")[1]) == ("stopped", " resumed, it begins anew")
    assert not (run / "work").exists()
    assert not ended.out.exists()
    (run / "stop").unlink()
    (run / "work").mkdir()  # as a kill leaves it
    again = attempt(run, 2)
    assert (again.state, report(again)["read"]["documents"]) == ("succeeded", len(DOCUMENTS))


def test_nothing_left_is_a_failure_that_says_where_to_look(folder):
    ended = attempt(folder(apply=True, language="eu"))
    assert ended.state == "failed"
    assert "no document is left" in ended.end["reason"]
    assert not ended.out.exists()
