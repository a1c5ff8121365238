"""`?search=` of prompts, samples and judgements: by the words that the browser takes."""

from __future__ import annotations

import pytest

from annotation.models import Judgement

pytestmark = pytest.mark.django_db


def ids(client, project, what, **query):
    answer = client.get(f"/api/projects/{project.pk}/{what}/", query)
    assert answer.status_code == 200
    return [row["id"] for row in answer.json()["results"]]


def test_prompts_samples_and_judgements_are_searched_together_with_other_filters(as_reviewer, judged, prompts, samples):
    word = prompts[0].messages[-1]["content"].split()[-1].strip("?")
    of_prompt = [prompt.pk for prompt in prompts if word in prompt.messages[-1]["content"]]
    assert ids(as_reviewer, judged, "prompts", search=word.upper()) == of_prompt
    assert ids(as_reviewer, judged, "prompts", search=f'"{word}" -{word}') == []
    second = [group[1].pk for group in samples]
    assert ids(as_reviewer, judged, "samples", search="answer 1", model="model-1") == second
    given = Judgement.objects.filter(task__prompt__in=of_prompt, task__kind="rank").order_by("pk")
    assert ids(as_reviewer, judged, "judgements", search=word, kind="rank") == [judgement.pk for judgement in given]


def test_a_search_goes_on_from_page_to_page(as_reviewer, project, samples):
    page = as_reviewer.get(f"/api/projects/{project.pk}/samples/?search=answer&page_size=2").json()
    rest = as_reviewer.get(page["next"]).json()["results"]
    assert len({row["id"] for row in [*page["results"], *rest]}) == 4


@pytest.mark.parametrize("words", ['"', "a AND (", "-", "*", "\0"])
def test_whatever_is_searched_is_answered(as_reviewer, project, prompts, words):
    assert as_reviewer.get(f"/api/projects/{project.pk}/prompts/", {"search": words}).status_code in {200, 400}


def test_another_projects_answers_are_not_found(as_stranger, project, samples):
    assert as_stranger.get(f"/api/projects/{project.pk}/samples/", {"search": "answer"}).status_code == 404
