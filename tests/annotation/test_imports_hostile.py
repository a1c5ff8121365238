"""Bad rows are named by line and reason; files that nobody can read are refused; nothing is half imported."""

import gzip
import io
import json

import pytest

from annotation import importing, rowfiles
from annotation.models import Prompt, Task

GOOD = b'{"prompt": "a"}\n'
ANSWERS = [{"text": "x", "model": "a"}, {"text": "y", "model": "b"}]


def check(data, name="rows.jsonl", shape="prompts"):
    return importing.check(importing.Reading(shape), io.BytesIO(data), name)


def problems(data, name="rows.jsonl", shape="prompts"):
    return [tuple(problem) for problem in check(data, name, shape).problems]


def reason(row, shape="prompts"):
    ((_line, sentence),) = problems(json.dumps(row).encode(), shape=shape)
    return sentence


def test_broken_json_is_named_by_its_line():
    data = GOOD + b"\n" + b'{"prompt": "b"\n' + b'{"prompt": "c"}\n'
    assert problems(data) == [(3, "is not JSON: Expecting ',' delimiter (column 15)")]
    assert check(data).good == 2


@pytest.mark.django_db
def test_one_bad_row_keeps_everything_out_until_asked_to_leave_it_out(project):
    data = GOOD + b"{}\n"
    with pytest.raises(importing.Refused, match="1 of 2 rows are bad") as refused:
        importing.commit(project, importing.Reading("prompts"), io.BytesIO(data), "rows.jsonl")
    assert refused.value.report.problems == [(2, "give either “prompt” or “messages”")]
    assert Prompt.objects.count() == 0
    outcome = importing.commit(project, importing.Reading("prompts"), io.BytesIO(data), "rows.jsonl", skip_bad=True)
    assert (outcome.added, outcome.report.bad) == (1, 1)


@pytest.mark.django_db
def test_a_file_damaged_in_its_middle_leaves_nothing_behind(project):
    import random

    noise = "".join(random.Random(0).choices("abcdefgh ", k=200_000))
    rows = "".join(json.dumps({"prompt": f"{n} {noise[n * 100 : n * 100 + 100]}"}) + "\n" for n in range(2000))
    packed = gzip.compress(rows.encode())
    with pytest.raises(rowfiles.FileProblem, match="damaged after line"):
        importing.commit(project, importing.Reading("prompts"), io.BytesIO(packed[: len(packed) // 2]), "rows.jsonl.gz")
    assert (Prompt.objects.count(), Task.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_an_empty_file_is_refused(project):
    with pytest.raises(importing.Refused, match="no good row"):
        importing.commit(project, importing.Reading("prompts"), io.BytesIO(b""), "rows.jsonl")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b'["a"]', "is not a JSON object: each line must be {…}"),
        (b'{"prompt": "\xff"}', "is not UTF-8 at byte 13"),
        (b'{"prompt": "a\\u0000b"}', "holds a NUL character, which no text needs"),
        (b'{"prompt": "a\\ud800b"}', "holds half of a surrogate pair, or bytes that are not UTF-8"),
        (b'{"prompt": "a", "metadata": {"x": NaN}}', "NaN is not JSON: write null or a number"),
        (b'{"prompt": "a", "metadata": {"x": 1e999}}', "holds a number that is not finite"),
        (b'{"prompt": "a", "metadata": ' + b'{"x":' * 200 + b"1" + b"}" * 201, "is nested deeper than 64 levels"),
        (b"[" * 200_000, "is nested deeper than 64 levels"),
        (b'{"prompt": "' + b"a" * rowfiles.LONGEST_LINE + b'"}', f"is longer than {rowfiles.LONGEST_LINE} bytes"),
    ],
)
def test_hostile_lines_are_refused_and_the_next_is_read(line, sentence):
    report = check(line + b"\n" + GOOD)
    assert ([tuple(problem) for problem in report.problems], report.good) == ([(1, sentence)], 1)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"prompt": 7}, "prompt: must be text"),
        ({"prompt": "  "}, "prompt: is missing or empty"),
        ({"prompt": "a", "messages": []}, "give either “prompt” or “messages”"),
        ({"messages": "hello"}, "messages: is not JSON: Expecting value (column 1)"),
        ({"messages": [{"role": "god", "content": "x"}]}, "messages[0].role: must be one of system, user, assistant, tool"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content: must be text"),
        (
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]},
            "messages: the last one must be by “user” or “tool”, so that there is something to answer",
        ),
        ({"prompt": "a", "tools": [{"name": "f"}]}, "tools: must be a list of {“type”: “function”, “function”: {“name”: …}}"),
        ({"prompt": "a", "language": "e" * 13}, "language: is longer than 12 characters"),
        ({"prompt": "a", "metadata": []}, "metadata: must be an object"),
    ],
)
def test_wrong_prompts_are_refused_by_field(row, sentence):
    assert reason(row) == sentence


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"answers": ANSWERS[:1]}, "answers: must be a list of 2 to 9 answers"),
        ({"answers": [ANSWERS[0], ANSWERS[0]]}, "answers: 0 and 1 are the same answer by the same model"),
        ({"answers": [ANSWERS[0], {"model": "b"}]}, "answers[1].text: must be text or a list of chat messages"),
        ({"ranks": [1]}, "ranks: must be a list with one value for each of the 2 answers"),
        ({"ranks": [1, "second"]}, "ranks: must hold a number for each answer, 1 for the best, equal for ties"),
        ({"ranks": None}, "give “ranks”, “acceptable”, or both"),
        ({"acceptable": [1, 0]}, "acceptable: must hold true or false for each answer"),
        ({"rater": ""}, "rater: is missing or empty"),
        ({"rater": "r" * 101}, "rater: is longer than 100 characters"),
        ({"seconds": "soon"}, "seconds: must be a number of seconds"),
        ({"created": "yesterday"}, "created: must be a time like 2024-05-19T13:11:45Z"),
        ({"created": "2024-13-45T00:00:00Z"}, "created: must be a time like 2024-05-19T13:11:45Z"),
    ],
)
def test_wrong_rankings_are_refused_by_field(wrong, sentence):
    assert reason({"prompt": "a", "answers": ANSWERS, "ranks": [1, 2], "rater": "ana"} | wrong, "rankings") == sentence


def test_a_demonstration_without_a_response_is_refused():
    assert reason({"prompt": "a"}, "demonstrations") == "response: must be text or a list of chat messages"


def test_an_empty_demonstration_is_refused():
    assert reason({"prompt": "a", "response": " "}, "demonstrations") == "response: is empty"


def test_a_model_may_have_answered_nothing():
    row = {"prompt": "a", "answers": [{"text": "", "model": "a"}, ANSWERS[1]], "ranks": [2, 1], "rater": "ana"}
    assert check(json.dumps(row).encode(), shape="rankings").good == 1


def test_csv_with_a_column_missing_is_refused_row_by_row():
    assert problems(b"theme,language\nWhy?,en\n", "a.csv") == [(2, "give either “prompt” or “messages”")]


def test_csv_rows_are_named_by_the_line_on_which_they_begin():
    data = b'prompt,language\n"two\nlines",en\nno comma\nfine,en\n\xff,en\n"never closed,en\n'
    assert problems(data, "a.csv") == [
        (4, "has 1 cells where the first line names 2 columns"),
        (6, "holds half of a surrogate pair, or bytes that are not UTF-8"),
        (7, "is not CSV: unexpected end of data"),
    ]


def test_a_huge_csv_line_is_refused_and_the_next_is_read():
    report = check(b"prompt\n" + b"a" * (rowfiles.LONGEST_LINE + 10) + b"\nfine\n", "a.csv")
    assert ([problem.line for problem in report.problems], report.good) == ([2], 1)


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        (GOOD, "rows.txt", "the name must end in"),
        (b"not gzip", "rows.jsonl.gz", "damaged after line 0"),
        (b"not parquet", "rows.parquet", "is not a Parquet file"),
        (b"prompt,prompt\n", "rows.csv", "line 1 must name every column, each once"),
    ],
)
def test_files_that_cannot_be_read_say_why(data, name, sentence):
    with pytest.raises(rowfiles.FileProblem, match=sentence):
        check(data, name)


def test_a_bomb_is_not_unpacked_to_its_end(monkeypatch):
    monkeypatch.setattr(rowfiles, "MOST_BYTES", 1_000_000)
    with pytest.raises(rowfiles.FileProblem, match="more than 1000000 bytes"):
        check(gzip.compress(b"\n" * 50_000_000), "rows.jsonl.gz")


def test_only_the_first_problems_are_kept_and_all_are_counted():
    report = check(b"{}\n" * 1000)
    assert (report.bad, len(report.problems)) == (1000, importing.PROBLEMS_SHOWN)
