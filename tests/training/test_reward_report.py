"""The report of a reward model counts what it says it counts."""

from __future__ import annotations

import pytest

from training import reward_report
from training.judgements import Ranking, Task


def ranking(*tiers: int, rater: str = "r1", **more) -> Ranking:
    return Ranking(tuple(range(len(tiers))), tiers, tuple(float(max(tiers) - tier) for tier in tiers), rater=rater, **more)


def task(prompt: int, *rankings: Ranking, lengths: tuple[int, ...] = (3, 2, 1), language: str = "en") -> Task:
    return Task(prompt, language, [[1] * length for length in lengths], list(rankings))


def value(report, name: str) -> tuple[float, int]:
    return report[name]["value"], report[name]["pairs"]


def test_the_accuracy_is_of_ordered_pairs_and_equal_scores_count_half() -> None:
    found = reward_report.headline([task(1, ranking(0, 1, 1)), task(2, ranking(1, 0, 2))], [2.0, 1.0, 2.0, 0.0, 5.0, 7.0])
    # Right, equal; right, wrong, wrong.
    assert (found["accuracy"], found["pairs"]) == (pytest.approx(2.5 / 5), 5)
    assert found["accuracy_low"] < 0.5 < found["accuracy_high"]
    assert reward_report.headline([task(1, ranking(0, 0, 0))], [1.0, 2.0, 3.0]) == {}


def test_what_knows_less_and_what_knows_more_stand_beside_it() -> None:
    shown = ranking(0, 1, 2, shown=(2, 1, 0))
    other = ranking(1, 0, 1, rater="r2")
    report = reward_report.report([task(1, shown, other)], [3.0, 2.0, 1.0])
    assert value(report, "longer") == (pytest.approx(4 / 5), 5)  # only (second, first) of r2 prefers the shorter
    assert value(report, "first") == (0.0, 3)  # the judgement whose places are not known says nothing of it
    # r1's three pairs by r2: wrong, a tie, right; r2's two by r1: wrong, right.
    assert value(report, "people") == (pytest.approx((0 + 0.5 + 1 + 0 + 1) / 5), 5)


def test_the_unacceptable_are_no_tie_between_raters() -> None:
    first, second = ranking(0, 1, 2), ranking(0, 1, 1, rater="r2", open_end=True)
    report = reward_report.report([task(1, first, second)], [3.0, 2.0, 1.0])
    assert value(report, "people") == (1.0, 4)


def test_one_rater_or_one_judgement_a_task_gives_no_ceiling() -> None:
    report = reward_report.report([task(1, ranking(0, 1, 2), ranking(0, 1, 2))], [3.0, 2.0, 1.0])
    assert (report["people"], report["first"]) == (None, None)


def test_calibration_is_the_distance_from_how_sure_to_how_right() -> None:
    tasks = [task(number, ranking(0, 1), lengths=(1, 1)) for number in range(4)]
    leads = [1.0986, 1.0986, 1.0986, -1.0986]  # sure by 0.75 each time, right three times
    report = reward_report.report(tasks, [score for lead in leads for score in (lead, 0.0)])
    (only,) = report["bins"]
    assert (only["predicted"], only["value"], only["pairs"]) == (pytest.approx(0.75, abs=1e-4), 0.75, 4)
    assert report["calibration_error"] == pytest.approx(0.0, abs=1e-4)
    wrong = reward_report.report(tasks, [score for lead in leads for score in (-lead, 0.0)])
    assert wrong["calibration_error"] == pytest.approx(0.5, abs=1e-4)


def test_the_pairs_are_cut_by_length_strength_language_rater_and_aspect() -> None:
    mine = ranking(0, 1, 2, aspects={"tone": [1.0, None, 3.0]})
    report = reward_report.report(
        [task(1, mine), task(2, ranking(1, 0, rater="r2"), lengths=(4, 4), language="es")], [3, 2, 1, 0, 1]
    )
    cut = {(part["by"], part["name"]): (part["value"], part["pairs"]) for part in report["slices"]}
    assert cut == {
        ("length", "longer"): (1.0, 3),
        ("length", "equal"): (1.0, 1),
        ("strength", "1"): (1.0, 3),
        ("strength", "2"): (1.0, 1),
        ("language", "en"): (1.0, 3),
        ("language", "es"): (1.0, 1),
        ("rater", "r1"): (1.0, 3),
        ("rater", "r2"): (1.0, 1),
        ("aspect", "tone"): (0.0, 1),
    }


def test_the_interval_takes_pairs_of_one_prompt_as_going_together() -> None:
    said = [ranking(0, 1)] * 20 + [ranking(1, 0)] * 20
    apart = [task(number, one, lengths=(1, 1)) for number, one in enumerate(said)]
    together = [task(number // 10, one, lengths=(1, 1)) for number, one in enumerate(said)]
    wide, narrow = (reward_report.headline(tasks, [1.0, 0.0] * 40) for tasks in (together, apart))
    assert wide["accuracy"] == narrow["accuracy"] == 0.5
    assert wide["accuracy_high"] - wide["accuracy_low"] > 1.5 * (narrow["accuracy_high"] - narrow["accuracy_low"])


def test_the_scale_is_mean_and_deviation_and_never_zero() -> None:
    assert reward_report.scale([1.0, 3.0]) == {"mean": 2.0, "std": 1.0}
    assert reward_report.scale([2.0, 2.0]) == {"mean": 2.0, "std": 1.0}


def test_without_held_out_pairs_there_are_no_numbers() -> None:
    assert reward_report.numbers(reward_report.report([], [])) == {}
