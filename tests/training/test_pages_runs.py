"""The pages of runs: what they show while a run lives, who may see them, and that only a POST changes a thing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotation.models import Member, Project, Role, Task
from tests.training.rows import a_checkpoint, a_corpus, a_folder, a_run, a_snapshot, answers
from training import watch
from training.models import Event, Run

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def page(client_of, lead, project):
    return client_of(lead)


def tell(run: Run, kind: str, step: int | None = None, attempt: int = 1, **data) -> Event:
    return Event.objects.create(run=run, attempt=attempt, kind=kind, step=step, data=data)


def test_the_list_shows_runs_and_asks_again_only_while_one_lives(page, project, lead):
    assert "Nothing has run yet." in page.get("/runs/").content.decode()
    a_run(project, lead, state="succeeded")
    assert "hx-get" not in page.get("/runs/").content.decode()
    running = a_run(project, lead, state="running", name=HOSTILE)
    html = page.get("/runs/").content.decode()
    assert 'hx-trigger="every 3s"' in html
    assert str(running) in html
    assert HOSTILE not in html


def test_a_page_of_a_list_asks_for_the_list_alone(page, project, lead):
    a_run(project, lead, state="running")
    html = page.get("/runs/", headers={"HX-Request": "true"}).content.decode()
    assert html.strip().startswith('<div id="runs"')


def test_a_live_run_polls_and_an_ended_one_does_not(page, project, lead):
    run = a_run(project, lead, state="running")
    live = reverse("run_live", args=[run.pk])
    for url in (reverse("run", args=[run.pk]), live):
        assert f'hx-get="{live}" hx-trigger="every 2s"' in page.get(url).content.decode()
    Run.objects.update(state="failed")
    assert "hx-get" not in page.get(live).content.decode()


def test_curves_of_one_family_share_a_chart(page, project, lead):
    run = a_run(project, lead, state="running")
    for step in (1, 2, 3):
        tell(run, "metrics", step, loss=3.0 / step, valid_loss=4.0 / step, kl=0.1 * step, learning_rate=1e-4, odd_thing="nan")
    shown = watch.curves(run)
    assert [title for title, _chart in shown.charts] == ["Loss", "KL from the reference"]
    assert [title for title, _chart in shown.folded] == ["learning rate"]
    assert shown.latest == [("loss", "1"), ("valid_loss", "1.333"), ("kl", "0.3"), ("learning_rate", "0.0001")]
    html = page.get(reverse("run_live", args=[run.pk])).content.decode()
    assert html.count("<svg") == 3


def test_a_resumed_attempt_replaces_the_steps_that_it_repeats(project, lead):
    run = a_run(project, lead, state="running", attempt=2)
    for step in (10, 20, 30):
        tell(run, "metrics", step, loss=step)
    tell(run, "metrics", 20, attempt=2, loss=21.0)
    assert watch._series(watch._metric_rows(run)) == {"loss": [(10, 10.0), (20, 21.0)]}


def test_the_time_left_comes_from_the_pace(project, lead):
    run = a_run(project, lead, state="running")
    now = timezone.now()
    for done, ago in ((10, 40), (20, 20), (30, 0)):
        Event.objects.create(
            run=run, attempt=1, kind="progress", at=now - timedelta(seconds=ago), data={"done": done, "total": 100, "unit": "steps"}
        )
    found = watch.progress(run)
    assert (found.percent, found.counted, found.left) == (30, "30 / 100 steps", timedelta(seconds=140))
    assert [watch.time_left(timedelta(seconds=s)) for s in (40, 140, 7500)] == ["40 s", "2 min", "2 h 5 min"]


def test_progress_of_an_older_attempt_is_not_shown(project, lead):
    run = a_run(project, lead, state="running", attempt=2)
    tell(run, "progress", done=90, total=100)
    assert watch.progress(run) is None


def test_the_log_shows_its_end_escaped_and_without_terminal_codes(page, project, lead):
    run = a_run(project, lead, state="running")
    a_folder(run)
    (run.folder / "log.txt").write_bytes(f"\x1b[31m{HOSTILE}\x1b[0m\n 1%\r 50%\r100%\nbad \xff\n".encode("latin-1"))
    assert watch.log_tail(run) == f"{HOSTILE}\n100%\nbad �"
    html = page.get(reverse("run", args=[run.pk])).content.decode()
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_a_long_log_is_read_from_its_end_only(project, lead):
    run = a_run(project, lead, state="running")
    a_folder(run)
    (run.folder / "log.txt").write_text("\n".join(f"line {number}" for number in range(100_000)))
    lines = watch.log_tail(run).split("\n")
    assert (len(lines), lines[-1]) == (200, "line 99999")


def test_hostile_names_messages_samples_and_reasons_are_escaped(page, project, lead):
    run = a_run(project, lead, state="failed", name=HOSTILE, config={"note": HOSTILE})
    tell(run, "metrics", 1, **{HOSTILE: 1.0})
    tell(run, "metrics", 2, **{HOSTILE: 2.0})
    tell(run, "message", text=HOSTILE)
    tell(run, "samples", samples=[{"prompt": HOSTILE, "answer": HOSTILE, "reward": 1.0}])
    tell(run, "state", to="failed", why=HOSTILE)
    html = page.get(reverse("run", args=[run.pk])).content.decode()
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;alert(1)") >= 6


def test_lineage_is_shown_both_ways(page, project, lead):
    dataset, corpus = a_snapshot(project, lead), a_corpus(project, lead, licence="CC0-1.0")
    base = a_checkpoint(project, "base-1", run=a_run(project, lead, "pretrain", {"corpus": corpus}, state="succeeded"))
    run = a_run(project, lead, "sft", {"model": base, "dataset": dataset}, state="succeeded")
    tuned = a_checkpoint(project, "sft-1", run=run)
    child = a_run(project, lead, "dpo", {"model": tuned, "dataset": dataset})
    html = page.get(reverse("run", args=[run.pk])).content.decode()
    for url in (reverse("checkpoint", args=[base.pk]), reverse("run", args=[base.run_id]), reverse("snapshot", args=[dataset.pk])):
        assert url in html
    assert "40 judgements" in html
    assert "3 raters" in html
    assert reverse("checkpoint", args=[tuned.pk]) in html
    assert reverse("run", args=[child.pk]) in html


def test_stop_and_resume_are_posts_only(page, project, lead):
    run = a_run(project, lead, state="queued")
    for name in ("run_stop", "run_resume"):
        assert page.get(reverse(name, args=[run.pk])).status_code == 405
    assert Run.objects.get().state == "queued"


def test_a_queued_run_stops_at_once_and_can_be_resumed(page, project, lead):
    run = a_run(project, lead, state="queued")
    page.post(reverse("run_stop", args=[run.pk]))
    run.refresh_from_db()
    assert run.state == "stopped"
    page.post(reverse("run_resume", args=[run.pk]))
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("queued", 2)


def test_a_running_run_is_asked_to_save_first(page, project, lead):
    run = a_run(project, lead, state="running")
    a_folder(run)
    page.post(reverse("run_stop", args=[run.pk]))
    run.refresh_from_db()
    assert run.state == "stopping"
    assert (run.folder / "stop").exists()


def test_what_cannot_be_stopped_or_resumed_says_so(page, project, lead):
    run = a_run(project, lead, state="succeeded")
    for name, sentence in (("run_stop", "already ended"), ("run_resume", "Only a run that was stopped")):
        assert sentence in page.post(reverse(name, args=[run.pk]), follow=True).content.decode()
    run.refresh_from_db()
    assert run.state == "succeeded"


URLS = ("run", "run_live", "run_raters")


def test_a_lead_sees_nothing_of_another_project(page, project, lead):
    other = Project.objects.create(name="Elsewhere")
    Member.objects.create(project=other, user=lead, role=Role.REVIEWER)
    run = a_run(other, lead, state="succeeded")
    assert [page.get(reverse(name, args=[run.pk])).status_code for name in URLS] == [404, 404, 404]
    assert [page.post(reverse(name, args=[run.pk])).status_code for name in ("run_stop", "run_resume")] == [404, 404]
    assert str(run) not in page.get("/runs/").content.decode()


def test_a_rater_is_refused(client_of, rater, project, lead):
    run = a_run(project, lead)
    visits = [client_of(rater).get(url).status_code for url in ["/runs/", *(reverse(name, args=[run.pk]) for name in URLS)]]
    assert visits == [403, 403, 403, 403]


def test_samples_go_to_raters_as_ranking_tasks(page, project, lead):
    run = a_run(project, lead, "sample", state="succeeded")
    answers(project, run, "sft-1", {"one?": ["a", "b", "b"], "two?": ["same", "same"], "three?": ["c", "d"]})
    assert reverse("run_raters", args=[run.pk]) in page.get(reverse("run", args=[run.pk])).content.decode()
    response = page.post(reverse("run_raters", args=[run.pk]), {"overlap": "2"}, follow=True)
    assert "2 ranking tasks were made." in response.content.decode()
    shown = sorted(sorted(sample.text for sample in task.samples.all()) for task in Task.objects.all())
    assert shown == [["a", "b"], ["c", "d"]]
    assert {task.seats.count() for task in Task.objects.all()} == {2}
    assert {task.purpose for task in Task.objects.all()} == {"train"}


def test_the_same_samples_are_not_sent_twice(page, project, lead):
    run = a_run(project, lead, "sample", state="succeeded")
    answers(project, run, "sft-1", {"one?": ["a", "b"]})
    for sentence in ("1 ranking task was made.", "0 ranking tasks were made."):
        assert sentence in page.post(reverse("run_raters", args=[run.pk]), {"overlap": "1"}, follow=True).content.decode()


def test_samples_of_another_model_can_join_and_nine_are_shown_at_most(page, project, lead):
    run, other = (a_run(project, lead, "sample", state="succeeded") for _ in range(2))
    answers(project, run, "new", {"one?": [f"new {number}" for number in range(9)]})
    answers(project, other, "old", {"one?": ["old 0", "old 1"], "unasked?": ["x", "y"]})
    page.post(reverse("run_raters", args=[run.pk]), {"overlap": "1", "models": ["old"]})
    models = [sample.model for sample in Task.objects.get().samples.all()]
    assert (models.count("new"), models.count("old")) == (7, 2)


def test_a_run_without_samples_has_nothing_to_send(page, project, lead):
    run = a_run(project, lead, "sample", state="succeeded")
    html = page.get(reverse("run_raters", args=[run.pk]), follow=True).content.decode()
    assert "This run has left no answers that people could rank." in html


def test_a_queued_run_says_what_it_waits_for(page, project, lead):
    a_run(project, lead, state="running")
    a_run(project, lead, state="succeeded")
    second, third = a_run(project, lead, state="queued"), a_run(project, lead, state="queued")
    assert "1 run is before it." in page.get(reverse("run", args=[second.pk])).content.decode()
    assert "2 runs are before it." in page.get(reverse("run", args=[third.pk])).content.decode()
    Run.objects.exclude(pk=third.pk).update(state="stopped")
    assert "the supervisor is not running" in page.get(reverse("run", args=[third.pk])).content.decode()
