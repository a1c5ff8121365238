"""Answers with rewards from elsewhere become ratings, which a snapshot freezes and `awr` learns from."""

import pytest

from annotation.formats import logged
from annotation.models import Sample
from annotation.snapshot import freeze
from tests.annotation.importer import judged, looks_like, reason, take

pytestmark = pytest.mark.django_db

ROW = {"prompt": "Which river?", "response": "The Ebro.", "reward": 0.7, "model": "m"}


def test_a_file_of_logged_rewards_is_recognised():
    assert looks_like(ROW) == "logged"


def test_a_reward_is_a_rating_of_its_answer(project):
    take(project, "logged", ROW, {**ROW, "response": "The sea.", "reward": "-2", "model": None, "rater": "rules"})
    assert judged(project) == [
        {"kind": "rate", "rater": "unnamed", "grades": {"The Ebro.": {"reward": 0.7}}},
        {"kind": "rate", "rater": "rules", "grades": {"The sea.": {"reward": -2.0}}},
    ]
    assert sorted(Sample.objects.values_list("model", flat=True)) == ["m", "unnamed"]


def test_importing_twice_adds_nothing(project):
    assert [take(project, "logged", ROW).added for _ in range(2)] == [1, 0]


@pytest.mark.parametrize("value", [None, "good", True, "nan"])
def test_a_reward_that_is_no_number_is_refused(value):
    assert reason("logged", {**ROW, "reward": value}) == "reward: must be a finite number"


def test_a_snapshot_of_them_gives_rewards_back(project, lead, settings, tmp_path):
    from annotation import frozen

    settings.CRISOL_HOME = tmp_path
    take(project, "logged", ROW)
    snapshot = freeze(project.snapshots.create(name="v1", created_by=lead, options={"test": 0, "validation": 0}))
    (made,) = [made for row in frozen.read_rows(snapshot.folder) for made in logged.rows(row)]
    assert (made["rewards"], made["model"], made["ordered"]) == ({"reward": 0.7}, "m", False)
