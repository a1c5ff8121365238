"""The loop that `bench/pretrain.py` measures the recipe against: PyTorch as one would write it for an afternoon. Nothing of Crisol.

    python bench/plain_loop.py WORK.json

WORK.json: `model` (a folder), `tokens` (a .npy file of token ids end to end), `batch_size`, `block_size`, `steps`, `warmup`,
`learning_rate`, `last_rate`, `weight_decay`, `adam_beta2`, `max_grad_norm`, `seed`, `compile`, `log_every`, and `figures`, where it
writes the mean seconds of so many steps. In bfloat16 on CUDA, where autocast makes it so; fused AdamW; documents see each other.
"""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM


def rate(step: int, work: dict) -> float:
    """The learning rate of a step: up in a line, down along a cosine."""
    if step < work["warmup"]:
        return work["learning_rate"] * step / work["warmup"]
    way = (step - work["warmup"]) / max(work["steps"] - work["warmup"], 1)
    return work["learning_rate"] * (work["last_rate"] + (1 - work["last_rate"]) * (1 + math.cos(math.pi * way)) / 2)


def main(work: dict) -> None:
    """As many steps as are asked for."""
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    torch.manual_seed(work["seed"])
    model = AutoModelForCausalLM.from_pretrained(work["model"], dtype=torch.float32, use_cache=False).to(device).train()
    wide = [weight for weight in model.parameters() if weight.dim() > 1]
    narrow = [weight for weight in model.parameters() if weight.dim() < 2]
    groups = [{"params": wide, "weight_decay": work["weight_decay"]}, {"params": narrow, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=work["learning_rate"], betas=(0.9, work["adam_beta2"]), fused=True)
    run = torch.compile(model) if work["compile"] else model
    tokens = torch.from_numpy(np.load(work["tokens"]).astype(np.int64))
    length = work["block_size"]
    with open(work["figures"], "w") as figures:
        began = time.perf_counter()
        for step in range(work["steps"]):
            starts = torch.randint(len(tokens) - length - 1, (work["batch_size"],))
            given = torch.stack([tokens[at : at + length] for at in starts]).to(device)
            wanted = torch.stack([tokens[at + 1 : at + 1 + length] for at in starts]).to(device)
            for group in optimizer.param_groups:
                group["lr"] = rate(step, work)
            with torch.autocast("cuda", torch.bfloat16, enabled=cuda):
                logits = run(input_ids=given).logits
                loss = cross_entropy(logits.flatten(0, 1), wanted.flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), work["max_grad_norm"])
            optimizer.step()
            optimizer.zero_grad()
            if (step + 1) % work["log_every"] == 0:
                told = {"loss": loss.item(), "seconds": (time.perf_counter() - began) / work["log_every"]}
                figures.write(json.dumps(told) + "\n")
                began = time.perf_counter()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
