"""The bare TRL script that `bench/sft.py` measures the recipe against: SFTTrainer as its documentation has it. Nothing of
Crisol.

    python bench/trl_sft.py WORK.json

WORK.json: `model` (a folder), `chats` (lists of messages, in the order in which they are to be learned), `config` (of
SFTConfig), and `figures`, where it writes each step's loss and the second at which it ended.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer


class Clock(TrainerCallback):
    """Writes when steps end, and what they lost."""

    def __init__(self, figures):
        self.figures = figures

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" in logs:
            self.figures.write(json.dumps({"at": time.time(), "loss": float(logs["loss"])}) + "\n")
            self.figures.flush()


def main(work: dict) -> None:
    """Trains over the chats once."""
    tokenizer = AutoTokenizer.from_pretrained(work["model"])
    model = AutoModelForCausalLM.from_pretrained(work["model"], dtype=torch.float32)
    data = Dataset.from_list([{"messages": chat} for chat in work["chats"]])
    with open(work["figures"], "w") as figures:
        args = SFTConfig(**work["config"])
        SFTTrainer(model, args, train_dataset=data, processing_class=tokenizer, callbacks=[Clock(figures)]).train()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
