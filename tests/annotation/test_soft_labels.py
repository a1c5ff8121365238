"""Soft labels in snapshots: the reliable weigh more, preferences are sure or not, the same bytes twice, nothing when not asked."""

import json
import random

import pytest
from django.urls import reverse

from annotation import snapshot
from annotation.formats import preference, ranking
from annotation.frozen import read_rows
from annotation.models import Snapshot
from tests.annotation.test_reviewing import asked, judge, order, person


@pytest.fixture
def judged(project, rater):
    """Thirty tasks: two raters put the answers in their true order, a third at random."""
    raters, draw = [rater, person(project, "second"), person(project, "blind")], random.Random(7)
    for number in range(30):
        asked(project, f"Question {number}", overlap=3)
    for _number in range(30):
        for user in raters[:2]:
            judge(user, project, (0, 1, 2))
        judge(raters[2], project, draw.sample(range(3), 3))
    return project


def taken(project, lead, name="soft", **options):
    return snapshot.freeze(Snapshot.objects.create(project=project, name=name, created_by=lead, options=options))


def test_the_reliable_weigh_more_and_weights_are_one_on_average(judged, lead, rater):
    rows = list(read_rows(taken(judged, lead, reliability=True).folder))
    weights = {row["rater"]: row["weight"] for row in rows}
    assert sum(row["weight"] for row in rows) / len(rows) == pytest.approx(1, abs=1e-5)
    blind = next(weight for name, weight in weights.items() if weight == min(weights.values()))
    assert weights[f"r{rater.pk}"] > 3 * blind


def test_what_everybody_reliable_says_is_nearly_sure(judged, lead):
    rows = list(read_rows(taken(judged, lead, reliability=True).folder))
    for row in rows:
        first, second, third = sorted(answer["sample_id"] for answer in row["answers"])
        beats = {answer["sample_id"]: answer["beats"] for answer in row["answers"]}
        assert beats[first][str(third)] > 0.9
        assert beats[first][str(second)] + beats[second][str(first)] == pytest.approx(1, abs=2e-6)


def test_pairs_carry_the_probability_and_the_weight(judged, lead):
    row = next(read_rows(taken(judged, lead, reliability=True).folder))
    best, _second, worst = sorted(row["answers"], key=lambda answer: -answer["grades"]["overall"])
    pair = next(pair for pair in preference.rows(row) if pair["margin"] == 2)
    assert (pair["probability"], pair["weight"]) == (best["beats"][str(worst["sample_id"])], row["weight"])
    assert next(ranking.rows(row))["weight"] == row["weight"]


def test_the_same_judgements_give_the_same_bytes(judged, lead):
    files = [(taken(judged, lead, name, reliability=True).folder / "rows.jsonl").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]


def test_without_the_option_rows_have_nothing_of_it(judged, lead):
    text = (taken(judged, lead).folder / "rows.jsonl").read_text()
    assert not {"weight", "beats"} & set(json.loads(text.splitlines()[0]))
    assert '"beats"' not in text
    assert '"probability"' not in json.dumps([list(preference.rows(json.loads(line))) for line in text.splitlines()])


def test_a_project_without_rankings_can_have_them_too(project, lead, rater):
    asked(project)
    assert list(read_rows(taken(project, lead, reliability=True).folder)) == []


def test_page_and_rest_ask_for_soft_labels(client_of, judged, lead):
    browser = client_of(lead)
    browser.post(reverse("snapshot_new", args=[judged.pk]), {"name": "page", "validation": 0, "test": 0, "reliability": "on"})
    sent = {"name": "rest", "reliability": True}
    browser.post(reverse("api_snapshots", args=[judged.pk]), sent, content_type="application/json")
    assert [row.options.get("reliability") for row in Snapshot.objects.order_by("pk")] == [True, True]


def test_an_option_that_is_no_word_of_truth_is_refused():
    with pytest.raises(ValueError, match="reliability"):
        snapshot.options({"reliability": "yes"})


def test_the_order_of_answers_is_that_of_the_truth(judged, lead):
    row = next(read_rows(taken(judged, lead, reliability=True).folder))
    best = max(row["answers"], key=lambda answer: sum(answer["beats"].values()))
    assert best["sample_id"] == order(judged.prompts.get(pk=row["prompt_id"]).tasks.get())[0]
