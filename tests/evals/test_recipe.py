"""The recipe `evaluate` on models that were never trained, through its own process' door."""

from __future__ import annotations

import json

import pytest

from evals import recipe
from training import schema, train
from training.rundir import RunDir, Stopped

pytestmark = pytest.mark.heavy

SMALL = {"max_new_tokens": 8, "batch_size": 4, "draws": 200}


def a_run(folder, inputs, **config) -> RunDir:
    spec = {
        "run": 1, "recipe": "evaluate", "main": "evals.recipe", "config": {**SMALL, **config},
        "inputs": {name: str(path) for name, path in inputs.items()},
        "input_names": {name: f"the {name}" for name in inputs}, "seed": 3, "resources": {},
    }  # fmt: skip
    return RunDir.create(folder, spec)


def events(run: RunDir) -> list[dict]:
    return [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]


def scores(run: RunDir) -> dict:
    return json.loads((run.out / "scores.json").read_text())


@pytest.fixture
def everything(language_model, reward_model, dataset, corpus_file):
    return {"model": language_model, "reward": reward_model, "dataset": dataset, "corpus": corpus_file}


def test_a_language_model_is_measured_whole(tmp_path, everything):
    run = a_run(tmp_path / "run", everything)
    assert train.main([str(run.path)]) == 0, events(run)[-1]
    found = scores(run)
    assert found["model"] == "the model"
    assert list(found["metrics"]) == sorted(
        ["perplexity", "bits_per_byte", "token_accuracy", "bleu", "rouge1", "rouge2", "rougeL", "chrf", "reward"]
    )
    assert found["skipped"] == {"reward_accuracy": "the checkpoint is not a reward model"}
    assert {name: entry["n"] for name, entry in found["metrics"].items()} == {
        "perplexity": 40, "bits_per_byte": 40, "token_accuracy": 8, "bleu": 8, "rouge1": 8, "rouge2": 8, "rougeL": 8, "chrf": 8,
        "reward": 12,
    }  # fmt: skip
    assert all(entry["low"] <= entry["value"] <= entry["high"] for name, entry in found["metrics"].items() if name != "bleu")
    answers = [json.loads(line) for line in (run.out / "answers.jsonl").read_text().splitlines()]
    assert len(answers) == 12
    assert all(isinstance(line["reward"], float) for line in answers)
    assert events(run)[-1]["state"] == "succeeded"
    assert [event["done"] for event in events(run) if event["kind"] == "progress"][-1] == 7


def test_the_same_run_twice_gives_the_same_bytes(tmp_path, everything):
    runs = [a_run(tmp_path / name, everything, batch_size=4) for name in ("one", "two")]
    for run in runs:
        train.main([str(run.path)])
    for name in ("scores.json", "rows.jsonl", "answers.jsonl"):
        assert (runs[0].out / name).read_bytes() == (runs[1].out / name).read_bytes()


def test_without_a_corpus_perplexity_is_of_the_answers_that_people_wrote(tmp_path, everything):
    del everything["corpus"], everything["reward"]
    run = a_run(tmp_path / "run", everything, metrics="perplexity")
    train.main([str(run.path)])
    assert scores(run)["metrics"]["perplexity"]["n"] == 8
    assert scores(run)["spec"]["perplexity_of"] == "written answers"


def test_a_reward_model_is_measured_by_the_pairs_that_people_ordered(tmp_path, reward_model, dataset):
    run = a_run(tmp_path / "run", {"model": reward_model, "dataset": dataset})
    assert train.main([str(run.path)]) == 0, events(run)[-1]
    found = scores(run)
    assert list(found["metrics"]) == ["reward_accuracy"]
    assert (found["metrics"]["reward_accuracy"]["n"], found["metrics"]["reward_accuracy"]["counted"]) == (12, 36)
    assert found["skipped"]["perplexity"] == "the checkpoint is a reward model"


def test_rewards_do_not_depend_on_the_batch(reward_model):
    from training.reward_scores import raw as rewards

    chats = [[{"role": "user", "content": "sun?"}, {"role": "assistant", "content": "moon " * size}] for size in range(1, 8)]
    alone = rewards(reward_model, chats, [[]] * 7, batch_size=1)
    assert rewards(reward_model, chats, [[]] * 7, batch_size=7) == pytest.approx(alone, abs=1e-5)


def test_a_chat_longer_than_the_reward_model_reads_has_no_reward(reward_model):
    from training.reward_scores import raw as rewards

    chats = [[{"role": "user", "content": "sun?"}, {"role": "assistant", "content": "moon " * size}] for size in (1, 80)]
    short, long = rewards(reward_model, chats, [[], []])
    assert short == pytest.approx(rewards(reward_model, chats[:1], [[]])[0], abs=1e-5)
    assert long is None


def test_pairs_longer_than_the_reward_model_reads_are_left_out(reward_model):
    from evals.material import Material
    from evals.metrics import NotMeasured

    def pair(name, size):
        said = [[{"role": "assistant", "content": text}] for text in ("moon", "moon " * size)]
        return {"prompt_id": name, "prompt": [{"role": "user", "content": "sun?"}], "chosen": said[0], "rejected": said[1]}

    material = Material(path=reward_model, pairs=[pair("1", 2), pair("2", 80)])
    assert [name for name, _chosen, _rejected in material.pair_scores()] == ["1"]
    with pytest.raises(NotMeasured, match="longer than it reads"):
        Material(path=reward_model, pairs=[pair("2", 80)]).pair_scores()


def test_a_stopped_run_goes_on_from_its_last_metric(tmp_path, everything, monkeypatch):
    whole, run = a_run(tmp_path / "whole", everything), a_run(tmp_path / "run", everything)
    recipe.main(whole, schema.parse(recipe.Config, whole.spec["config"]))
    config = schema.parse(recipe.Config, run.spec["config"])
    first = recipe.keep

    def stop_after_three(run, step, *state):
        first(run, step, *state)
        if step == 3:
            (run.path / "stop").touch()

    monkeypatch.setattr(recipe, "keep", stop_after_three)
    with pytest.raises(Stopped, match="after 3 of 7 metrics"):
        recipe.main(run, config)
    assert not run.out.exists()
    (run.path / "stop").unlink()
    monkeypatch.setattr(recipe, "keep", first)
    recipe.main(RunDir(run.path, attempt=2), config)
    for name in ("scores.json", "rows.jsonl", "answers.jsonl"):
        assert (run.out / name).read_bytes() == (whole.out / name).read_bytes()


def test_a_run_that_can_measure_nothing_fails_and_says_why(tmp_path, language_model):
    run = a_run(tmp_path / "run", {"model": language_model}, metrics="bleu")
    assert train.main([str(run.path)]) == 1
    assert "give a dataset with written answers" in events(run)[-1]["reason"]


def test_a_metric_that_does_not_exist_is_refused():
    with pytest.raises(schema.ConfigError, match="no metric 'blue'"):
        schema.parse(recipe.Config, {"metrics": "blue, chrf"})
