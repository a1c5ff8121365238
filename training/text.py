"""The one tokenisation module: what the preview shows, preflight counts, training learns and scoring reads is made here.

A chat is rendered by the tokenizer's own chat template, then cut where an assistant turn begins and ends, and each piece is
encoded alone. So the prompt's tokens are exactly the tokens that generation starts from, and the mask needs no offsets.
Text of people and models may spell a special token (`<|end|>`): it stays text and can never open or close a turn.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAD, BOS, END = "<|pad|>", "<|bos|>", "<|end|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
SPECIAL_TOKENS = (PAD, BOS, END, *ROLES)

CHAT_TEMPLATE = """\
{{- bos_token -}}
{%- if tools -%}
    {{- '<|system|>Tools, one a line as JSON:' -}}
    {%- for tool in tools -%}{{- '\\n' + tool | tojson -}}{%- endfor -%}
    {{- eos_token -}}
{%- endif -%}
{%- for message in messages -%}
    {%- if message.role not in ['system', 'user', 'assistant', 'tool'] -%}
        {{- raise_exception('unknown role ' + message.role) -}}
    {%- endif -%}
    {{- '<|' + message.role + '|>' -}}
    {%- if message.role == 'assistant' -%}
        {%- generation -%}
            {{- message.content or '' -}}
            {%- for call in message.tool_calls or [] -%}{{- '\\nCall: ' + call.function | tojson -}}{%- endfor -%}
            {{- eos_token -}}
        {%- endgeneration -%}
    {%- else -%}
        {{- (message.content or '') + eos_token -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}
"""

# For imported base models, whose vocabulary has no words for roles: plain lines, and the end of text that they already know.
PLAIN_TEMPLATE = """\
{{- bos_token or '' -}}
{%- if tools -%}{{- 'Tools: ' + tools | tojson + '\\n\\n' -}}{%- endif -%}
{%- for message in messages -%}
    {{- message.role | capitalize + ':\\n' -}}
    {%- if message.role == 'assistant' -%}
        {%- generation -%}
            {{- message.content or '' -}}
            {%- for call in message.tool_calls or [] -%}{{- '\\nCall: ' + call.function | tojson -}}{%- endfor -%}
            {{- eos_token -}}
        {%- endgeneration -%}
        {{- '\\n\\n' -}}
    {%- else -%}
        {{- (message.content or '') + '\\n\\n' -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Assistant:\\n' -}}{%- endif -%}
"""

# Stands before a private character in place of each special token that a person or a model spelled.
GUARD = "\ue000"

Message = dict[str, Any]


@dataclass(frozen=True)
class Encoded:
    """A chat as tokens; `assistant_mask` is 1 on each token of an assistant turn, its end included, whose message does not say
    `weight: 0` (as OpenAI's fine-tuning has it). Both of one length."""

    input_ids: list[int]
    assistant_mask: list[int]


# Tokenizers -----------------------------------------------------------------------------------------------------------------


FAULTS = {
    "no_end_token": "has no end-of-text token: no answer of its model could ever end",
    "pad_is_end": "has no padding token of its own; import the model with the recipe `fetch`",
    "no_template": "has no chat template; import the model with the recipe `fetch`",
}


def load_tokenizer(path: Path | str) -> Any:
    """The tokenizer of a checkpoint folder. Raises ValueError where it cannot tell padding from an end."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(path), trust_remote_code=False)
    for fault in faults(tokenizer):
        raise ValueError(f"the tokenizer in {path} {FAULTS[fault]}")
    return tokenizer


def faults(tokenizer: Any) -> list[str]:
    """What keeps a tokenizer from being trained with, as keys of FAULTS."""
    lacks_pad = tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id
    found = (tokenizer.eos_token_id is None, lacks_pad, tokenizer.chat_template is None)
    return [fault for fault, there in zip(FAULTS, found, strict=True) if there]


def adopt_tokenizer(tokenizer: Any) -> bool:
    """Gives an imported tokenizer what it lacks: a chat template, a padding token. True when its vocabulary grew."""
    if tokenizer.chat_template is None:
        known = set(SPECIAL_TOKENS) <= set(tokenizer.get_vocab())
        tokenizer.chat_template = CHAT_TEMPLATE if known else PLAIN_TEMPLATE
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id != tokenizer.eos_token_id:
        return False
    return bool(tokenizer.add_special_tokens({"pad_token": PAD}))


# Chats ----------------------------------------------------------------------------------------------------------------------


def encode_prompt(tokenizer: Any, messages: Sequence[Message], tools: list[Any] | None = None) -> list[int]:
    """The tokens from which an answer is generated: the chat, then what opens an assistant turn."""
    rendered, spans = _render(tokenizer, messages, tools, add_generation_prompt=True)
    return _encode_pieces(tokenizer, rendered, spans.values()).input_ids


def encode_chat(tokenizer: Any, messages: Sequence[Message], tools: list[Any] | None = None) -> Encoded:
    """A whole chat with its mask. It begins with the tokens of `encode_prompt(messages[:-1])` when an assistant speaks last."""
    rendered, spans = _render(tokenizer, messages, tools, add_generation_prompt=False)
    # What a template writes after the last turn (a line's end) is never generated: a chat ends where its answer ends.
    if messages and messages[-1]["role"] == "assistant" and spans:
        rendered = rendered[: max(end for _, end in spans.values())]
    unlearned = [span for turn, span in spans.items() if messages[turn].get("weight") == 0]
    return _encode_pieces(tokenizer, rendered, spans.values(), unlearned)


def decode_answer(tokenizer: Any, ids: Sequence[int]) -> str:
    """The text of generated tokens, up to the first end."""
    ids = list(ids)
    if tokenizer.eos_token_id in ids:
        ids = ids[: ids.index(tokenizer.eos_token_id)]
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def _render(
    tokenizer: Any, messages: Sequence[Message], tools: list[Any] | None, *, add_generation_prompt: bool
) -> tuple[str, dict[int, tuple[int, int]]]:
    """The chat as guarded text, and where its assistant turns begin and end (character offsets by number of message)."""
    from transformers.utils.chat_template_utils import render_jinja_template

    template = tokenizer.get_chat_template(None, tools)
    guarded, tools = _guarded(tokenizer, list(messages)), _guarded(tokenizer, tools)
    marked = re.search(r"\{%-?\s*generation\s*-?%\}", template) is not None

    def render(chat: list[Message], prompt: bool) -> tuple[str, list[tuple[int, int]]]:
        made = render_jinja_template(
            conversations=[chat],
            tools=tools or None,
            chat_template=template,
            return_assistant_tokens_mask=marked,
            add_generation_prompt=prompt,
            **tokenizer.special_tokens_map,
        )
        return (made[0][0], made[1][0]) if marked else (made[0][0], [])

    rendered, found = render(guarded, add_generation_prompt)
    turns = _assistant_turns(messages)
    if marked and len(found) != len(turns) and any(message.get("weight") == 0 for message in messages):
        raise ValueError(f"the chat template marks {len(found)} of {len(turns)} assistant turns: which weigh 0 cannot be told")
    if marked:
        return rendered, dict(zip(turns if len(turns) == len(found) else range(len(found)), found, strict=True))
    return rendered, {turn: span for turn in turns if (span := _span(tokenizer, render, guarded, turn, rendered))}


def _assistant_turns(messages: Sequence[Message]) -> list[int]:
    return [index for index, message in enumerate(messages) if message["role"] == "assistant"]


def _span(tokenizer: Any, render: Any, chat: list[Message], turn: int, rendered: str) -> tuple[int, int] | None:
    """Where a template without generation markers put one assistant turn: from the end of its prompt to its end token.

    None where the template writes an earlier turn differently than it was generated: such a turn must not be learned.
    """
    prompt = render(chat[:turn], True)[0]
    if not rendered.startswith(prompt):
        return None
    end = rendered.find(tokenizer.eos_token, len(prompt))
    return (len(prompt), len(rendered) if end < 0 else end + len(tokenizer.eos_token))


def _encode_pieces(
    tokenizer: Any, rendered: str, spans: Iterable[tuple[int, int]], unlearned: Sequence[tuple[int, int]] = ()
) -> Encoded:
    """Encodes the text around and inside the spans apart, so that no token crosses the border of a turn."""
    ids: list[int] = []
    mask: list[int] = []
    at = 0
    for start, end in [*spans, (len(rendered), len(rendered))]:
        for piece, learned in ((rendered[at:start], 0), (rendered[start:end], int((start, end) not in unlearned))):
            tokens = _encode_guarded(tokenizer, piece)
            ids += tokens
            mask += [learned] * len(tokens)
        at = end
    return Encoded(ids, mask)


# Special tokens spelled in text ---------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _special_strings(tokenizer: Any, size: int) -> tuple[list[str], re.Pattern[str]]:
    """Every string that the tokenizer would read as a special token, the guard itself first. `size` makes additions seen."""
    specials = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    strings = [GUARD, *sorted(specials, key=len, reverse=True)]
    return strings, re.compile("|".join(map(re.escape, strings)))


def spells_special(tokenizer: Any, text: str) -> bool:
    """Whether somebody wrote a special token in a text, which stays text here."""
    _, pattern = _special_strings(tokenizer, len(tokenizer))
    return pattern.search(text) is not None


def _guarded(tokenizer: Any, value: Any) -> Any:
    """The same messages or tools with every spelled special token replaced by the guard and its private character."""
    strings, pattern = _special_strings(tokenizer, len(tokenizer))
    if isinstance(value, str):
        return pattern.sub(lambda found: GUARD + chr(0xF0000 + strings.index(found[0])), value)
    if isinstance(value, dict):
        return {_guarded(tokenizer, key): _guarded(tokenizer, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_guarded(tokenizer, item) for item in value]
    return value


def _encode_guarded(tokenizer: Any, text: str) -> list[int]:
    """Tokens of rendered text: special tokens where the template wrote them, plain text where a person spelled them."""
    strings, _ = _special_strings(tokenizer, len(tokenizer))
    head, *rest = text.split(GUARD)
    ids = list(tokenizer.encode(head, add_special_tokens=False)) if head else []
    for piece in rest:
        spelled = strings[ord(piece[0]) - 0xF0000]
        ids += tokenizer.encode(spelled, add_special_tokens=False, split_special_tokens=True)
        ids += tokenizer.encode(piece[1:], add_special_tokens=False) if piece[1:] else []
    return ids


# Plain text and batches -----------------------------------------------------------------------------------------------------


def documents(path: Path | str) -> Iterator[str]:
    """The documents of a corpus: UTF-8 text, blank lines between them. One at a time, whatever the file's size."""
    lines: list[str] = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip():
                lines.append(line)
            elif lines:
                yield "".join(lines).rstrip("\n")
                lines = []
    if lines:
        yield "".join(lines).rstrip("\n")


def encode_documents(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Each text as BOS (where the tokenizer has one), its tokens, end. Spelled special tokens stay text."""
    if not texts:
        return []
    begin = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    encoded = tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True, return_attention_mask=False)
    return [[*begin, *ids, tokenizer.eos_token_id] for ids in encoded["input_ids"]]


def pad_batch(rows: Sequence[Sequence[int]], pad_id: int, side: str = "right") -> tuple[Any, Any]:
    """(ids, mask), both long tensors [rows, longest]; `side` "left" is for generation. Mask 1 on what is not padding."""
    import torch

    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        where = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
        ids[index, where] = torch.tensor(list(row), dtype=torch.long)
        mask[index, where] = 1
    return ids, mask
