"""A file that is one JSON array is read element by element, whatever its size and however it is broken."""

import gzip
import io
import json
import tracemalloc

import pytest

from annotation import importing, jsonarray, rowfiles

PROMPTS = importing.Reading("prompts")


def lines(text, name="rows.json"):
    return list(rowfiles.read(io.BytesIO(text if isinstance(text, bytes) else text.encode()), name))


def problems(text):
    return [(line.number, line.problem) for line in lines(text) if line.problem]


def test_elements_are_numbered_from_one():
    assert [(line.number, line.values) for line in lines('\ufeff [ {"a": 1},\n{"b": [2]} ]\n')] == [(1, {"a": 1}), (2, {"b": [2]})]


def test_an_empty_array_holds_nothing():
    assert lines("[]") == lines(" [ \n ] ") == []


def test_lines_called_json_are_lines():
    assert [line.number for line in lines('{"a": 1}\n\n{"b": 2}\n')] == [1, 3]


def test_a_packed_array_is_read():
    assert lines(gzip.compress(b'[{"a": 1}]'), "rows.json.gz")[0].values == {"a": 1}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_it_does_not_matter_where_the_chunks_end(monkeypatch, size):
    monkeypatch.setattr(jsonarray, "CHUNK", size)
    rows = [{"text": "ríó 🌊 \\u00e9 ] , [ {"}, {"n": [1, -2.5e3, 1234567]}, {"deep": {"a": [[], {}]}, "none": None}]
    assert [line.values for line in lines(json.dumps(rows, ensure_ascii=False))] == rows


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[{"a": 1}, 7, {"b": 2}]', [(2, "is not a JSON object: {…}")]),
        ('[{"a": 1}, {"b": }]', [(2, "is not JSON: Expecting value; what follows was not read")]),
        ('[{"a": 1} {"b": 2}]', [(2, "is not JSON: Expecting ',' or ']'; what follows was not read")]),
        ('[{"a": 1}', [(2, "is not JSON: Expecting ',' or ']'; what follows was not read")]),
        ('[{"a": 1},', [(2, "is not JSON: Expecting value; what follows was not read")]),
        ('"text"', [(1, "is not JSON: Expecting '['; what follows was not read")]),
        ("", [(1, "is not JSON: Expecting '['; what follows was not read")]),
        ("[" * 100_000, [(1, "is not JSON: nested too deep; what follows was not read")]),
        ('[{"a": NaN}, {"b": 1}]', [(1, "holds a number that is not finite")]),
        (b'[{"a": "\xff"}, {"b": 1}]', [(1, "holds half of a surrogate pair, or bytes that are not UTF-8")]),
        ('[{"a": "\\u0000"}]', [(1, "holds a NUL character, which no text needs")]),
    ],
)
def test_broken_arrays_say_where(text, found):
    assert problems(text) == found


def test_an_element_without_an_end_is_given_up(monkeypatch):
    monkeypatch.setattr(rowfiles, "LONGEST_LINE", 10_000)
    monkeypatch.setattr(jsonarray, "CHUNK", 1000)
    assert problems('[{"a": "' + "x" * 1_000_000)[0][1].startswith("is not JSON: Unterminated string")


def test_a_damaged_or_too_large_file_is_refused(monkeypatch):
    with pytest.raises(rowfiles.FileProblem, match="damaged"):
        lines(gzip.compress(b"[" + b'{"a": 1},' * 100_000)[:200], "rows.json.gz")
    monkeypatch.setattr(rowfiles, "MOST_BYTES", 1000)
    with pytest.raises(rowfiles.FileProblem, match="more than 1000 bytes"):
        lines("[" + '{"a": 1},' * 1000 + "{}]")


def test_a_large_array_takes_little_memory(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text("[" + ",".join(json.dumps({"prompt": f"{n} " + "river " * 500}) for n in range(8_000)) + "]")
    tracemalloc.start()
    with open(path, "rb") as file:
        assert importing.check(PROMPTS, file, path.name).good == 8_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 24_000_000
    assert peak < 8_000_000
