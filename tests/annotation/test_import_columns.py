"""Columns are found by their names, chosen by people, and read row by row."""

import io

import pytest
from django.core.management import CommandError, call_command

from annotation import columns, importing
from tests.annotation.importer import array, looks_like, reason, take

ROW = {"Question": "Which river?", "meta": {"lang": "es", "id": 3}, "gold answer": "The Ebro."}


def guess(shape, *rows):
    return importing.look(array(*rows), "rows.json").guess(shape)


def test_the_keys_of_objects_are_columns_after_their_own():
    assert columns.columns_of([ROW, {"more": 1}]) == ["Question", "meta", "meta.lang", "meta.id", "gold answer", "more"]


def test_a_column_that_has_a_point_in_its_name_is_itself():
    assert columns.value_at({"a.b": 1, "a": {"b": 2, "c": 3}}, "a.b") == 1
    assert columns.value_at({"a": {"b": 2}}, "a.b") == 2
    assert columns.value_at({"a": "text"}, "a.b") is None


def test_columns_are_guessed_by_name_then_by_synonym_then_within_objects():
    assert guess("demonstrations", ROW) == {"prompt": "Question", "language": "meta.lang"}
    both = {"response": "a", "answer": "b", "instruction": "c", "meta": {"rater": "d"}}
    assert guess("demonstrations", both) == {"response": "response", "prompt": "instruction", "rater": "meta.rater"}


def test_of_two_fields_that_say_the_same_the_one_that_is_there_by_name_is_taken():
    assert guess("prompts", {"messages": [], "text": "a"}) == {"messages": "messages"}
    assert guess("prompts", {"prompt": "a", "conversation": []}) == {"prompt": "prompt"}


def test_a_mapping_adds_to_what_is_guessed_and_takes_from_it(project):
    row = {"question": "Which river?", "lang": "es", "gold": "The Ebro."}
    take(project, "demonstrations", row, mapping={"response": "gold", "language": ""})
    prompt = project.prompts.get()
    assert (prompt.messages[0]["content"], prompt.language) == ("Which river?", "")


def test_a_field_that_is_read_from_none_is_not_read_from_its_own_column():
    assert reason("prompts", {"prompt": "a"}, mapping={"prompt": ""}) == "give either “prompt” or “messages”"


def test_nested_columns_are_read_one_level_deep(project):
    take(project, "prompts", {"x": {"q": "Which river?"}, "meta": {"lang": "es"}}, mapping={"prompt": "x.q"})
    assert list(project.prompts.values_list("messages__0__content", "language")) == [("Which river?", "es")]


@pytest.mark.parametrize(
    ("row", "shape"),
    [
        ({"prompt": "a"}, "prompts"),
        ({"question": "a", "answer": "b"}, "demonstrations"),
        ({"messages": [], "completion": "b"}, "demonstrations"),
        ({"messages": [{"role": "user", "content": "a"}]}, "prompts"),
        ({"conversation": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "demonstrations"),
        ({"prompt": "a", "answers": [], "ranks": []}, "rankings"),
        ({"instruction": "a", "response_a": "b", "response_b": "c", "label": "tie"}, "comparisons"),
        ({"colour": "red"}, ""),
    ],
)
def test_a_file_is_recognised_by_its_columns_and_its_rows(row, shape):
    assert looks_like(row) == shape


def test_a_mapping_to_an_unknown_field_names_the_nearest():
    with pytest.raises(ValueError, match="no field “respnse” in this shape: response"):
        columns.checked("demonstrations", {"respnse": "x"})


def test_the_command_takes_a_mapping_and_says_what_it_reads(project, tmp_path, capsys):
    path = tmp_path / "rows.csv"
    path.write_text("Frage,Antwort\nWarum?,Darum.\n")
    options = {"project": project.name, "map": ["prompt=Frage", "response=Antwort"]}
    call_command("import", "demonstrations", str(path), **options)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("1 imported, 0 there already, 0 bad.\n", "reads prompt=Frage, response=Antwort\n")


@pytest.mark.parametrize(
    ("pair", "sentence"), [("prompt", "“prompt”: write it as field=column"), ("promt=a", "no field “promt” in this shape: prompt?")]
)
def test_the_command_refuses_a_mapping_that_means_nothing(project, tmp_path, pair, sentence):
    path = tmp_path / "rows.csv"
    path.write_text("prompt\na\n")
    with pytest.raises(CommandError) as refused:
        call_command("import", "prompts", str(path), project=project.name, map=[pair])
    assert str(refused.value) == sentence


def test_many_columns_do_not_fill_the_page():
    look = importing.look(array({f"c{n}": n for n in range(1000)}), "rows.json")
    assert len(look.columns) == columns.MOST_COLUMNS


def test_hostile_column_names_are_only_names(project):
    row = {"__class__.__init__": "a", "": "b", "a" * 10_000: "c", "prompt": "Which river?"}
    assert take(project, "prompts", row).added == 1
    assert (
        importing.check(importing.Reading("prompts", {"prompt": "__class__.__init__"}), io.BytesIO(b'{"x": 1}'), "a.json").bad == 1
    )
