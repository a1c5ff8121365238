"""Small worlds for measurements and tests: a tokenizer of words, a language model that ends its answers, a planted reward model."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from annotation import frozen
from bench.shapes import SHAPES as SHAPES
from bench.shapes import Shape
from training import text

CONSTANT, WORTH, HEARD = 0, 1, 2  # dimensions of the residual stream that are planted
SILENCE = 40.0  # nats that a token which is never said stands below all words together


def word_tokenizer(words: Sequence[str]) -> Any:
    """Words as tokens, and the special tokens of every tokenizer that Crisol makes."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    names = [*text.SPECIAL_TOKENS, *words]
    tokenizer = Tokenizer(models.WordLevel({name: place for place, name in enumerate(names)}, unk_token=text.PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=text.PAD,
        bos_token=text.BOS,
        eos_token=text.END,
        additional_special_tokens=list(text.ROLES),
    )
    made.chat_template = text.CHAT_TEMPLATE
    return made


def llama_config(shape: Shape, tokenizer: Any, **more: Any) -> Any:
    """The config of a Llama for this tokenizer."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads or shape.heads,
        max_position_embeddings=shape.positions,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **more,
    )


# A world of any size --------------------------------------------------------------------------------------------------------


def plant(folder: Path, shape: Shape, *, prompts: int, prompt_words: tuple[int, int], end: float, seed: int) -> None:
    """Writes `model`, `reward` (with its scale) and the snapshot `prompts` into a folder.

    The model is random but for one thing: each next token ends the answer with a chance of about `end`. The reward model scores an
    answer by the mean worth of the words of its chat, each word's worth drawn once: attention that looks at all tokens alike.
    """
    tokenizer = word_tokenizer([f"w{number}" for number in range(shape.words)])
    dice = random.Random(seed)
    torch.manual_seed(seed)
    _snapshot(folder / "prompts", shape, prompts, prompt_words, dice)
    model = _ending(shape, tokenizer, end)
    reward = _scoring(shape, tokenizer)
    for name, network in (("model", model), ("reward", reward)):
        network.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
    (folder / "reward" / "reward.json").write_text(json.dumps({"mean": 0.0, "std": 1.0}))


def _snapshot(folder: Path, shape: Shape, prompts: int, lengths: tuple[int, int], dice: random.Random) -> None:
    shared = {"tools": [], "language": "en", "source": "bench", "licence": "CC0-1.0", "split": "train"}
    rows = []
    for number in range(prompts):
        words = " ".join(f"w{dice.randrange(shape.words)}" for _ in range(dice.randint(*lengths)))
        rows.append({**shared, "prompt_id": number, "messages": [{"role": "user", "content": words}]})
    frozen.write(folder, rows, [])


def _ending(shape: Shape, tokenizer: Any, end: float) -> Any:
    """A random Llama that says words, and ends."""
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM(llama_config(shape, tokenizer))
    plant_end(model, tokenizer, _random_ids(shape, tokenizer), end)
    return model


@torch.no_grad()
def plant_end(model: Any, tokenizer: Any, ids: Any, end: float, silent: Sequence[int] = ()) -> None:
    """About this share of the tokens that follow `ids`, whatever they are, is the end; special and `silent` ones are never said.

    The first dimension of the residual stream is made a constant, which lifts the end's logit and sinks the others' so deep that no
    gradient reaches them.
    """
    embedding, head, last = model.model.embed_tokens.weight, model.lm_head.weight, tokenizer.eos_token_id
    embedding[:, CONSTANT], head[:, CONSTANT] = 0.5, 0.0
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight[CONSTANT], layer.mlp.down_proj.weight[CONSTANT] = 0.0, 0.0
    never = sorted({*tokenizer.all_special_ids, *silent} - {last})
    head[[*never, last]] = 0.0
    hidden = model.model(input_ids=ids).last_hidden_state
    carried = hidden[..., CONSTANT].mean()
    words = [token for token in range(len(tokenizer)) if token not in {*never, last}]
    level = torch.nn.functional.linear(hidden, head[words]).logsumexp(-1).mean()
    head[last, CONSTANT] = (level + math.log(end / (1 - end))) / carried
    head[never, CONSTANT] = (level - SILENCE) / carried


@torch.no_grad()
def _scoring(shape: Shape, tokenizer: Any) -> Any:
    """A Llama whose first layer writes the mean worth of all tokens so far where the head reads; scores spread by about 1."""
    from transformers import LlamaForSequenceClassification

    model = LlamaForSequenceClassification(llama_config(shape, tokenizer, num_labels=1))
    embedding, attention = model.model.embed_tokens.weight, model.model.layers[0].self_attn
    embedding[:, CONSTANT] = 0.5
    embedding[:, WORTH] = 0.25 * torch.randn(len(embedding))
    attention.q_proj.weight.zero_()
    attention.v_proj.weight[0] = torch.nn.functional.one_hot(torch.tensor(WORTH), shape.width)
    attention.o_proj.weight[HEARD] = torch.nn.functional.one_hot(torch.tensor(0), shape.width)
    model.score.weight.zero_()
    model.score.weight[0, HEARD] = 1.0
    ids = _random_ids(shape, tokenizer)
    model.score.weight /= model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.std()
    return model


def _random_ids(shape: Shape, tokenizer: Any) -> Any:
    return torch.randint(len(text.SPECIAL_TOKENS), len(tokenizer), (64, 24))
