"""Template words that remember what they said say what Django's own would."""

from __future__ import annotations

import pytest
from django.template import Context, Template
from django.urls import NoReverseMatch, get_resolver, reverse
from django.urls.converters import IntConverter
from django.utils import translation

from annotation.templatetags import written_once


def said(source: str, **values: object) -> str:
    return Template(source).render(Context(values))


def test_a_sentence_is_said_in_the_language_of_each_reader():
    template = Template('{% load i18n %}{% translate "Skip" %}')
    for language, word in (("en", "Skip"), ("es", "Omitir"), ("en", "Skip"), ("es", "Omitir")):
        with translation.override(language):
            assert template.render(Context()) == word


def test_a_sentence_that_is_not_spelled_out_is_looked_up_each_time():
    template = Template("{% load i18n %}{% translate word %}")
    with translation.override("es"):
        assert [template.render(Context({"word": word})) for word in ("Skip", "Cancel")] == ["Omitir", "Cancelar"]


def test_a_sentence_can_be_filtered_and_kept_under_a_name():
    assert said('{% load i18n %}{% translate "Skip"|upper %}{% translate "Skip" as word %}, {{ word }}') == "SKIP, Skip"


def test_what_is_drawn_once_is_drawn_again_for_other_values_and_languages():
    template = Template('{% load i18n %}{% once a %}{% translate "Skip" %} {{ a }} {{ other }}{% endonce %}')

    def drawn(**values: object) -> str:
        return template.render(Context(values))

    assert [drawn(a=1, other="x"), drawn(a=1, other="y"), drawn(a=2, other="y")] == ["Skip 1 x", "Skip 1 x", "Skip 2 y"]
    with translation.override("es"):
        assert drawn(a=1, other="y") == "Omitir 1 y"


def test_values_are_kept_apart_and_escaped():
    template = Template("{% once a b %}{{ a }}|{{ b }}{% endonce %}")
    assert template.render(Context({"a": "x|", "b": "y"})) == "x||y"
    assert template.render(Context({"a": "x", "b": "|y"})) == "x||y"
    assert template.render(Context({"a": "<b>", "b": ""})) == "&lt;b&gt;|"


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(written_once, "MOST", 3)
    template = Template("{% once a %}{{ a }}{% endonce %}")
    assert [template.render(Context({"a": number})) for number in (*range(9), 0)] == [*map(str, range(9)), "0"]
    assert len(template.nodelist[0].known) <= 3


def numbered() -> list[tuple[str, int]]:
    """Every named path of ours whose arguments are all numbers, and how many it has."""
    found = []
    for name, patterns in get_resolver().reverse_dict.lists():
        for _possibilities, _pattern, _defaults, converters in patterns:
            if isinstance(name, str) and all(isinstance(one, IntConverter) for one in converters.values()):
                found.append((name, len(converters)))
    return found


def test_every_path_with_numbers_is_the_resolvers_own():
    assert len(numbered()) > 50
    for name, count in numbered():
        args = list(range(12, 12 + count))
        tag = "{% url name " + " ".join(map(str, args)) + " %}"
        assert said(tag, name=name) == reverse(name, args=args)
        assert said(tag, name=name) == reverse(name, args=args)  # remembered


def test_other_paths_are_djangos_business():
    assert said("{% url 'admin:index' %}") == reverse("admin:index")
    assert said("{% url 'seat' seat_id=5 %}") == reverse("seat", args=[5])
    assert said("{% url 'seat' 5 as here %}[{{ here }}]") == f"[{reverse('seat', args=[5])}]"
    assert said("{% url 'nowhere' 5 as here %}[{{ here }}]") == "[]"
    with pytest.raises(NoReverseMatch):
        said("{% url 'nowhere' 5 %}")
