"""The human preferences of the Tülu paper (Wang et al. 2023), imported as they were published.

Needs the file `pref_tulu1_human.jsonl.gz` in the folder `../shared/data`, which a clone does not have. Each figure is computed
twice: from the grades in the database, and from the lines of the file by other code. Of the rows that compare the 65B model with
ChatGPT the file gives 26.7 % wins, 40.2 % losses and 33.1 % ties, where the note beside it says 27.7, 39.2 and 33.1. Nine rows are
a rater's second word on the same answers: all rows count in the shares, only the word that stands in the agreement.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict

import pytest
from django.core.management import call_command

from annotation.models import Judgement
from tests.real_data import SHARED

FILE = SHARED / "pref_tulu1_human.jsonl.gz"
OURS, THEIRS = "tulu_65B", "chatgpt"
STRENGTHS = {
    "a-is-better": (2, 0),
    "a-is-slightly-better": (1, 0),
    "tie": (0, 0),
    "b-is-slightly-better": (0, 1),
    "b-is-better": (0, 2),
}
COLUMNS = ["model_a=model_a", "model_b=model_b", "answer_a=completion_a", "answer_b=completion_b", "rater=evaluator"]

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the data of other people is not here")


@pytest.fixture(scope="module")
def lines():
    """The rows that say what both models answered."""
    rows = [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()]
    return [row for row in rows if row["completion_a"] is not None and row["completion_b"] is not None]


@pytest.fixture
def imported(project, capsys):
    call_command("import", "comparisons", str(FILE), project=project.name, map=COLUMNS, skip_bad=True, licence="Apache-2.0")
    return project


def graded(project, judgements):
    """By judgement: its task, and the overall grade of each answer by model."""
    judgements = judgements.filter(task__prompt__project=project, grades__aspect="overall")
    found = defaultdict(dict)
    for pk, task, model, value in judgements.values_list("pk", "task", "grades__sample__model", "grades__value"):
        found[pk, task][model] = value
    return [(task, grades) for (_pk, task), grades in found.items()]


def shares(differences):
    """Wins, losses and ties in per cent, rounded to one decimal."""
    counts = Counter((difference > 0) - (difference < 0) for difference in differences)
    return tuple(round(100 * counts[sign] / counts.total(), 1) for sign in (1, -1, 0))


def agreement(votes):
    """Of the items with two judgements, the share on which both say the same: one better, the other, or a tie."""
    pairs = [signs for signs in votes.values() if len(signs) == 2]
    return len(pairs), sum(first == second for first, second in pairs)


def last_words(lines):
    """The rows that stand, where a rater judged the same answers again: (prompt, answers, rater) to the row."""
    last = {}
    for row in lines:
        shown = frozenset((row[f"model_{side}"], row[f"completion_{side}"]) for side in "ab")
        last[row["prompt"], shown, row["evaluator"]] = row
    return last


def test_every_row_with_two_answers_is_a_comparison_of_known_strength(imported, lines):
    found = Counter(tuple(sorted(grades.items())) for _task, grades in graded(imported, Judgement.objects.all()))
    expected = Counter()
    for row in lines:
        strengths = STRENGTHS[row["preference"]]
        expected[tuple(sorted(zip((row["model_a"], row["model_b"]), map(float, strengths), strict=True)))] += 1
    assert found == expected
    assert found.total() == 1149
    assert set(imported.prompts.values_list("tasks__kind", flat=True)) == {"compare"}


def test_wins_losses_and_ties_are_those_of_the_file(imported, lines):
    all_words = graded(imported, Judgement.objects.all())
    found = [grades[OURS] - grades[THEIRS] for _task, grades in all_words if grades.keys() == {OURS, THEIRS}]
    signs = {"a": 1, "b": -1, "t": 0}
    expected = [
        signs[row["preference"][0]] * (1 if row["model_a"] == OURS else -1)
        for row in lines
        if {row["model_a"], row["model_b"]} == {OURS, THEIRS}
    ]
    assert (len(found), shares(found)) == (len(expected), shares(expected))
    assert shares(found) == (26.7, 40.2, 33.1)


def test_two_raters_of_one_item_agree_as_often_as_in_the_file(imported, lines):
    found = defaultdict(list)
    for task, grades in graded(imported, Judgement.objects.in_force()):
        first, second = sorted(grades)
        found[task].append((grades[first] > grades[second]) - (grades[first] < grades[second]))
    expected = defaultdict(list)
    for (prompt, shown, _rater), row in last_words(lines).items():
        better = {"a": row["model_a"], "b": row["model_b"]}.get(row["preference"][0])
        expected[prompt, shown].append(better)
    assert agreement(found) == agreement(expected)
    assert agreement(found) == (97, 55)


def test_the_file_again_adds_nothing(imported, capsys):
    call_command("import", "comparisons", str(FILE), project=imported.name, map=COLUMNS, skip_bad=True)
    assert capsys.readouterr().out.splitlines() == [
        "1149 imported, 0 there already, 1 bad.",
        "0 imported, 1149 there already, 1 bad.",
    ]
