"""Hostile text becomes harmless HTML, quickly, with nothing hidden."""

from __future__ import annotations

import time

import pytest

from annotation.rendering import MARKDOWN_LIMIT, SHOWN_LIMIT, Call, Turn, render, turns
from annotation.unseen import visible


def test_markdown_is_rendered():
    assert render("**Ebro**, a _river_\nof Spain") == '<p dir="auto"><strong>Ebro</strong>, a <em>river</em><br>\nof Spain</p>\n'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>alert(1)</script>", "<p dir=\"auto\">&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("a <b onclick=x>b</b>", "<p dir=\"auto\">a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"),
        ("[x](javascript:alert(1))", "<p dir=\"auto\">[x](javascript:alert(1))</p>\n"),
        ("[x](data:text/html,hi)", "<p dir=\"auto\">[x](data:text/html,hi)</p>\n"),
        ("[x](https://a.org)", '<p dir="auto"><a href="https://a.org" rel="noopener noreferrer nofollow">x</a></p>\n'),
        ("| a |\n|--:|", '<table dir="ltr">\n<thead>\n<tr>\n<th dir="auto">a</th>\n</tr>\n</thead>\n</table>\n'),
    ],
)  # fmt: skip
def test_what_could_act_is_shown_instead(text, html):
    assert render(text) == html


def test_no_image_is_ever_fetched():
    assert "<img" not in render("![spy](https://spy.example/pixel.png) ![spy][1]\n\n[1]: https://spy.example/2.png")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("user\u202etxt.exe", "user⟨U+202E⟩txt.exe"),
        ("zero\u200bwidth", "zero⟨U+200B⟩width"),
        ("\ufeffmark", "⟨U+FEFF⟩mark"),
        ("bell\x07", "bell⟨U+0007⟩"),
        ("a\u200db", "a⟨U+200D⟩b"),
        ("hi\U000e0073\U000e0061\U000e0079", "hi⟨tags: say⟩"),
        ("👩\u200d🚀 می\u200cخواهم", "👩\u200d🚀 می\u200cخواهم"),
        ("tab\tline\n", "tab\tline\n"),
    ],
)
def test_what_cannot_be_seen_gets_a_glyph_and_what_joins_letters_stays(text, shown):
    assert visible(text) == shown


def test_an_entity_hides_nothing_either():
    assert render("user&#x202E;txt.exe &#8203;") == '<p dir="auto">user⟨U+202E⟩txt.exe ⟨U+200B⟩</p>\n'


@pytest.mark.parametrize(
    "unit", ["[", "![", "*a ", "_a*", "> ", "`", "|a", "](", "[a](", "<!--", "[x][", "**x", "- ", "a|b\n-|-\n|\n", "&#"]
)
def test_hostile_text_is_rendered_in_under_two_seconds(unit):
    began = time.thread_time()
    render((unit * MARKDOWN_LIMIT)[:MARKDOWN_LIMIT])
    assert time.thread_time() - began < 2


def test_a_very_long_text_is_shown_as_it_is_up_to_a_limit():
    html = render("<b>" + "x" * SHOWN_LIMIT)
    assert html.startswith('<pre class="as-it-is" dir="auto">&lt;b&gt;xxx')
    assert html.endswith("<p>… and 3 more characters.</p>")


def test_a_conversation_with_tools_loses_nothing():
    call = {"id": "1", "type": "function", "function": {"name": "depth", "arguments": {"river": "Ebro"}}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "How deep?"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": '{"metres": 8}'},
    ]
    user, assistant, tool = turns(messages)
    assert user.text.startswith("How deep?")
    assert "image_url" in user.text
    assert assistant == Turn("assistant", "Assistant", "", (Call("depth", '{\n  "river": "Ebro"\n}'),))
    assert tool == Turn("tool", "Tool", '{"metres": 8}')
