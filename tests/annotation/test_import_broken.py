"""Rows that are broken in any way: whatever a file holds, a row is taken or refused with a sentence, and the rest comes in."""

import json
import random

import pytest

from annotation import importing
from annotation.parts import names, part
from tests.annotation import test_import_argilla, test_import_label_studio, test_import_openassistant, test_import_pairs
from tests.annotation.importer import array

RESULTS = [
    test_import_label_studio.result("pairwise", {"selected": "left"}),
    test_import_label_studio.result("rating", {"rating": 3}, "rating_left"),
    test_import_label_studio.result("textarea", {"text": ["So."]}),
]
ROWS = {
    "argilla": test_import_argilla.record(ranking=["response_1", "response_2"], rating_1=3, label="response_1", better="So."),
    "label_studio": test_import_label_studio.task(*RESULTS),
    "openassistant": test_import_openassistant.TREE,
    "arena": test_import_pairs.VOTE,
}
SHARDS = [
    None,
    True,
    False,
    0,
    -3,
    2.5,
    10**30,
    1e300,
    "",
    " ",
    "tie",
    "x" * 300,
    "[1]",
    "{}",
    [],
    {},
    [None],
    [{}],
    [[1]],
    {"a": ["b"]},
]


def broken(value, chance):
    """The value with some of its parts lost, doubled or put out by something else."""
    if chance.random() < 0.08:
        return chance.choice(SHARDS)
    if isinstance(value, dict):
        return {key: broken(part, chance) for key, part in value.items() if chance.random() > 0.04}
    if isinstance(value, list):
        return [broken(part, chance) for part in value for _time in range(chance.choice((1, 1, 1, 2)))]
    return value


@pytest.mark.parametrize("shape", names("IMPORTS"))
def test_every_row_is_taken_or_refused_with_a_sentence(project, shape):
    chance = random.Random(shape)
    whole = json.loads(json.dumps(ROWS.get(shape, part("IMPORTS", shape).EXAMPLE)))
    rows = [whole, *(broken(whole, chance) for _number in range(400))]
    first, again = (importing.commit(project, importing.Reading(shape), array(*rows), "rows.json", skip_bad=True) for _time in "ab")
    report = first.report
    assert (report.good + report.bad, min(report.good, report.bad) > 20) == (401, True)
    assert all(problem.reason for problem in report.problems)
    assert (again.added, again.known) == (0, first.added + first.known)
