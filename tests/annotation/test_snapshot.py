"""Judgements become files that do not change."""

import json

import pytest
from django.utils import timezone

from annotation import frozen, snapshot
from annotation.models import Grade, Guidelines, Judgement, Prompt, Sample, Seat, Snapshot, Task


def ask(project, text, **fields):
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": text}], **fields)


def answer(text):
    return [{"role": "assistant", "content": text}]


def judge(task, rater, grades=None, written=None, **fields):
    """One judgement as the desk would record it: grades are {sample: (overall, acceptable)}."""
    seat, _ = Seat.objects.get_or_create(project=task.prompt.project, task=task, rater=rater, defaults={"filled": timezone.now()})
    fields.setdefault("key", f"{task.pk}-{rater.pk}-{Judgement.objects.count()}")
    judgement = Judgement.objects.create(task=task, seat=seat, rater=rater, written=written, **fields)
    for sample, (overall, acceptable) in (grades or {}).items():
        Grade.objects.create(judgement=judgement, sample=sample, aspect="overall", value=overall)
        Grade.objects.create(judgement=judgement, sample=sample, aspect="acceptable", value=acceptable)
    return judgement


def rank_task(prompt, *texts, purpose="train"):
    task = Task.objects.create(prompt=prompt, kind="rank", purpose=purpose)
    samples = [Sample.objects.create(prompt=prompt, messages=answer(text), model="m") for text in texts]
    task.samples.set(samples)
    return task, samples


def take(project, lead, name="first", **options):
    return snapshot.freeze(Snapshot.objects.create(project=project, name=name, options=options, created_by=lead))


@pytest.fixture
def judged(project, rater):
    """A project with one ranking and one demonstration."""
    prompt = ask(project, "Which river?", language="en", source="handbook", licence="CC0")
    task, (good, bad) = rank_task(prompt, "The Ebro.", "A river.")
    judge(task, rater, {good: (1.0, 1.0), bad: (0.0, 0.0)}, seconds=12.5)
    write = Task.objects.create(prompt=prompt, kind="write")
    judge(write, rater, written=Sample.objects.create(prompt=prompt, messages=answer("The Duero."), author=rater))
    return project


def test_a_snapshot_holds_the_judgements_with_their_answers_and_grades(judged, lead, rater):
    Guidelines.objects.create(project=judged, version=1, text="Be kind.")
    taken = take(judged, lead, validation=0, test=0)
    ranking, writing = frozen.read_rows(taken.folder)
    sample = Sample.objects.get(messages=answer("The Ebro."))
    judgement = sample.grades.first().judgement
    assert ranking["answers"][0] == {
        "sample_id": sample.pk,
        "messages": answer("The Ebro."),
        "model": "m",
        "author": None,
        "written": False,
        "grades": {"overall": 1.0, "acceptable": 1.0},
    }
    assert ranking | {"answers": None} == {
        "judgement_id": judgement.pk,
        "task_id": judgement.task_id,
        "kind": "rank",
        "prompt_id": sample.prompt_id,
        "prompt": [{"role": "user", "content": "Which river?"}],
        "tools": [],
        "language": "en",
        "source": "handbook",
        "licence": "CC0",
        "split": "train",
        "rater": f"r{rater.pk}",
        "guidelines": None,
        "seconds": 12.5,
        "order": judgement.order,
        "answers": None,
    }
    assert [(a["messages"], a["author"], a["written"]) for a in writing["answers"]] == [
        (answer("The Duero."), f"r{rater.pk}", True)
    ]


def test_a_prompt_keeps_its_reference_answer_for_the_trainer(project, lead):
    asked = ask(project, "2 + 2?", language="en", source="school", licence="CC0", metadata={"answer": 4, "extract": "number"})
    (row,) = frozen.read_prompts(take(project, lead, validation=0, test=0).folder)
    assert row == {
        "prompt_id": asked.pk,
        "messages": [{"role": "user", "content": "2 + 2?"}],
        "tools": [],
        "language": "en",
        "source": "school",
        "licence": "CC0",
        "metadata": {"answer": 4, "extract": "number"},
        "split": "train",
    }


def test_the_manifest_counts_what_the_files_hold(judged, lead):
    ask(judged, "¿Qué río?", language="es", source="web", licence="CC BY")
    taken = take(judged, lead, validation=0, test=0)
    assert taken.manifest["counts"] == {
        "prompts": 2,
        "rows": 2,
        "raters": 1,
        "simulated": 0,
        "by_split": {"train": 2, "validation": 0, "test": 0},
        "prompts_by_split": {"train": 2, "validation": 0, "test": 0},
        "by_kind": {"rank": 1, "write": 1},
        "by_language": {"en": 1, "es": 1},
    }
    assert taken.manifest["licences"] == [
        {"source": "handbook", "licence": "CC0", "prompts": 1},
        {"source": "web", "licence": "CC BY", "prompts": 1},
    ]
    assert taken.manifest == frozen.read_manifest(taken.folder)


def test_freezing_twice_gives_the_same_bytes_whatever_was_judged_in_between(judged, lead, rater):
    taken = take(judged, lead)
    before = {path.name: path.read_bytes() for path in taken.folder.iterdir()}
    first = Judgement.objects.filter(task__kind="rank").get()
    judge(first.task, rater, dict.fromkeys(first.task.samples.all(), (0.0, 1.0)), supersedes=first)
    ask(judged, "Late?")
    Snapshot.objects.filter(pk=taken.pk).update(manifest=None)
    for path in taken.folder.iterdir():
        path.unlink()
    again = snapshot.freeze(Snapshot.objects.get(pk=taken.pk))
    assert {path.name: path.read_bytes() for path in again.folder.iterdir()} == before
    assert sorted(before) == ["manifest.json", "prompts.jsonl", "rows.jsonl"]


def test_two_snapshots_of_the_same_judgements_have_the_same_digest(judged, lead):
    assert take(judged, lead).manifest == take(judged, lead, "second").manifest


def test_a_superseded_judgement_is_left_out(judged, lead, rater):
    first = Judgement.objects.get(task__kind="rank")
    correction = judge(first.task, rater, dict.fromkeys(first.task.samples.all(), (0.0, 1.0)), supersedes=first)
    ids = [row["judgement_id"] for row in frozen.read_rows(take(judged, lead).folder)]
    assert first.pk not in ids
    assert correction.pk in ids


def test_judgements_that_evaluate_a_model_never_enter(judged, lead, rater):
    task, (a, b) = rank_task(ask(judged, "Better?"), "yes", "no", purpose="evaluate")
    judge(task, rater, {a: (1.0, 1.0), b: (0.0, 1.0)})
    assert {row["task_id"] for row in frozen.read_rows(take(judged, lead).folder)}.isdisjoint({task.pk})


def test_the_same_prompt_is_in_the_same_split_in_every_project(judged, lead):
    from annotation.models import Project

    other = Project.objects.create(name="Other")
    for n in range(40):
        ask(judged, f"Question {n}"), ask(other, f"Question {n}")
    splits = [
        {row["messages"][0]["content"]: row["split"] for row in frozen.read_prompts(take(each, lead).folder)}
        for each in (judged, other)
    ]
    assert {text: split for text, split in splits[0].items() if text in splits[1]} == splits[1]
    assert set(splits[1].values()) == {"train", "validation", "test"}


def test_shares_are_met_over_many_prompts():
    digests = [f"{n * 2654435761 % 2**32:08x}" for n in range(10_000)]
    found = [frozen.prompt_split(digest, test=0.2, validation=0.1) for digest in digests]
    assert found.count("test") == pytest.approx(2000, abs=20)
    assert found.count("validation") == pytest.approx(1000, abs=20)


def test_rows_of_one_split_only(judged, lead):
    taken = take(judged, lead, test=0.999, validation=0)
    assert list(frozen.read_rows(taken.folder, "train")) == []
    assert len(list(frozen.read_rows(taken.folder, "test"))) == 2


def test_queries_do_not_grow_with_the_rows(judged, lead, rater, django_assert_max_num_queries):
    for n in range(60):
        task, (a, b) = rank_task(ask(judged, f"{n}"), "yes", "no")
        judge(task, rater, {a: (1.0, 1.0), b: (0.0, 1.0)})
    waiting = Snapshot.objects.create(project=judged, name="many", created_by=lead)
    with django_assert_max_num_queries(16):
        snapshot.freeze(waiting)
    assert Snapshot.objects.get().manifest["counts"]["rows"] == 62


def test_a_project_without_prompts_is_refused_and_says_so(project, lead):
    with pytest.raises(ValueError, match="no prompts yet"):
        take(project, lead)
    assert "no prompts yet" in Snapshot.objects.get().error


@pytest.mark.parametrize("wrong", [{"test": 1.0}, {"test": -0.1}, {"validation": "a lot"}, {"test": 0.5, "validation": 0.5}])
def test_shares_that_leave_nothing_to_train_on_are_refused(wrong):
    with pytest.raises(ValueError, match="share"):
        snapshot.options(wrong)


def test_a_file_that_was_changed_after_freezing_is_noticed(judged, lead):
    taken = take(judged, lead)
    path = taken.folder / "rows.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:1]))
    with pytest.raises(ValueError, match="not the file that was frozen"):
        list(frozen.read_rows(taken.folder))


def test_a_folder_without_a_manifest_is_no_snapshot(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a whole snapshot"):
        list(frozen.read_rows(tmp_path))
