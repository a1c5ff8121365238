"""Known answers: made of a judgement, hidden among the others, judged, and ended."""

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from annotation import checks, desk, known, tasks
from annotation.models import Judgement, Prompt, Seat, Task
from tests.annotation.test_reviewing import asked, judge, order, person


def test_a_task_with_a_known_answer_wants_nobody_in_advance_and_checks_raters(project, lead, rater, monkeypatch):
    task = asked(project, overlap=3)
    reference = judge(lead, project, (0, 1, 2))
    known.make_known(reference, "gold")
    task.refresh_from_db()
    assert (task.purpose, task.reference) == ("gold", reference)
    assert list(Seat.objects.values_list("rater", flat=True)) == [lead.pk]
    asked(project, "Among these")
    project.gold_percent = 50
    project.save()
    monkeypatch.setattr(checks, "_random", lambda: 0.0)  # the draw says: now
    assert desk.claim(rater, project).task == task


def test_what_is_known_is_not_made_of_nonsense(project, lead, rater):
    asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    with pytest.raises(ValidationError, match="gold"):
        known.make_known(judgement, "train")
    Task.objects.update(purpose=Task.Purpose.EVALUATE)
    with pytest.raises(ValidationError, match="evaluation"):
        known.make_known(judgement, "gold")


def test_a_writing_cannot_be_known(project, rater):
    tasks.write_tasks([Prompt.objects.create(project=project, messages=[{"role": "user", "content": "?"}])], overlap=1)
    seat = desk.claim(rater, project)
    written = desk.fill(seat, rater, {"text": "So."}, key=desk.key_of(seat))
    with pytest.raises(ValidationError, match="compared"):
        known.make_known(written, "gold")


def test_a_known_answer_that_most_raters_contradict_is_doubtful(project, lead):
    task = asked(project, overlap=7)
    reference = judge(lead, project, (0, 1, 2))
    for number in range(5):
        judge(person(project, f"r{number}"), project, (2, 1, 0) if number else (0, 1, 2))
    known.make_known(reference, "gold")
    row = known.known(project)[0]
    assert (row.task, row.judged, row.right, row.percent, row.doubtful) == (task, 5, 1, 20, True)


def test_an_ordinary_task_again_keeps_its_judgements(project, lead):
    task = asked(project)
    known.make_known(judge(lead, project, (0, 1, 2)), "entry")
    assert (known.unmake(task).purpose, known.known(project)) == ("train", [])
    assert Judgement.objects.filter(task=task).count() == 1


def test_leads_make_and_end_known_answers_on_their_page(client_of, lead, rater, project):
    task = asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    browser, page = client_of(lead), reverse("known_answers", args=[project.pk])
    assert b"No task has a known answer" in browser.get(page).content
    browser.post(reverse("known_make", args=[project.pk, judgement.pk]), {"purpose": "gold"})
    assert [row.task for row in browser.get(page).context["rows"]] == [task]
    browser.post(reverse("known_unmake", args=[project.pk, task.pk]))
    assert browser.get(page).context["rows"] == []
    assert client_of(rater).get(page).status_code == 403


def test_the_reference_is_set_and_taken_away_by_rest(client_of, lead, rater, project):
    task = asked(project)
    judgement = judge(rater, project, (0, 1, 2))
    browser, url = client_of(lead), reverse("api_reference", args=[task.pk])
    answer = browser.put(url, {"judgement": judgement.pk, "purpose": "entry"}, content_type="application/json")
    assert (answer.status_code, answer.json()["purpose"]) == (200, "entry")
    task.refresh_from_db()
    assert task.reference == judgement
    assert browser.delete(url).status_code == 204
    task.refresh_from_db()
    assert (task.purpose, task.reference) == ("train", None)
    other = asked(project, "Another?")
    wrong = browser.put(
        reverse("api_reference", args=[other.pk]), {"judgement": judgement.pk, "purpose": "gold"}, content_type="application/json"
    )
    assert (wrong.status_code, list(wrong.json()["errors"])) == (400, ["judgement"])
    assert order(task) != order(other)
