"""Tasks, seats and judgements by REST: the same desk as the page's."""

from __future__ import annotations

import json

import pytest

from annotation import desk, tasks
from annotation.models import Guidelines, Judgement, Seat, Skip, Task

pytestmark = pytest.mark.django_db


def post(client, path, body=None):
    return client.post(f"/api/{path}", body or {}, format="json")


def claim(client, project):
    return post(client, f"projects/{project.pk}/seats/").json()


def test_a_lead_makes_write_tasks_and_rank_tasks(as_lead, project, prompts, samples):
    project.overlap = 2
    project.save()
    written = post(as_lead, f"projects/{project.pk}/tasks/", {"kind": "write", "prompts": [prompt.pk for prompt in prompts]})
    groups = [[sample.pk for sample in group] for group in samples[:2]]
    ranked = post(as_lead, f"projects/{project.pk}/tasks/", {"kind": "rank", "groups": groups, "overlap": 3})
    assert (written.status_code, written.json(), ranked.json()) == (201, {"created": 3}, {"created": 2})
    rows = as_lead.get(f"/api/projects/{project.pk}/tasks/?kind=rank").json()["results"]
    assert [(row["samples"], row["seats"], row["filled"]) for row in rows] == [(group, 3, 0) for group in groups]
    assert Seat.objects.count() == 3 * 2 + 2 * 3


def test_whatever_models_answered_is_ranked_once(as_lead, project, samples):
    body = {"kind": "rank", "models": ["model-0", "model-1"], "answers": 2}
    first, again = (post(as_lead, f"projects/{project.pk}/tasks/", body).json() for _time in range(2))
    assert (first, again) == ({"created": 3}, {"created": 0})
    assert {task.samples.count() for task in Task.objects.all()} == {2}


def test_more_seats_can_be_wanted_later(as_lead, as_stranger, as_rater, project, prompts):
    tasks.write_tasks(prompts[:1], overlap=1)
    path = f"tasks/{Task.objects.get().pk}/seats/"
    assert post(as_lead, path, {"count": 2}).json()["seats"] == 3
    assert (post(as_stranger, path, {"count": 2}).status_code, post(as_rater, path, {"count": 2}).status_code) == (404, 403)
    assert post(as_lead, path, {"count": 0}).status_code == 400


def test_wrong_tasks_are_named_and_none_is_made(as_lead, project, prompts, samples):
    path = f"projects/{project.pk}/tasks/"
    mixed = [samples[0][0].pk, samples[1][0].pk]
    for body, field in [
        ({"kind": "write"}, "prompts"),
        ({"kind": "rank", "prompts": [prompts[0].pk]}, "groups"),
        ({"kind": "rank", "groups": [[1, 2]], "models": ["model-0"]}, "groups"),
        ({"kind": "write", "prompts": [prompts[0].pk, 10**6]}, "prompts"),
        ({"kind": "rank", "groups": [[sample.pk for sample in samples[0]], mixed]}, "groups.1"),
        ({"kind": "rank", "groups": [[samples[0][0].pk] * 2]}, "groups.0"),
        ({"kind": "rnak", "groups": [[1, 2]]}, "kind"),
    ]:
        answer = post(as_lead, path, body)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
    assert not Task.objects.exists()


def test_a_rater_is_shown_the_question_and_nothing_that_could_sway_them(as_rater, project, samples):
    Guidelines.objects.create(project=project, version=1, text="Be fair.")
    tasks.answer_tasks(samples[:1], kind="rank", overlap=1)
    shown = claim(as_rater, project)
    seat = Seat.objects.get(pk=shown["seat"])
    assert [answer["sample_id"] for answer in shown["answers"]] == seat.order
    assert set(shown["answers"][0]) == {"sample_id", "messages"}
    assert (shown["kind"], shown["guidelines"], shown["messages"]) == ("rank", "Be fair.", seat.task.prompt.messages)
    assert "model-" not in json.dumps(shown)


def test_claiming_again_answers_the_seat_that_is_held(as_rater, project, samples):
    tasks.answer_tasks(samples, kind="rank", overlap=1)
    first = claim(as_rater, project)
    assert claim(as_rater, project) == first
    assert as_rater.get(f"/api/seats/{first['seat']}/").json() == first


def test_nothing_left_is_204(as_rater, project):
    answer = post(as_rater, f"projects/{project.pk}/seats/")
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_ranking_sent_twice_is_one_judgement(as_rater, project, samples):
    tasks.answer_tasks(samples[:1], kind="rank", overlap=1)
    shown = claim(as_rater, project)
    best, *rest = [answer["sample_id"] for answer in shown["answers"]]
    body = {"answer": {"tiers": [[best], rest]}, "key": shown["key"], "comment": "Clear."}
    first, again = (post(as_rater, f"seats/{shown['seat']}/judgement/", body) for _time in range(2))
    assert (first.status_code, again.status_code, first.json()) == (201, 201, again.json())
    grades = Judgement.objects.get().grades.filter(aspect="overall").values_list("sample_id", "value")
    assert dict(grades) == {best: 1.0, rest[0]: 0.0, rest[1]: 0.0}


def test_a_written_answer_becomes_a_sample(as_rater, rater, project, prompts):
    tasks.write_tasks(prompts[:1], overlap=1)
    shown = claim(as_rater, project)
    answer = post(as_rater, f"seats/{shown['seat']}/judgement/", {"answer": {"text": "A crucible."}, "key": shown["key"]})
    written = Judgement.objects.get(pk=answer.json()["id"]).written
    assert (written.author, written.messages) == (rater, [{"role": "assistant", "content": "A crucible."}])


def test_an_incomplete_ranking_is_refused_by_field_and_the_seat_is_still_held(as_rater, project, samples):
    tasks.answer_tasks(samples[:1], kind="rank", overlap=1)
    shown = claim(as_rater, project)
    body = {"answer": {"tiers": [[shown["answers"][0]["sample_id"]]]}, "key": shown["key"]}
    answer = post(as_rater, f"seats/{shown['seat']}/judgement/", body)
    assert (answer.status_code, answer.json()["errors"]) == (400, {"tiers": "Place every answer: 2 are in no tier yet."})
    assert not Judgement.objects.exists()
    assert claim(as_rater, project)["seat"] == shown["seat"]


def test_a_draft_comes_back(as_rater, project, prompts):
    tasks.write_tasks(prompts[:1], overlap=1)
    seat = claim(as_rater, project)["seat"]
    answer = as_rater.put(f"/api/seats/{seat}/draft/", {"draft": {"text": "So fa"}}, format="json")
    assert (answer.status_code, claim(as_rater, project)["draft"]) == (204, {"text": "So fa"})


def test_a_released_seat_may_come_back_and_a_skipped_task_does_not(as_rater, project, prompts):
    tasks.write_tasks(prompts[:1], overlap=1)
    seat = claim(as_rater, project)["seat"]
    assert post(as_rater, f"seats/{seat}/release/").status_code == 204
    assert claim(as_rater, project)["seat"] == seat
    assert post(as_rater, f"seats/{seat}/skip/").status_code == 400
    assert post(as_rater, f"seats/{seat}/skip/", {"reason": "I do not speak it."}).status_code == 204
    assert post(as_rater, f"projects/{project.pk}/seats/").status_code == 204
    assert Skip.objects.get().reason == "I do not speak it."


def test_what_is_done_at_a_seat_of_another_rater_is_a_conflict_and_changes_nothing(as_rater, as_lead, lead, project, prompts):
    tasks.write_tasks(prompts[:1], overlap=1)
    seat = desk.claim(lead, project)
    before = Seat.objects.values().get(pk=seat.pk)
    answers = [
        post(as_rater, f"seats/{seat.pk}/judgement/", {"answer": {"text": "Mine."}, "key": "k"}),
        as_rater.put(f"/api/seats/{seat.pk}/draft/", {"draft": {"text": "x"}}, format="json"),
        post(as_rater, f"seats/{seat.pk}/release/"),
        post(as_rater, f"seats/{seat.pk}/skip/", {"reason": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [409] * 4
    assert as_rater.get(f"/api/seats/{seat.pk}/").status_code == 404
    assert Seat.objects.values().get(pk=seat.pk) == before


def test_a_seat_of_another_project_is_not_found(as_stranger, lead, project, prompts):
    tasks.write_tasks(prompts[:1], overlap=1)
    seat = desk.claim(lead, project)
    assert post(as_stranger, f"seats/{seat.pk}/release/").status_code == 404
    assert post(as_stranger, f"projects/{project.pk}/seats/").status_code == 404


def test_judgements_are_read_with_their_grades_under_pseudonyms(as_reviewer, judged, rater, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        rows = as_reviewer.get(f"/api/projects/{judged.pk}/judgements/").json()["results"]
    ranked, written = [row for row in rows if row["kind"] == "rank"], [row for row in rows if row["kind"] == "write"]
    assert (len(ranked), len(written)) == (3, 3)
    assert {row["rater"] for row in rows} == {f"r{rater.pk}"}
    assert sorted(grade["value"] for grade in ranked[0]["grades"] if grade["aspect"] == "overall") == [0.0, 0.0, 1.0]
    assert written[0]["written"] == [{"role": "assistant", "content": "Mine."}]
    only = as_reviewer.get(f"/api/projects/{judged.pk}/judgements/?kind=write").json()["results"]
    assert only == written


def test_raters_do_not_read_judgements(as_rater, judged):
    assert as_rater.get(f"/api/projects/{judged.pk}/judgements/").status_code == 403
