"""What is wrong with rows as tokens: lengths, masks, ends and begins, and whether training sees what generation will see."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from training import text
from training.preflight.look import Finding, Look, Seen, found

CONSENT_ABOVE = 0.01  # of the rows: more that are left out want somebody's consent
TAUGHT = ("conversation", "pair", "rated", "logged")


def lengths(look: Look) -> Iterator[Finding]:
    """Rows that are over the limit, split by split together."""
    rows = [row for row in look.rows if look.limit(row) is not None]
    long = [row for row in rows if not look.fits(row)]
    share = len(long) / max(1, len(rows))
    check = "too_long" if share > CONSENT_ABOVE else "few_too_long"
    yield from found(check, long, len(rows), share=100 * share, limit=look.limit(rows[0]) if rows else 0)


def losses(look: Look) -> Iterator[Finding]:
    """Every answer must have tokens that are learned."""
    rows = [row for row in look.rows if row.kind in TAUGHT]
    yield from found("no_loss", (row for row in rows if not all(one.taught for one in row.tokens)), len(rows))


def ends(look: Look) -> Iterator[Finding]:
    """The last token of an answer must be the tokenizer's end, and learned where anything is."""
    end = look.tokenizer.eos_token_id
    rows = [row for row in look.rows if row.said and all(one.taught or row.kind == "ranking" for one in row.tokens)]
    open_ended = (row for row in rows if any(one.ids[-1] != end for one in row.tokens))
    yield from found("no_end", open_ended, len(rows), token=look.tokenizer.eos_token)


def begins(look: Look) -> Iterator[Finding]:
    """Begin tokens must stand once, and stand where this tokenizer always puts them."""
    begin, token = look.tokenizer.bos_token_id, look.tokenizer.bos_token
    if begin is None:
        return
    rows = [row for row in look.rows if row.tokens]
    twice = (row for row in rows if any(doubled(one.ids, begin) for one in row.tokens))
    yield from found("two_begins", twice, len(rows), token=token)
    if list(look.tokenizer("a")["input_ids"])[:1] == [begin]:
        never = (row for row in rows if any(one.ids[0] != begin for one in row.tokens))
        yield from found("no_begin", never, len(rows), token=token)


def doubled(ids: Any, begin: int) -> bool:
    return begin in ids and any(mine == theirs == begin for mine, theirs in pairwise(ids))


def prompts(look: Look) -> Iterator[Finding]:
    """What is generated from must be what was learned after; and other software should cut it into the same tokens."""
    rows = [row for row in look.rows if row.said and row.tokens]
    other, elsewhere = [], []
    for row in rows:
        try:
            prompt = text.encode_prompt(look.tokenizer, row.asked, row.row.get("tools"))
        except Exception:  # a template may raise anything: it takes the chat, but not the prompt of it
            other.append(row)
            continue
        if any(list(one.ids[: len(prompt)]) != prompt for one in row.tokens):
            other.append(row)
        elif served(look, row) not in (None, prompt):
            elsewhere.append(row)
    yield from found("prefix", other, len(rows))
    yield from found("serving", elsewhere, len(rows))


def served(look: Look, seen: Seen) -> list[int] | None:
    """The prompt's tokens as other software makes them; None where texts spell special tokens, which it would obey."""
    if any(text.spells_special(look.tokenizer, one) for one in seen.texts):
        return None
    made = look.tokenizer.apply_chat_template(
        seen.asked, tools=seen.row.get("tools") or None, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return list(made)


def unknown(look: Look) -> Iterator[Finding]:
    """Characters that this tokenizer has no token for."""
    lost = look.tokenizer.unk_token_id
    if lost is not None and lost not in (look.tokenizer.eos_token_id, look.tokenizer.bos_token_id):
        those = (row for row in look.rows if any(lost in one.ids for one in row.tokens))
        yield from found("unknown", those, len(look.rows), token=look.tokenizer.unk_token)


def earlier_turns(look: Look) -> Iterator[Finding]:
    """Conversations of which some answers are not learned."""
    rows = [row for row in look.rows if row.kind == "conversation" and all(one.taught for one in row.tokens)]
    yield from found("unlearned_turns", (row for row in rows if spans(row) < answers(row)), len(rows))


def spans(seen: Seen) -> int:
    """Stretches of learned tokens."""
    learned = seen.tokens[0].learned
    return int(learned[0]) + sum(not before and bool(now) for before, now in pairwise(learned))


def answers(seen: Seen) -> int:
    """Turns of the assistant; two in a row may be learned as one stretch."""
    roles = [turn.get("role") for turn in [*seen.asked, *seen.said[0]]]
    return sum(role == "assistant" and before != "assistant" for before, role in zip([None, *roles], roles, strict=False))


CHECKS = (lengths, losses, ends, begins, prompts, unknown, earlier_turns)
