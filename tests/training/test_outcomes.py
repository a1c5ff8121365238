"""What a run made is registered once, under a name of its own, or refused with the line that is wrong."""

from __future__ import annotations

import json

import pytest

from annotation.models import Project, Prompt, Sample
from training import outcomes
from training.models import Checkpoint, RunInput

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(queue):
    """A run called “counter” with an empty `out/`."""
    run = queue(name="counter")
    (run.folder / "out").mkdir(parents=True)
    return run


def write(run, name, text):
    (run.folder / "out" / name).write_text(text)


def test_a_checkpoint_is_registered_once_with_its_card_and_digest(run):
    write(run, "card.json", json.dumps({"role": "causal-lm", "step": 9, "figures": {"loss": 0.5}}))
    write(run, "model.safetensors", "weights")
    made = outcomes.checkpoint(run)
    assert (made.name, made.role, made.step, made.run, made.project) == ("counter", "causal-lm", 9, run, run.project)
    assert made.card["figures"] == {"loss": 0.5}
    assert made.digest == outcomes.folder_digest(run.folder / "out")
    assert outcomes.checkpoint(run) == made
    assert Checkpoint.objects.count() == 1


def test_a_name_that_is_taken_gets_a_number(queue):
    names = []
    for _ in range(3):
        run = queue(name="counter")
        (run.folder / "out").mkdir(parents=True)
        write(run, "card.json", '{"role": "tokenizer"}')
        names.append(outcomes.checkpoint(run).name)
    assert names == ["counter", "counter-2", "counter-3"]


def test_a_digest_changes_with_a_name_or_a_byte(tmp_path):
    seen = set()
    for name, text in (("a", "1"), ("a", "2"), ("b", "2")):
        folder = tmp_path / f"{name}{text}"
        folder.mkdir()
        (folder / name).write_text(text)
        seen.add(outcomes.folder_digest(folder))
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("card", "sentence"),
    [(None, "no card.json"), ("{", "not JSON"), ("{}", "must name a role"), ("[]", "must name a role"),
     ('{"role": "reward"}', "no \\*.safetensors")],
)  # fmt: skip
def test_a_folder_that_is_no_checkpoint_is_refused_with_what_it_lacks(run, card, sentence):
    if card is not None:
        write(run, "card.json", card)
    with pytest.raises(ValueError, match=sentence):
        outcomes.checkpoint(run)


@pytest.fixture
def answering(run):
    """The run, which answers prompts as the checkpoint “base”."""
    base = Checkpoint.objects.create(
        project=run.project, name="base", role="causal-lm", path="/base", digest="0" * 64, source="a test"
    )
    RunInput.objects.create(run=run, name="model", checkpoint=base)
    return run


@pytest.fixture
def prompt(project):
    return Prompt.objects.create(project=project, messages=[{"role": "user", "content": "Why?"}])


def line(prompt_id, index=0, content="Because.", **more):
    return (
        json.dumps({"prompt_id": prompt_id, "index": index, "messages": [{"role": "assistant", "content": content}]} | more) + "\n"
    )


def test_each_line_becomes_one_sample_of_the_checkpoint_that_answered(answering, prompt):
    write(answering, "samples.jsonl", line(prompt.pk, 0, sampling={"temperature": 0.7}) + line(prompt.pk, 1, "a\0b"))
    assert outcomes.samples(answering) == outcomes.samples(answering) == 2
    first, second = Sample.objects.order_by("pk")
    assert (first.model, first.text, first.author, first.key) == ("base", "Because.", None, f"{answering.pk}/{prompt.pk}/0")
    assert first.sampling == {"temperature": 0.7, "run": answering.pk}
    assert second.text == "a�b"


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [("nonsense\n", "line 2"), ('{"prompt_id": "1", "index": 0}\n', "line 2.*prompt_id"),
     ('{"prompt_id": 1, "index": 0}\n', "line 2.*messages"),
     (line(10**9), "line 2: prompt 1000000000 is not in the run's project")],
)  # fmt: skip
def test_a_bad_line_is_named_and_nothing_is_kept(answering, prompt, bad, sentence):
    write(answering, "samples.jsonl", line(prompt.pk) + bad)
    with pytest.raises(ValueError, match=sentence):
        outcomes.samples(answering)
    assert not Sample.objects.exists()


def test_another_projects_prompt_is_refused(answering):
    elsewhere = Prompt.objects.create(project=Project.objects.create(name="Lake"), messages=[{"role": "user", "content": "Why?"}])
    write(answering, "samples.jsonl", line(elsewhere.pk))
    with pytest.raises(ValueError, match="line 1"):
        outcomes.samples(answering)
