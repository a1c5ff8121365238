"""A reward model's page shows its report; what is no report changes nothing."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from django.urls import reverse

from tests.training.rows import a_checkpoint
from training import reward_page

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>"


def figure(value: float, pairs: int = 120) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "pairs": pairs}


@pytest.fixture
def card():
    return {
        "role": "reward",
        "parameters": 1_250_000,
        "figures": {"accuracy": 0.7},
        "report": {
            "accuracy": figure(0.7),
            "longer": figure(0.55),
            "first": None,
            "people": figure(0.8, 40),
            "calibration_error": 0.043,
            "bins": [{"predicted": 0.55, **figure(0.5)}, {"predicted": 0.9, **figure(0.85)}],
            "slices": [
                {"by": "length", "name": "longer", **figure(0.75, 66)},
                {"by": "rater", "name": "r3", **figure(0.6, 40)},
                {"by": "rater", "name": HOSTILE, **figure(0.5, 14)},
            ],
        },
    }


def page_of(client_of, lead, project, card) -> str:
    one = a_checkpoint(project, "judge", role="reward", card=card)
    return client_of(lead).get(reverse("checkpoint", args=[one.pk])).content.decode()


def test_the_model_stands_between_what_knows_less_and_people(card):
    rivals = ElementTree.fromstring(reward_page.shown(card).rivals)
    assert rivals.find(f"{SVG}desc").text == (
        "This model: 0.7 (0.6 – 0.8); Another rater: 0.8 (0.7 – 0.9); Always the longer answer: 0.55 (0.45 – 0.65)"
    )


def test_the_reliability_of_each_bin_is_drawn_beside_the_line_of_the_calibrated(card):
    chart = ElementTree.fromstring(reward_page.shown(card).reliability)
    dots = [dot for dot in chart.iter(f"{SVG}circle")]
    assert len(dots) == 2
    assert float(dots[0].get("cx")) < float(dots[1].get("cx"))
    assert float(dots[0].get("cy")) > float(dots[1].get("cy"))
    assert len(list(chart.iter(f"{SVG}path"))) == 1


def test_a_lead_reads_the_report_on_the_checkpoints_page(client_of, lead, project, card):
    html = page_of(client_of, lead, project, card)
    for text in ("How it judges", "0.043", "the preferred answer is longer", "By rater", "0.650 – 0.850", ">66<"):
        assert text in html
    assert html.count('class="chart"') == 2


def test_names_from_the_data_stay_text(client_of, lead, project, card):
    html = page_of(client_of, lead, project, card)
    assert HOSTILE not in html
    assert "&lt;script&gt;alert(1)" in html


@pytest.mark.parametrize("change", [{"role": "causal-lm"}, {"report": None}, {"report": {"bins": []}}])
def test_a_checkpoint_without_a_report_has_no_such_section(client_of, lead, project, card, change):
    assert "How it judges" not in page_of(client_of, lead, project, card | change)
