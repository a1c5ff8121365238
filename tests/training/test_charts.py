"""Charts are well-formed, honest about extremes, and never a way in for hostile text."""

from __future__ import annotations

import math
from xml.etree import ElementTree

from training.charts import Axis, Band, Scatter, interval_chart, line_chart, scatter_chart, thin, tick_text

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '</title><script>alert(1)</script>"&'


def drawn(chart: str) -> ElementTree.Element:
    return ElementTree.fromstring(chart)


def test_every_series_is_a_line_with_a_name():
    svg = drawn(line_chart({"loss": [(1, 3.0), (2, 2.0)], "valid_loss": [(2, 2.5)]}, title="Loss", x_label="step"))
    assert [line.find(f"{SVG}title").text for line in svg.iter(f"{SVG}path")] == ["loss", "valid_loss"]
    assert svg.find(f"{SVG}title").text == "Loss"
    assert "loss: 2 points, from 3 to 2, lowest 2, highest 3" in svg.find(f"{SVG}desc").text


def test_hostile_names_and_titles_stay_text():
    chart = line_chart({HOSTILE: [(1, 1.0), (2, 2.0)]}, title=HOSTILE, x_label=HOSTILE, y_label=HOSTILE)
    intervals = interval_chart([(HOSTILE, 0.5, 0.4, 0.6)], title=HOSTILE, x_label=HOSTILE, reference=0.5)
    for svg in (drawn(chart), drawn(intervals)):
        assert svg.find(f"{SVG}title").text == HOSTILE
        assert not list(svg.iter(f"{SVG}script"))


def test_a_chart_carries_no_style_and_no_script():
    chart = line_chart({str(number): [(0, number), (9, 1.0)] for number in range(9)}, title="Many", x_label="step")
    assert {name for element in drawn(chart).iter() for name in element.attrib} & {"style", "onload", "onclick"} == set()


def test_numbers_that_are_not_finite_are_left_out():
    chart = line_chart({"loss": [(1, 1.0), (2, math.nan), (3, math.inf), (4, 2.0)]}, title="Loss", x_label="step")
    assert "2 points" in chart
    assert "nan" not in chart
    assert "inf" not in chart


def test_nothing_to_draw_says_so():
    assert "No numbers yet" in line_chart({}, title="Loss", x_label="step")
    assert "No numbers yet" in interval_chart([("a", math.nan, None, None)], title="Scores")


def test_one_point_and_equal_points_still_make_a_chart():
    for points in ([(5, 0.0)], [(0, 2.0), (1, 2.0)], [(1, -3.0), (1, -3.0)]):
        drawn(line_chart({"loss": points}, title="Loss", x_label="step"))


def test_a_long_series_is_thinned_and_keeps_its_extremes():
    points = [(float(step), math.sin(step / 50)) for step in range(10_000)]
    points[7777], points[3333] = (7777.0, 40.0), (3333.0, -40.0)
    kept = thin(points)
    assert len(kept) <= 300
    assert {points[0], points[-1], points[7777], points[3333]} <= set(kept)
    assert kept == sorted(kept)


def test_a_short_series_is_drawn_whole():
    points = [(float(step), step * 2.0) for step in range(300)]
    assert thin(points) == points


def test_ticks_are_round_and_inside():
    assert Axis(0, 1.0, 0, 100).ticks(5) == [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]
    assert [tick_text(tick) for tick in Axis(0, 4_200_000, 0, 100).ticks(5)] == ["0", "1M", "2M", "3M", "4M"]
    assert [tick_text(tick) for tick in Axis(0, 5e-5, 0, 100).ticks(5)] == ["0", "1e-05", "2e-05", "3e-05", "4e-05", "5e-05"]


def test_an_interval_is_drawn_between_its_ends():
    svg = drawn(interval_chart([("dpo", 0.6, 0.5, 0.7), ("sft", 0.5, None, None)], title="Win rate", reference=0.5))
    (interval,) = [line for line in svg.iter(f"{SVG}line") if "chart-interval" in line.get("class")]
    dots = [float(dot.get("cx")) for dot in svg.iter(f"{SVG}circle")]
    assert float(interval.get("x1")) < dots[0] < float(interval.get("x2"))
    (reference,) = [line for line in svg.iter(f"{SVG}line") if line.get("class") == "chart-reference"]
    assert float(reference.get("x1")) == dots[1]


def scattered(**options) -> ElementTree.Element:
    series = [
        Scatter(HOSTILE, [(1, 0.5, 0.2, 0.8), (2, 0.6, None, None)], [(0, 0.0), (2, 0.7)]),
        Scatter("gold", [(1, 0.5, 0.1, 0.9)]),
    ]
    return drawn(scatter_chart(series, title=HOSTILE, x_label="√KL", x_span=(0, 2), **options))


def test_a_scatter_has_a_dot_an_estimate_an_interval_where_there_is_one_and_a_curve_where_there_is_one():
    svg = scattered()
    assert [group.find(f"{SVG}title").text for group in svg.iter(f"{SVG}g")] == [
        f"{HOSTILE}: 0.5 (0.2 – 0.8) (1)", f"{HOSTILE}: 0.6 (2)", "gold: 0.5 (0.1 – 0.9) (1)",
    ]  # fmt: skip
    assert len([line for line in svg.iter(f"{SVG}line") if "chart-interval" in line.get("class")]) == 2
    assert len([path for path in svg.iter(f"{SVG}path") if "chart-fit" in path.get("class")]) == 1


def test_estimates_at_one_x_do_not_cover_each_other():
    places = [dot.get("cx") for dot in scattered().iter(f"{SVG}circle")]
    assert len(set(places)) == 3


def test_a_band_spans_its_stretch_of_the_axis_and_a_clear_one_looks_so():
    svg = scattered(bands=[Band(1, 2, "1"), Band(0, 1, "2", clear=True)])
    first, second = svg.iter(f"{SVG}rect")
    assert float(first.get("x")) == float(second.get("x")) + float(second.get("width"))
    assert (first.get("class"), second.get("class")) == ("chart-band", "chart-band chart-clear")


def test_a_scatter_of_nothing_says_so():
    assert "No numbers yet" in scatter_chart([Scatter("a", [])], title="Scores", x_label="√KL", x_span=(0, 1))
