"""The whole river on a tiny model, through the public doors only: a real server, its supervisor and its trainers; REST and pages.

Whether a model gets better is the demo's to show; here every stage must be real, and every weight must know its judgements.
"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from demo.client import Client
from demo.river import CONTESTS, River
from demo.site import Site
from tests import tiny_plan

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def river(tmp_path_factory) -> River:
    """A walked river; its site is up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = Site(tmp_path_factory.mktemp("river"), port)
    with site.served():
        walked = River(site, tiny_plan)
        walked.printed, walked.logins = walked.walk()
        yield walked


@pytest.fixture(scope="module")
def checkpoints(river) -> dict[str, dict]:
    """Every checkpoint with its lineage, by the recipe that made it."""
    rows = river.lead.every(f"projects/{river.project}/checkpoints/")
    return {row["name"].removeprefix("demo-"): river.lead.get(f"checkpoints/{row['id']}/") for row in rows}


def ancestors(node: dict) -> set[tuple[str, str]]:
    """(kind, title) of everything that a checkpoint was made from."""
    return {(node["kind"], node["title"])}.union(*(ancestors(parent) for parent in node["parents"]))


def test_every_run_succeeded(river):
    runs = river.lead.every(f"projects/{river.project}/runs/")
    assert {run["state"] for run in runs} == {"succeeded"}
    assert {run["recipe"] for run in runs} == {
        "tokenizer", "pretrain", "sft", "sample", "reward", "ppo", "dpo", "evaluate",
    }  # fmt: skip


def test_pretraining_lowers_the_perplexity(river):
    assert river.printed["perplexity"]["pretrain_end"] < river.printed["perplexity"]["pretrain_start"]


def test_every_acknowledged_judgement_is_there_once(river):
    there = [row["id"] for row in river.lead.every(f"projects/{river.project}/judgements/")]
    assert sorted(receipt["id"] for receipt in river.receipts) == sorted(there)
    compared = len(CONTESTS) * tiny_plan.COMPARISONS * tiny_plan.COMPARISON_OVERLAP
    assert len(there) == tiny_plan.WRITINGS + tiny_plan.RANKINGS + compared


def test_the_weights_of_ppo_know_the_judgements_that_made_them(river, checkpoints):
    found = ancestors(checkpoints["ppo"]["lineage"])
    assert {title for kind, title in found if kind == "checkpoint"} == {
        "demo-ppo", "demo-reward", "demo-sft", "demo-pretrain", "demo-tokenizer",
    }  # fmt: skip
    people = checkpoints["ppo"]["people"]
    assert people["judgements"] == tiny_plan.WRITINGS + tiny_plan.RANKINGS
    assert people["raters"] == len(river.people)
    assert people["licences"] == ["CC0-1.0"]


def test_a_base_model_knows_that_nobody_judged_for_it(checkpoints):
    assert checkpoints["pretrain"]["people"] == {"judgements": 0, "raters": 0, "simulated": 0, "licences": ["CC0-1.0"]}


def test_the_report_compares_the_models_that_people_compared(river):
    rates, intervals = river.printed["win_rate"], river.printed["win_rate_interval"]
    assert set(rates) == {f"{a}_vs_{b}" for a, b in CONTESTS}
    assert all(intervals[contest][0] <= rate <= intervals[contest][1] for contest, rate in rates.items())
    assert sum(river.printed["comparisons"].values()) == len(CONTESTS) * tiny_plan.COMPARISONS * tiny_plan.COMPARISON_OVERLAP
    html = Path(river.printed["report"]).read_text(encoding="utf-8")
    assert "demo-ppo" in html
    assert "<script" not in html


def test_judgements_that_examine_a_model_never_train_one(river):
    snapshot = river.freeze("after everything")
    assert snapshot["manifest"]["counts"]["rows"] == tiny_plan.WRITINGS + tiny_plan.RANKINGS


def test_the_new_models_answers_wait_on_the_raters_desk(river):
    token = river.site.token(river.logins["rater"]["name"])
    seat = Client(river.site.url, token).put(f"projects/{river.project}/seats/", {})
    assert seat["kind"] in {"rank", "write"}
    assert not any(word in str(seat) for word in ("demo-ppo", "demo-sft", "model"))


def test_exports_stream_in_every_shape(river):
    snapshot = next(row for row in river.lead.every(f"projects/{river.project}/snapshots/") if row["name"] == "rankings")
    for shape, key in (("preference", "chosen"), ("ranking", "tiers"), ("sft", "messages"), ("unpaired", "label")):
        rows = river.lead.session.get(f"{river.site.url}/api/snapshots/{snapshot['id']}/rows/", params={"format": shape})
        assert key in rows.text.splitlines()[0]


def test_the_four_doors_launch_the_same_run(river):
    """REST made the others; here the command line, with the same validation."""
    with pytest.raises(RuntimeError, match="max_stepz"):
        river.site.manage("train", "tokenizer", "--project", "1", "--input", "corpus=demo-world", "--set", "max_stepz=3")
    before = len(river.lead.every(f"projects/{river.project}/runs/"))
    river.site.manage("train", "tokenizer", "--project", "1", "--input", "corpus=demo-world", "--set", "vocab_size=300", "--wait")
    runs = river.lead.every(f"projects/{river.project}/runs/")
    assert (len(runs), runs[-1]["state"]) == (before + 1, "succeeded")
