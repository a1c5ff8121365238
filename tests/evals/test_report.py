"""Reports: what they say with nothing, half and all of the data, to whom, and the same bytes each time."""

from __future__ import annotations

import json

import numpy as np
import pytest

from annotation.models import Member, Role
from evals import claims, outcomes, preference, recipe, report
from evals.metrics import Measure
from evals.models import Evaluation
from tests.training.rows import a_checkpoint, a_run, answers
from training.models import Run

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"> \u202edesrever'
ACCURACY = Measure("token_accuracy", "Token accuracy", "higher", "ratio", percent=True, counts="tokens")
PERPLEXITY = Measure("perplexity", "Perplexity", "lower", "exp_ratio", counts="tokens")


@pytest.fixture
def evaluation(project, lead) -> Evaluation:
    return Evaluation.objects.create(project=project, name="First look", created_by=lead)


def a_measuring_run(evaluation, checkpoint, better: float, *, state=Run.State.SUCCEEDED, text="An answer.") -> Run:
    """A run whose folder says that `checkpoint` is better by so much on each of 50 rows."""
    run = a_run(evaluation.project, evaluation.created_by, "evaluate", {"model": checkpoint}, state=state)
    evaluation.runs.add(run)
    evaluation.checkpoints.add(checkpoint)
    if state == Run.State.SUCCEEDED:
        out = run.folder / "out"
        out.mkdir(parents=True)
        draw = np.random.default_rng(1)
        hard = draw.normal(0, 0.3, size=50)
        rows = {
            "perplexity": [(str(n), (float(20 + hard[n] - 4 * better), 10)) for n in range(50)],
            "token_accuracy": [(str(n), (float(5 + hard[n] + better), 10)) for n in range(50)],
        }
        made = {"perplexity": PERPLEXITY, "token_accuracy": ACCURACY}
        metrics = {name: recipe.figure(made[name], table, 200, 0) for name, table in rows.items()}
        spec = {"inputs": {"model": checkpoint.name, "dataset": "first"}, "vocabulary": "v", "perplexity_of": "written answers"}
        skipped = {"bleu": "give a dataset"}
        (out / "scores.json").write_text(
            json.dumps({"model": checkpoint.name, "metrics": metrics, "skipped": skipped, "spec": spec})
        )
        recipe.write_lines(out / "rows.jsonl", [{"measure": m, "id": i, "stats": s} for m, table in rows.items() for i, s in table])
        prompt = [{"role": "user", "content": f"Question of {HOSTILE}?"}]
        recipe.write_lines(out / "answers.jsonl", [{"prompt_id": 1, "prompt": prompt, "text": text, "reward": None}])
    return run


def page(client, evaluation) -> str:
    response = client.get(f"/evaluations/{evaluation.pk}/")
    assert response.status_code == 200
    return response.content.decode()


# What it says -----------------------------------------------------------------------------------------------------------------


def test_an_empty_evaluation_says_that_nothing_is_measured(evaluation, lead, client_of):
    assert claims.verdict(report.draw(evaluation)) == ["Nothing is measured here."]
    shown = page(client_of(lead), evaluation)
    assert "Nobody was asked" in shown
    assert "No run has measured anything here" in shown
    assert "hx-trigger" not in shown


def test_half_of_the_data_is_shown_while_the_rest_runs(evaluation, project, lead, client_of):
    a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    going = a_measuring_run(evaluation, a_checkpoint(project, "sft"), 1, state=Run.State.RUNNING)
    going.events.create(attempt=1, offset=0, kind="progress", data={"done": 3, "total": 7, "unit": "metrics"})
    found = report.draw(evaluation)
    assert [run["checkpoint"] for run in found["pending"]] == ["sft"]
    shown = page(client_of(lead), evaluation)
    assert 'hx-trigger="every 3s"' in shown
    assert "3 / 7 metrics" in shown
    assert "Perplexity of base: 7.39" in shown.replace("7.38", "7.39")


def test_two_measured_checkpoints_are_compared_row_by_row(evaluation, project):
    a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    a_measuring_run(evaluation, a_checkpoint(project, "sft"), 1)
    found = report.draw(evaluation)
    assert claims.verdict(found) == [
        "Against base, sft is clearly better on Perplexity, Token accuracy and clearly worse on nothing."
    ]
    [perplexity, accuracy] = found["measures"]
    [difference] = accuracy["differences"]
    # Every row differs by the same amount, so the paired interval has no width, though each figure's own has.
    assert (difference["value"], difference["low"], difference["high"]) == pytest.approx((0.1, 0.1, 0.1))
    assert accuracy["rows"][0]["high"] - accuracy["rows"][0]["low"] > 0.01
    assert claims.measure_claim(perplexity) == "Perplexity: sft is better than base"


def test_a_worse_checkpoint_is_called_worse(evaluation, project):
    a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    a_measuring_run(evaluation, a_checkpoint(project, "sft"), -1)
    assert "sft is clearly worse on Perplexity, Token accuracy" in claims.verdict(report.draw(evaluation))[0]


def test_equal_checkpoints_are_not_told_apart(evaluation, project):
    a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    a_measuring_run(evaluation, a_checkpoint(project, "copy"), 0)
    found = report.draw(evaluation)
    assert claims.verdict(found) == ["No measure clearly tells copy from base."]
    assert claims.measure_claim(found["measures"][0]) == "Perplexity: no clear difference from base"


def test_perplexities_of_two_tokenizers_are_not_compared(evaluation, project):
    a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    other = a_measuring_run(evaluation, a_checkpoint(project, "other"), 1)
    path = other.folder / "out" / "scores.json"
    path.write_text(path.read_text().replace('"vocabulary": "v"', '"vocabulary": "w"'))
    found = report.draw(evaluation)
    assert all("value" not in one for measure in found["measures"] for one in measure["differences"])
    assert "do not compare" in claims.measure_claim(found["measures"][0])


def test_the_newest_run_of_a_checkpoint_counts(evaluation, project):
    base = a_checkpoint(project, "base")
    a_measuring_run(evaluation, base, 0)
    newest = a_measuring_run(evaluation, base, 1)
    assert [row["run"] for row in report.draw(evaluation)["measures"][0]["rows"]] == [newest.pk]


def test_votes_come_before_metrics(evaluation, project, lead, rater):
    base, sft = a_checkpoint(project, "base"), a_checkpoint(project, "sft")
    a_measuring_run(evaluation, base, 0)
    a_measuring_run(evaluation, sft, 1)
    votes = [{"first": "sft", "second": "base", "n": 40, "value": 0.8, "low": 0.651, "high": 0.9, "simulated": 0}]
    assert claims.verdict({**report.draw(evaluation), "votes": votes})[0] == (
        "People prefer sft to base: win rate 80.0\u00a0% in 40 judgements (95\u00a0% interval 65.1\u00a0% to 90.0\u00a0%)."
    )


def test_a_lost_vote_is_told_from_the_side_of_the_winner():
    vote = {"first": "sft", "second": "base", "n": 40, "value": 0.2, "low": 0.1, "high": 0.349, "simulated": 0}
    assert claims.vote_sentence(vote).replace("\u00a0", " ") == (
        "People prefer base to sft: win rate 80.0 % in 40 judgements (95 % interval 65.1 % to 90.0 %)."
    )


def test_an_open_vote_names_whose_win_rate_it_gives():
    vote = {"first": "sft", "second": "base", "n": 4, "value": 0.5, "low": 0.2, "high": 0.8, "simulated": 0}
    assert claims.vote_sentence(vote).replace("\u00a0", " ") == (
        "People do not clearly prefer sft or base: sft has a win rate of 50.0 % in 4 judgements (95 % interval 20.0 % to 80.0 %)."
    )


@pytest.mark.parametrize(
    ("low", "high", "claim"),
    [
        (0.6, 0.9, "Simulated raters prefer sft to base"),
        (0.1, 0.4, "Simulated raters prefer base to sft"),
        (0.2, 0.8, "Simulated raters do not clearly prefer sft or base"),
    ],
)
def test_simulated_raters_are_never_called_people(low, high, claim):
    vote = {"first": "sft", "second": "base", "n": 4, "value": 0.5, "low": low, "high": high, "simulated": 4}
    assert claims.vote_claim(vote) == claim
    assert claims.vote_sentence(vote).startswith(claim)
    mixed = claims.vote_sentence(vote | {"simulated": 3})
    assert mixed.startswith(claim.replace("Simulated raters", "People"))
    assert mixed.endswith(" Not only people: 3 of these judgements are by simulated raters.")


@pytest.mark.parametrize(
    ("value", "text"), [(12.3456, "12.35"), (-1.5, "−1.50"), (0.0163, "0.02"), (0.00123, "0.0012"), (123456.7, "123,457"), (0, "0")]
)
def test_figures_have_the_digits_that_mean_something(value, text):
    assert claims.number(value) == text


@pytest.mark.parametrize(
    ("low", "high", "claim"),
    [
        (0.51, 0.9, "People prefer b to a"),
        (0.1, 0.49, "People prefer a to b"),
        (0.4, 0.6, "People do not clearly prefer b or a"),
    ],
)
def test_a_preference_is_claimed_only_where_the_interval_leaves_out_the_half(low, high, claim):
    assert claims.vote_claim({"first": "b", "second": "a", "n": 9, "simulated": 0, "low": low, "high": high}) == claim


# To whom, and how ---------------------------------------------------------------------------------------------------------------


def test_what_a_model_said_is_escaped_everywhere(evaluation, project, lead, client_of):
    a_measuring_run(evaluation, a_checkpoint(project, "<b>base</b>"), 0, text=HOSTILE)
    for name in ("", "report.html"):
        shown = client_of(lead).get(f"/evaluations/{evaluation.pk}/{name}").content.decode()
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
        assert "<b>base" not in shown
        assert "\u202e" not in shown
        assert "⟨U+202E⟩" in shown


def test_the_report_and_its_data_are_the_same_bytes_each_time(evaluation, project, lead, client_of):
    a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    a_measuring_run(evaluation, a_checkpoint(project, "sft"), 1)
    client = client_of(lead)
    for name in ("report.json", "report.html"):
        first, second = (client.get(f"/evaluations/{evaluation.pk}/{name}") for _ in range(2))
        assert first.content == second.content
        assert first["Content-Disposition"] == f'attachment; filename="first-look.{name.split(".")[1]}"'
    assert json.loads(client.get(f"/evaluations/{evaluation.pk}/report.json").content)["evaluation"]["name"] == "First look"


def test_the_saved_report_needs_nothing_else(evaluation, project, lead, client_of):
    a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    text = client_of(lead).get(f"/evaluations/{evaluation.pk}/report.html").content.decode()
    assert "<script" not in text
    assert "href=" not in text
    assert "url(" not in text
    assert "--accent" in text
    assert 'class="chart"' in text
    assert 'style="' not in text


def test_the_page_has_no_inline_style_or_script(evaluation, project, lead, client_of):
    a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    shown = page(client_of(lead), evaluation)
    assert " style=" not in shown
    assert "<style" not in shown
    assert "onclick" not in shown


def test_reviewers_read_reports_and_raters_do_not(evaluation, rater, client_of, django_user_model):
    reviewer = django_user_model.objects.create_user("reviewer")
    Member.objects.create(project=evaluation.project, user=reviewer, role=Role.REVIEWER)
    stranger = django_user_model.objects.create_user("stranger")
    urls = ["/evaluations/", *(f"/evaluations/{evaluation.pk}/{name}" for name in ("", "report.html", "report.json"))]
    assert [client_of(reviewer).get(url).status_code for url in urls] == [200] * 4
    assert [client_of(rater).get(url).status_code for url in urls] == [403] * 4
    assert [client_of(stranger).get(url).status_code for url in urls] == [403] * 4
    assert client_of(reviewer).get("/evaluations/new/").status_code == 403


def test_a_lead_of_another_project_finds_nothing(evaluation, client_of, django_user_model):
    from annotation.models import Project

    other = django_user_model.objects.create_user("other")
    Member.objects.create(project=Project.objects.create(name="Elsewhere"), user=other, role=Role.LEAD)
    client = client_of(other)
    assert "First look" not in client.get("/evaluations/").content.decode()
    assert client.get(f"/evaluations/{evaluation.pk}/").status_code == 404


def test_the_report_polls_only_its_own_part(evaluation, lead, client_of):
    part = client_of(lead).get(f"/evaluations/{evaluation.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="report"')
    assert "<html" not in part


def test_a_page_of_the_report_asks_few_questions(evaluation, project, lead, client_of, django_assert_max_num_queries):
    for number in range(4):
        a_measuring_run(evaluation, a_checkpoint(project, f"model-{number}"), number)
    client = client_of(lead)
    page(client, evaluation)
    with django_assert_max_num_queries(40):
        page(client, evaluation)


# What becomes of a run ------------------------------------------------------------------------------------------------------------


def test_a_run_of_its_own_makes_its_own_evaluation_once(project, lead):
    run = a_run(project, lead, "evaluate", {"model": a_checkpoint(project, "base")}, name="Nightly")
    outcomes.scores(run)
    outcomes.scores(run)
    [made] = Evaluation.objects.all()
    assert (made.name, list(made.runs.all()), [c.name for c in made.checkpoints.all()]) == ("Nightly", [run], ["base"])


def test_a_run_that_an_evaluation_asked_for_stays_there(evaluation, project):
    run = a_measuring_run(evaluation, a_checkpoint(project, "base"), 0)
    outcomes.scores(run)
    assert list(Evaluation.objects.all()) == [evaluation]


def test_samples_of_the_project_are_shown_where_no_run_has_answers(evaluation, project, lead):
    base, sft = a_checkpoint(project, "base"), a_checkpoint(project, "sft")
    evaluation.checkpoints.add(base, sft)
    run = a_run(project, lead, "sample", {"model": base})
    answers(project, run, "base", {"Why?": ["Because."], "How?": ["So."]})
    answers(project, a_run(project, lead, "sample", {"model": sft}), "sft", {"How?": ["Thus."]})
    first = report.draw(evaluation)["answers"][0]
    assert [(answer["checkpoint"], answer["text"]) for answer in first["answers"]] == [("base", "So."), ("sft", "Thus.")]
    assert preference.pairs(project, "base", "sft")[0][0].text == "So."
