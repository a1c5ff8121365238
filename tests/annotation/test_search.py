"""Full text search: the same rows on SQLite and PostgreSQL, whoever wrote them and however, and nothing typed is an error."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from annotation import search
from annotation.models import Judgement, Prompt, Sample, Seat, Task
from annotation.search import Term

pytestmark = pytest.mark.django_db


def ask(project, *texts):
    return Prompt.objects.bulk_create(
        Prompt(project=project, messages=[{"role": "user", "content": text}], digest=str(n)) for n, text in enumerate(texts)
    )


def found(rows, text):
    """What the rows that are found say, in order of id."""
    return [row.messages[-1]["content"] for row in search.saying(rows, text).order_by("pk")]


RIVERS = (
    "Where does the river Ebro rise?",
    "¿Dónde nace el RÍO Ebro?",
    "Is snake_case-style\nnicer than camelCase? See https://example.org/river?x=1",
    "ПРИВЕТ, река! Größe, Straße, naïve café",
    "The price is 12.50 or 1e5; mail someone@river.example",
)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("river", [0, 2, 4]),
        ("RIVER ebro", [0]),
        ("rio", [1]),
        ("río", [1]),
        ("donde", [1]),
        ("привет", [3]),
        ("grosse", []),
        ("größe", [3]),
        ("grosse OR river", []),
        ("naive CAFÉ", [3]),
        ("snake", [2]),
        ("snake_case", [2]),
        ("case-style", [2]),
        ("style nicer", [2]),
        ("nnicer", []),
        ("example.org", [2]),
        ('"example org"', [2]),
        ("12.50", [4]),
        ("50", [4]),
        ("someone@river.example", [4]),
        ('"the river"', [0]),
        ('"river the"', []),
        ("riv", []),
        ("riv*", [0, 2, 4]),
        ('"the riv"*', [0]),
        ("river -ebro", [2, 4]),
        ("-ebro", [2, 3, 4]),
        ('-"the river" -rio', [2, 3, 4]),
        ("-eb* river", [2, 4]),
        ("", [0, 1, 2, 3, 4]),
        ("  ", [0, 1, 2, 3, 4]),
        ("???", []),
        ("river ???", [0, 2, 4]),
    ],
)
def test_prompts_are_found_by_what_they_say(project, text, places):
    ask(project, *RIVERS)
    assert found(Prompt.objects.all(), text) == [RIVERS[place] for place in places]


@pytest.mark.parametrize(
    "text",
    [
        '"', '""', '"river', "river*ebro", "*", "-", "--river", "-*", '-"', "NEAR(a b)", "a AND OR NOT", "said:river", "a:b",
        "^river", "{a b}", "(", ")", "a & | !b", "'", "';--", "\\", "a <-> b", "%s %(x)s", "river\0ebro", "\u202e", "é" * 3000,
        "a " * 5000, "²", "\u0301", "हिन्दी", "東京。大阪", "🙂", "ﷺ", "x:*", "'a':*", "＂river＂",
    ],
)  # fmt: skip
def test_whatever_is_typed_is_a_search(project, text):
    ask(project, *RIVERS)
    assert set(found(Prompt.objects.all(), text)) <= set(RIVERS)
    assert set(found(Prompt.objects.all(), f"{text}*")) <= set(RIVERS)
    assert set(found(Prompt.objects.all(), f"-{text} river")) <= set(RIVERS)


def test_terms_are_words_phrases_prefixes_and_exclusions():
    assert search.terms('a "b c" -d e* -"f g"* "h') == [
        Term("a"), Term("b c"), Term("d", excluded=True), Term("e", prefix=True), Term("f g", prefix=True, excluded=True),
        Term("h"),
    ]  # fmt: skip


def test_every_turn_and_every_piece_is_searched_and_nothing_else(project):
    said = [
        {"role": "system", "content": "alpha"},
        {"role": "user", "content": [{"type": "text", "text": "beta"}, {"type": "image_url", "image_url": {"url": "gamma"}}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"type": "function", "function": {"name": "delta", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "epsilon"},
    ]
    prompt = Prompt.objects.create(project=project, messages=said)
    words = ["alpha", "beta", "gamma", "delta", "epsilon", "text", "user", "content"]
    assert [word for word in words if search.saying(Prompt.objects.all(), word)] == ["alpha", "beta", "epsilon"]
    assert list(search.saying(Prompt.objects.all(), "alpha epsilon")) == [prompt]


def test_a_row_changed_or_deleted_by_plain_sql_is_found_as_it_is_now(project):
    prompt = ask(project, "before")[0]
    with connection.cursor() as cursor:
        messages = json.dumps([{"role": "user", "content": "after"}])
        cursor.execute("UPDATE annotation_prompt SET messages = %s WHERE id = %s", [messages, prompt.pk])
    assert (found(Prompt.objects.all(), "before"), found(Prompt.objects.all(), "after")) == ([], ["after"])
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM annotation_prompt WHERE id = %s", [prompt.pk])
    again = Prompt.objects.create(pk=prompt.pk, project=project, messages=[{"role": "user", "content": "anew"}])
    assert list(search.saying(Prompt.objects.all(), "after")) == []
    assert list(search.saying(Prompt.objects.all(), "anew")) == [again]


def test_samples_and_judgements_are_found_too(project, rater):
    prompt, other = ask(project, "question one", "question two")
    sample = Sample.objects.create(prompt=prompt, model="m", messages=[{"role": "assistant", "content": "An answer"}])
    given = [judge(one, rater, comment) for one, comment in ((prompt, "Remarkably wrong"), (other, ""))]
    assert list(search.saying(Sample.objects.all(), "answer")) == [sample]
    assert list(search.saying(Judgement.objects.all(), "remarkably")) == [given[0]]
    assert list(search.saying(Judgement.objects.all(), "two")) == [given[1]]
    assert set(search.saying(Judgement.objects.all(), "question")) == set(given)


def judge(prompt: Prompt, rater: User, comment: str) -> Judgement:
    task = Task.objects.create(prompt=prompt, kind="write")
    seat = Seat.objects.create(project=prompt.project, task=task)
    return Judgement.objects.create(task=task, seat=seat, rater=rater, key=f"k{task.pk}", comment=comment)


def test_a_text_of_two_million_different_words_is_kept_and_its_beginning_found(project):
    text = " ".join(f"w{n:x}" for n in range(300_000))
    ask(project, text)
    assert search.saying(Prompt.objects.all(), "w0 w1").count() == 1
    assert search.saying(Prompt.objects.all(), f"w{299_999:x}").count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_migration_goes_back_and_forth_and_indexes_what_there_is(project):
    ask(project, "early")
    MigrationExecutor(connection).migrate([("annotation", "0001_initial")])
    ask_later = Prompt.objects.create(project=project, messages=[{"role": "user", "content": "between"}])
    MigrationExecutor(connection).migrate([("annotation", "0002_search")])
    assert found(Prompt.objects.all(), "early") == ["early"]
    assert list(search.saying(Prompt.objects.all(), "between")) == [ask_later]
