"""What a project may name as aspects."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from annotation.aspects import Aspect, aspects_of, checked

HELPFUL = {"name": "helpful", "title": "Helpful", "scale": "likert", "help": "Does it do what was asked?"}


def test_aspects_are_kept_as_they_are_named(project):
    assert checked([HELPFUL, {"name": "overall", "title": "Overall", "scale": "thumb"}]) == [
        Aspect("helpful", "Helpful", "likert", "Does it do what was asked?"),
        Aspect("overall", "Overall", "thumb"),
    ]
    project.aspects = [HELPFUL]
    assert aspects_of(project) == checked([HELPFUL])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Helpful"}, "Aspect 2, name"),
        ({"name": ""}, "Aspect 2, name"),
        ({"name": "a" * 41}, "Aspect 2, name"),
        ({"name": "naïve"}, "Aspect 2, name"),
        ({"name": "acceptable"}, "Aspect 2, name: “acceptable” is taken"),
        ({"name": "helpful"}, "Aspect 2, name: “helpful” is there already"),
        ({"title": " "}, "Aspect 2, title"),
        ({"title": "a" * 81}, "Aspect 2, title: At most 80"),
        ({"scale": "stars"}, "Aspect 2, scale: One of likert, thumb, flag"),
        ({"help": "a" * 301}, "Aspect 2, help"),
        ({"help": None}, "Aspect 2, help: Must be text"),
        ({"title": "a\0"}, "Aspect 2, title"),
        ({"weight": 2}, "Aspect 2, weight: No such field"),
    ],
)
def test_a_wrong_aspect_is_refused_by_row_and_field(change, words):
    with pytest.raises(ValidationError) as refused:
        checked([HELPFUL, {"name": "kind", "title": "Kind", "scale": "likert", **change}])
    assert words in refused.value.messages[0]


@pytest.mark.parametrize("value", [{}, "helpful", ["helpful"], [{**HELPFUL, "name": f"a{number}"} for number in range(13)]])
def test_what_is_no_list_of_aspects_is_refused(value):
    with pytest.raises(ValidationError):
        checked(value)
