"""`training.train` with answers that do not depend on how a rollout is shared out: each is drawn from a seed of its own.

    python -m bench.seeded FOLDER                  or under torchrun, as `training.train`

TRL draws a process' answers together from that process' random numbers, so that two processes answer otherwise than one. Here every
call of `generate` answers row by row, each from the number of the call and the row's place in the rollout of all processes.
"""

from __future__ import annotations

import itertools
import sys
import zlib
from collections.abc import Callable
from typing import Any

import torch
from transformers import GenerationMixin

from training import train
from training.rundir import rank


def row_by_row(generate: Callable[..., Any]) -> Callable[..., Any]:
    """`generate` as it answers one row after the other. Every process makes its calls in the same order, with as many rows."""
    calls = itertools.count()

    def answered(model: Any, input_ids: Any, attention_mask: Any, generation_config: Any, **how: Any) -> Any:
        call, first = next(calls), rank() * len(input_ids)
        answers = []
        with torch.random.fork_rng():
            for place, (row, mask) in enumerate(zip(input_ids, attention_mask, strict=True), first):
                torch.manual_seed(zlib.crc32(f"{call}/{place}".encode()))
                asked = row[mask.bool()][None]
                whole = torch.ones_like(asked)
                made = generate(model, input_ids=asked, attention_mask=whole, generation_config=generation_config, **how)
                answers.append(made[0, asked.shape[1] :])
        padding = generation_config.pad_token_id
        return torch.cat([input_ids, torch.nn.utils.rnn.pad_sequence(answers, batch_first=True, padding_value=padding)], dim=1)

    return answered


if __name__ == "__main__":
    GenerationMixin.generate = row_by_row(GenerationMixin.generate)
    sys.exit(train.main())
