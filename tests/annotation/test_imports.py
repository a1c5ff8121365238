"""Files become prompts, demonstrations and rankings."""

import csv
import gzip
import io
import json

import pytest

from annotation import importing
from annotation.models import Grade, Judgement, Member, Sample, Seat, Task
from tests.annotation.importer import reason


def jsonl(*rows):
    return io.BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())


def take(project, shape, *rows, **reading):
    return importing.commit(project, importing.Reading(shape, **reading), jsonl(*rows), "rows.jsonl")


def said(text):
    return [{"role": "assistant", "content": text}]


RANKING = {
    "prompt": "Which river?",
    "answers": [{"text": "A river.", "model": "a"}, {"text": "The Ebro.", "model": "b"}, {"text": "The Ebro!", "model": "c"}],
    "ranks": [2, 1, 1],
    "acceptable": [False, True, True],
    "rater": "ana",
    "seconds": 9.5,
    "created": "2023-05-19 13:11:45",
}


def test_prompts_arrive_with_their_source_and_licence(project):
    full = {"prompt": "Which river?", "system": "Be brief.", "language": "en", "source": "handbook", "licence": "CC0"}
    outcome = take(project, "prompts", full | {"metadata": {"n": 1}}, {"messages": [{"role": "user", "content": "¿Qué río?"}]})
    assert (outcome.added, outcome.known) == (2, 0)
    first, second = project.prompts.order_by("pk")
    assert first.messages == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which river?"}]
    assert (first.language, first.source, first.licence, first.metadata) == ("en", "handbook", "CC0", {"n": 1})
    assert second.messages == [{"role": "user", "content": "¿Qué río?"}]


def test_rows_without_a_source_take_the_one_given_for_the_file(project):
    take(project, "prompts", {"prompt": "a", "source": "own"}, {"prompt": "b"}, defaults={"source": "file", "licence": "CC0"})
    assert list(project.prompts.order_by("pk").values_list("source", "licence")) == [("own", "CC0"), ("file", "CC0")]


@pytest.mark.parametrize(
    ("shape", "row"),
    [("prompts", {"prompt": "a"}), ("demonstrations", {"prompt": "a", "response": "b"}), ("rankings", RANKING)],
)
def test_the_same_file_again_adds_nothing(project, shape, row):
    counted = (Task, Seat, Judgement, Sample, Grade, Member)
    assert take(project, shape, row).added == 1
    before = [model.objects.count() for model in counted]
    outcome = take(project, shape, row)
    assert (outcome.added, outcome.known) == (0, 1)
    assert [model.objects.count() for model in counted] == before


def test_a_row_that_comes_twice_in_a_file_is_added_once(project):
    outcome = take(project, "prompts", {"prompt": "a"}, {"prompt": "a"})
    assert (outcome.added, outcome.known) == (1, 1)


def test_a_demonstration_is_a_filled_write_seat_of_its_rater(project):
    take(project, "demonstrations", {"prompt": "Which river?", "response": "The Ebro.", "rater": "ana", "seconds": 30})
    judgement = Judgement.objects.get()
    assert (judgement.task.kind, judgement.seconds, judgement.written.messages) == ("write", 30.0, said("The Ebro."))
    assert judgement.written.author == judgement.rater == judgement.seat.rater
    assert judgement.seat.filled is not None


def test_a_whole_conversation_is_a_prompt_and_what_was_said_after_its_last_question(project):
    call = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": "{}"}}
    asked = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hello!"}, {"role": "user", "content": "Tide?"}]
    said = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "high"},
        {"role": "assistant", "content": "High."},
    ]
    take(project, "demonstrations", {"messages": [*asked, *said]})
    sample = Judgement.objects.get().written
    assert [one["role"] for one in sample.prompt.messages] == ["user", "assistant", "user"]
    assert [one["role"] for one in sample.messages] == ["assistant", "tool", "assistant"]
    sentence = "messages: the last one must be by “assistant”, or give a “response”"
    assert reason("demonstrations", {"messages": asked}) == sentence


def test_two_answers_by_one_person_to_one_prompt_are_two_tasks(project):
    rows = [{"prompt": "a", "response": text, "rater": "ana"} for text in ("x", "y")]
    take(project, "demonstrations", *rows, {"prompt": "a", "response": "z", "rater": "bo"})
    assert [task.seats.count() for task in Task.objects.order_by("pk")] == [2, 1]


def test_imported_raters_cannot_sign_in_and_belong_to_their_project(project, client):
    take(project, "demonstrations", {"prompt": "a", "response": "b", "rater": "ana"})
    member = project.members.get(user__username=f"imported:{project.pk}:ana")
    assert (member.role, member.user.is_active, member.user.has_usable_password()) == ("rater", False, False)


def test_a_ranking_is_a_rank_task_with_grades(project):
    take(project, "rankings", RANKING)
    judgement = Judgement.objects.get()
    grades = {(g.sample.model, g.aspect): g.value for g in judgement.grades.select_related("sample")}
    assert grades == {
        ("a", "overall"): 0.0,
        ("b", "overall"): 1.0,
        ("c", "overall"): 1.0,
        ("a", "acceptable"): 0.0,
        ("b", "acceptable"): 1.0,
        ("c", "acceptable"): 1.0,
    }
    assert judgement.created.isoformat() == "2023-05-19T13:11:45+00:00"
    assert judgement.order == list(judgement.task.samples.order_by("pk").values_list("pk", flat=True))


def test_the_same_answers_judged_by_several_people_are_one_task(project):
    turned = RANKING | {"rater": "bo", "answers": RANKING["answers"][::-1], "ranks": [1, 1, 2], "acceptable": [True, True, False]}
    take(project, "rankings", RANKING, turned)
    assert (Task.objects.count(), Sample.objects.count(), Seat.objects.filter(filled__isnull=False).count()) == (1, 3, 2)


def test_a_second_word_by_the_same_rater_supersedes_the_first(project):
    take(project, "rankings", RANKING, RANKING | {"ranks": [1, 2, 3]}, RANKING | {"ranks": [1, 1, 1]})
    (last,) = Judgement.objects.in_force()
    assert [grade.value for grade in last.grades.filter(aspect="overall")] == [0.0, 0.0, 0.0]
    assert last.supersedes.supersedes.supersedes is None
    assert Seat.objects.count() == 1


def test_rankings_that_only_say_acceptable_put_those_above_the_others(project):
    take(project, "rankings", {key: value for key, value in RANKING.items() if key != "ranks"})
    assert list(Grade.objects.filter(aspect="overall").order_by("sample").values_list("value", flat=True)) == [0.0, 1.0, 1.0]


def test_csv_holds_lists_as_json_and_text_over_several_lines(project):
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["prompt", "answers", "ranks", "rater", "language"])
    writer.writerow(["Which\nriver?", json.dumps(RANKING["answers"]), "[2, 1, 1]", "ana", ""])
    reading = importing.Reading("rankings", defaults={"language": "en"})
    outcome = importing.commit(project, reading, io.BytesIO(text.getvalue().encode()), "r.CSV")
    assert outcome.added == 1
    assert project.prompts.get().messages[0]["content"] == "Which\nriver?"
    assert project.prompts.get().language == "en"


@pytest.mark.parametrize("separator", [";", "\t"])
def test_csv_as_spreadsheets_write_it(project, separator):
    text = f"\ufeffprompt{separator}language\r\n¿Qué río?{separator}es\r\n"
    importing.commit(project, importing.Reading("prompts"), io.BytesIO(text.encode()), "a.csv")
    prompt = project.prompts.get()
    assert (prompt.messages[0]["content"], prompt.language) == ("¿Qué río?", "es")


def test_gzip_and_parquet_hold_the_same_rows(project):
    import pyarrow
    from pyarrow import parquet

    rows = [{"prompt": f"Question {n}", "language": "en"} for n in range(3)]
    importing.commit(project, importing.Reading("prompts"), io.BytesIO(gzip.compress(jsonl(*rows).getvalue())), "rows.jsonl.gz")
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([*rows, {"prompt": "New", "language": None}]), file)
    outcome = importing.commit(project, importing.Reading("prompts"), file, "rows.parquet")
    assert (outcome.added, outcome.known) == (1, 3)


def test_parquet_holds_nested_columns_and_times(project):
    from datetime import UTC, datetime

    import pyarrow
    from pyarrow import parquet

    file = io.BytesIO()
    row = RANKING | {"created": datetime(2023, 5, 19, tzinfo=UTC)}
    parquet.write_table(pyarrow.Table.from_pylist([row]), file)
    importing.commit(project, importing.Reading("rankings"), file, "rows.parquet")
    assert Judgement.objects.get().created == datetime(2023, 5, 19, tzinfo=UTC)


def test_thousands_of_prompts_take_few_queries(project, django_assert_max_num_queries):
    rows = [{"prompt": f"Question {n}"} for n in range(2000)]
    with django_assert_max_num_queries(60):
        assert take(project, "prompts", *rows).added == 2000


def test_hundreds_of_rankings_take_few_queries(project, django_assert_max_num_queries):
    rows = [RANKING | {"prompt": f"Question {n}"} for n in range(500)]
    with django_assert_max_num_queries(80):
        assert take(project, "rankings", *rows).added == 500


def test_checking_changes_nothing_and_shows_the_first_good_rows(project):
    report = importing.check(importing.Reading("rankings"), jsonl(RANKING, {}), "rows.jsonl")
    assert (report.good, report.bad, Judgement.objects.count()) == (1, 1, 0)
    assert report.preview == [
        {
            "prompt": "Which river?",
            "language": "",
            "kind": "rank",
            "answers": 3,
            "best": "a tie",
            "grades": "overall: 0, 1, 1; acceptable: 0, 1, 1",
            "rater": "ana",
        },
    ]
