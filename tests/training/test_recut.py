"""Other processes go on with a run than began it: in steps of as many rows, and its folder says so."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.training.rows import a_run
from training import schema
from training.launch import recut, specification
from training.models import Run
from training.recipes import grpo, sft
from training.rundir import RUN, RunDir

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped(project, lead, crisol_home):
    """`stopped(processes=2, batch_size=2, …)`: a run of `sft`, or of another `recipe`, that was stopped."""

    def made(recipe: str = "sft", processes: int = 2, **config) -> Run:
        module = {"sft": sft, "grpo": grpo}[recipe]
        given = schema.as_dict(schema.parse(module.Config, config))
        run = a_run(project, lead, recipe, config=given, resources={"processes": processes}, state="stopped")
        RunDir.create(run.folder, specification(run))
        return run

    return made


@pytest.mark.parametrize(
    ("batch_size", "accumulation", "was", "processes", "found"),
    [
        (2, 2, 2, 1, (2, 4, "ddp")),
        (8, 1, 2, 4, (4, 1, "zero3")),
        (6, 1, 2, 3, (4, 1, "zero3")),
        (3, 4, 2, 4, (3, 2, "zero3")),
    ],
)
def test_steps_stay_of_as_many_rows(stopped, batch_size, accumulation, was, processes, found):
    run = stopped(processes=was, batch_size=batch_size, accumulation=accumulation, parallel="zero3", learning_rate=0.5)
    changed = recut(run, processes)
    assert changed["resources"] == {"processes": processes}
    assert tuple(changed["config"][name] for name in ("batch_size", "accumulation", "parallel")) == found
    assert changed["config"]["learning_rate"] == 0.5


@pytest.mark.parametrize(
    ("how", "processes", "sentence"),
    [
        ({"batch_size": 1}, 4, "must divide the 2 rows of a step"),
        ({"batch_size": 1}, 0, "must be a whole number from 1 to 64"),
        ({"recipe": "grpo"}, 1, "grpo goes on only in as many as it began with"),
    ],
)
def test_what_cannot_be_cut_is_refused(stopped, how, processes, sentence):
    with pytest.raises(schema.ConfigError, match=f"processes: {sentence}"):
        recut(stopped(**how), processes)


def test_resume_in_another_number_of_processes_is_told_to_the_trainer(stopped):
    run, out = stopped(batch_size=4, parallel="fsdp2"), StringIO()
    call_command("resume", str(run.pk), "--processes", "1", stdout=out)
    run.refresh_from_db()
    assert (run.state, run.attempt) == ("queued", 2)
    assert out.getvalue() == f"sft-{run.pk} queued, attempt 2: {run.folder}\n"
    told = json.loads((run.folder / RUN).read_text())
    assert (told["config"], told["resources"]) == (run.config, {"processes": 1})
    assert (run.config["batch_size"], run.config["accumulation"], run.config["parallel"]) == (4, 2, "ddp")


def test_resume_in_as_many_changes_nothing(stopped):
    run = stopped()
    before = (run.folder / RUN).read_text()
    call_command("resume", str(run.pk), stdout=StringIO())
    assert (run.folder / RUN).read_text() == before


def test_resume_refuses_in_a_sentence(stopped):
    run = stopped()
    Run.objects.update(state="succeeded")
    with pytest.raises(CommandError, match=f"sft-{run.pk} is succeeded: only a run that stopped or failed can be resumed"):
        call_command("resume", str(run.pk))
    with pytest.raises(CommandError, match="there is no run 99"):
        call_command("resume", "99")
    with pytest.raises(CommandError, match="processes: must divide the 16 rows of a step"):
        call_command("resume", str(run.pk), "--processes", "3")
