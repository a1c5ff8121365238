"""The quality page: the figures of the summary, each with its number, and too few said where there are too few."""

import random

import pytest
from django.urls import reverse

from annotation import desk, known
from annotation.models import Role
from tests.annotation.test_reviewing import asked, judge, order, person


@pytest.fixture
def reviewer(project):
    return person(project, "reviewer", Role.REVIEWER)


def measured(client, project, **query):
    return client.get(reverse("quality", args=[project.pk]), {"latest": 1000} | query)


def test_figures_of_judgements_that_agree_and_of_a_rater_who_does_not(client_of, project, reviewer, rater):
    raters, draw = [rater, person(project, "second"), person(project, "third")], random.Random(1)
    for number in range(30):
        asked(project, f"Question {number}", overlap=3)
    for _number in range(30):
        for user in raters[:2]:
            judge(user, project, (0, 1, 2))
        judge(raters[2], project, draw.sample(range(3), 3))
    page = measured(client_of(reviewer), project)
    shown = {figure.name: figure for figure in page.context["figures"]}
    assert shown["Pairwise agreement"].n == 270
    assert not shown["Agreement beyond chance"].few
    agreement = {row["row"].name: row["row"].agreement.value for row in page.context["raters"]}
    assert agreement["third"] < agreement["rater"]
    assert page.content.count(b"<svg") > 8


def test_few_judgements_say_nothing(client_of, project, reviewer, rater):
    asked(project)
    judge(rater, project, (0, 1, 2))
    page = measured(client_of(reviewer), project)
    assert all(figure.few for figure in page.context["figures"])
    assert b"Too few to say" in page.content


def test_without_judgements_the_page_says_so(client_of, project, reviewer):
    assert b"Nobody has judged" in measured(client_of(reviewer), project).content


def test_the_page_comes_at_once_and_the_figures_follow(client_of, project, reviewer, rater):
    asked(project)
    judge(rater, project, (0, 1, 2))
    browser, url = client_of(reviewer), reverse("quality", args=[project.pk])
    first = browser.get(url)
    assert "summary" not in first.context
    assert b"hx-get" in first.content
    fragment = browser.get(url, {"latest": 1000}, headers={"HX-Request": "true"}).content
    assert b"<html" not in fragment
    assert b"Too few" in fragment


def test_known_answers_are_counted_for_each_rater(client_of, project, reviewer, rater, lead):
    task = asked(project, overlap=3)
    reference = judge(lead, project, (0, 1, 2))
    judge(rater, project, (2, 1, 0))
    known.make_known(reference, "gold")
    asked(project, "Another")
    seat = desk.claim(rater, project)
    desk.fill(seat, rater, {"tiers": [order(seat.task)]}, key=desk.key_of(seat))
    row = next(row for row in measured(client_of(reviewer), project).context["raters"] if row["row"].name == "rater")
    assert (row["gold"].percent, row["gold"].judged, row["entry"], row["gold"].task) == (0, 1, None, task)


@pytest.mark.parametrize("latest", ["", "7", "x", "99999999999999"])
def test_any_other_number_is_the_first_choice(client_of, project, reviewer, latest):
    assert client_of(reviewer).get(reverse("quality", args=[project.pk]), {"latest": latest}).context["latest"] == 1000


def test_raters_do_not_see_it(client_of, project, rater):
    assert client_of(rater).get(reverse("quality", args=[project.pk])).status_code == 403
