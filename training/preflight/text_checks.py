"""What is wrong with rows and their texts, whatever the tokenizer."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Any

from annotation import frozen
from training import text
from training.preflight import near
from training.preflight.look import HELD_OUT, MOST_IDS, TRAIN, Finding, Look, Messages, Seen, found, looked_up

ROLES = {"system", "user", "assistant", "tool"}
# A run of letters beyond ASCII that Windows-1252 or Latin-1 can spell: UTF-8 that was read as one of them, if it decodes.
FOREIGN = re.compile(r"[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]{2,}")
LOST = re.compile("[\ufffd\0]")


def rows_there(look: Look) -> Iterator[Finding]:
    """Something to learn from and something held out, where the recipe has splits."""
    if look.refused:
        yield Finding("refused", figures={"error": look.refused})
    elif look.was_read and not look.unread and getattr(look.config, "split", TRAIN) in (TRAIN, "all"):
        if not look.of(TRAIN):
            yield Finding("no_rows", figures={"of": judgements(look)})
        elif hasattr(look.config, "valid_every") and not look.of(*held_out(look.of(TRAIN)[0])):
            yield Finding("no_held_out")


def held_out(seen: Seen) -> tuple[str, ...]:
    """The splits on which a recipe that reads such rows measures itself."""
    return HELD_OUT if seen.kind in ("ranking", "prompt") else HELD_OUT[:1]


def judgements(look: Look) -> int:
    """How many judgements the training split has, whatever their kind."""
    folder = look.run.input("dataset")
    return sum(1 for _ in frozen.read_rows(folder, TRAIN)) if folder else 0


def unreadable(look: Look) -> Iterator[Finding]:
    """Rows that the template or the recipe refuses."""
    if look.unread:
        source, error = look.unread[0]
        ids = tuple(sorted({looked_up(source)[1] for source, _error in look.unread}))
        yield Finding("unreadable", looked_up(source)[0], ids[:MOST_IDS], {"count": len(look.unread), "error": error})


def roles(look: Look) -> Iterator[Finding]:
    """Chats that no template was made for."""
    yield from found("roles", (row for row in look.rows if not in_order(row)), len(look.rows))


def in_order(seen: Seen) -> bool:
    if seen.kind == "document":
        return True
    whole = [[*seen.asked, *answer] for answer in seen.said] or [seen.asked]
    return all(well_formed(chat) for chat in whole) and all(
        answer and answer[-1].get("role") == "assistant" for answer in seen.said
    )


def well_formed(chat: Messages) -> bool:
    """Known roles, texts that are texts, and a system message only in the beginning."""
    return all(
        message.get("role") in ROLES
        and isinstance(message.get("content") or "", str)
        and (place == 0 or message["role"] != "system")
        for place, message in enumerate(chat)
    )


def tools(look: Look) -> Iterator[Finding]:
    """Calls of tools that were not offered, results that nobody called for."""
    rows = [row for row in look.rows if any("tool_calls" in turn or turn.get("role") == "tool" for turn in turns(row))]
    yield from found("tools", (row for row in rows if not tools_fit(row)), len(rows))


def turns(seen: Seen) -> Iterator[dict[str, Any]]:
    yield from seen.asked
    for answer in seen.said:
        yield from answer


def tools_fit(seen: Seen) -> bool:
    """Whether every tool call is of a tool that the prompt offers, and every tool result answers a call."""
    offered = {tool["function"]["name"] for tool in seen.row.get("tools") or []}
    for answer in seen.said or [[]]:
        open_calls: Counter[str] = Counter()
        for turn in [*seen.asked, *answer]:
            if turn.get("role") == "tool":
                if not open_calls[key := str(turn.get("tool_call_id", ""))]:
                    return False
                open_calls[key] -= 1
            for call in turn.get("tool_calls") or []:
                if call["function"]["name"] not in offered:
                    return False
                open_calls[str(call.get("id", ""))] += 1
    return True


def empty_prompt(look: Look) -> Iterator[Finding]:
    """Rows that ask nothing."""
    rows = [row for row in look.rows if row.kind != "document"]
    yield from found("empty_prompt", (row for row in rows if not any(spoken(turn) for turn in row.asked)), len(rows))


def empty_answer(look: Look) -> Iterator[Finding]:
    """Rows in which somebody answers nothing. A call of a tool is an answer."""
    rows = [row for row in look.rows if row.said]
    silent = (row for row in rows if any(not spoken(answer[-1]) for answer in row.said if answer))
    yield from found("empty_answer", silent, len(rows))


def spoken(turn: dict[str, Any]) -> bool:
    return bool(str(turn.get("content") or "").strip() or turn.get("tool_calls"))


def duplicate(look: Look) -> Iterator[Finding]:
    """Training rows that an earlier judgement, prompt or document said already; raters may repeat each other."""
    first: dict[Hashable, int] = {}
    rows = [row for row in look.of(TRAIN) if row.kind != "logged"]
    again = (row for row in rows if first.setdefault(content(row), row.id) != row.id)
    yield from found("duplicate", again, len(rows))


def content(seen: Seen) -> Hashable:
    """What a row says, and who says it where raters may say the same."""
    who = seen.source.get("rater") if seen.kind in ("pair", "rated", "ranking") else None
    said = [seen.asked, seen.said, seen.row.get("label"), seen.row.get("tiers"), seen.row.get("text"), who]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()


def leaks(look: Look) -> Iterator[Finding]:
    """Held-out rows whose prompt, or document, a training row has too: word for word, or nearly so."""
    train, held_out = look.of(TRAIN), look.of(*HELD_OUT)
    known = {near.plain(question(row)) for row in train} - {""}
    same = [row for row in held_out if near.plain(question(row)) in known]
    yield from found("leak", same, len(held_out))
    others = [row for row in held_out if near.plain(question(row)) not in known]
    texts = list(dict.fromkeys(map(question, train)))
    yield from found("near_leak", (others[place] for place in near.close(texts, list(map(question, others)))), len(held_out))


def question(seen: Seen) -> str:
    """What identifies a row among the splits: the prompt, without what the system says to all; of a document the text."""
    said = [str(turn.get("content") or "") for turn in seen.asked if turn.get("role") != "system"]
    return seen.row["text"] if "text" in seen.row else "\n".join(said)


def spelled(look: Look) -> Iterator[Finding]:
    """Texts in which somebody wrote a special token."""
    if look.tokenizer is not None:
        those = (row for row in look.rows if any(text.spells_special(look.tokenizer, one) for one in row.texts))
        yield from found("spelled", those, len(look.rows))


def characters(look: Look) -> Iterator[Finding]:
    """Characters that were lost or garbled on their way here."""
    yield from found("replacement", (row for row in look.rows if any(LOST.search(one) for one in row.texts)), len(look.rows))
    garbled = {id(row): example for row in look.rows for one in row.texts if (example := mojibake(one))}
    rows = [row for row in look.rows if id(row) in garbled]
    yield from found("mojibake", rows, len(look.rows), example=garbled[id(rows[0])] if rows else "")


def mojibake(said: str) -> str:
    """The first stretch of a text that is UTF-8 read as another encoding; empty where there is none."""
    for stretch in FOREIGN.findall(said):
        for encoding in ("cp1252", "latin-1"):
            try:
                stretch.encode(encoding).decode("utf-8")
            except UnicodeError:
                continue
            return str(stretch)
    return ""


CHECKS = (
    rows_there, unreadable, roles, tools, empty_prompt, empty_answer, duplicate, leaks, spelled, characters
)  # fmt: skip
