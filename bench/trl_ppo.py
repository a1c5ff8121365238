"""TRL's PPO on a world that `bench/ppo.py` wrote. Runs in TRL's own environment: of Crisol it imports only the watch beside it.

    python trl_ppo.py WORK.json

The file names the models, the prompts as token ids, the settings and where the figures go: one JSON line an update, as
`bench/ppo_stages.py` tells it, with `reward` counted as Crisol counts it (an answer's score, `no_end` for one that did not end).

On CUDA everything is computed in bfloat16 as Crisol does. TRL 1.12 beside transformers 5 does so neither where it generates nor,
`bf16=True` or not, where it learns: its Accelerator no longer hears of it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import stopwatch
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, TrainerCallback
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer


class Stages(TrainerCallback):
    """Watches the trainer's own functions: generation, all that is asked of the networks without gradients, and the rest."""

    def __init__(self, file: Any, reward_model: Any, end: int, no_end: float):
        self.file, self.reward_model, self.end, self.no_end = file, reward_model, end, no_end
        self.told: dict[str, float] = defaultdict(float)
        self.kl = 0.0
        self.stage = "generate"
        self.begin()

    def begin(self) -> None:
        """An update begins."""
        self.began = self.last = stopwatch.now()
        self.began_cpu = time.process_time()

    def watch(self) -> None:
        """Puts itself between the trainer and three functions of its module."""
        generation, forward, reward = ppo_trainer.batch_generation, ppo_trainer.forward, ppo_trainer.get_reward

        def generated(*args: Any) -> Any:
            with precision():
                made = generation(*args)
            self.into("score")
            return made

        def passed(*args: Any) -> Any:
            if torch.is_grad_enabled():
                self.into("train")
            with precision():
                return forward(*args)

        def rewarded(model: Any, chats: Any, pad: int, context: int) -> Any:
            with precision():
                found = reward(model, chats, pad, context)
            if model is self.reward_model:
                self.look(chats, found[1], pad, context)
            return found

        ppo_trainer.batch_generation, ppo_trainer.forward, ppo_trainer.get_reward = generated, passed, rewarded

    def into(self, stage: str) -> None:
        """What has passed since the last call belongs to the stage that now ends."""
        if stage != self.stage:
            now = stopwatch.now()
            self.told[f"{self.stage}_s"] += now - self.last
            self.stage, self.last = stage, now

    def look(self, chats: Any, scores: Any, pad: int, context: int) -> None:
        """Counts answers, which follow `context` columns of prompts, as Crisol does."""
        answers, lengths = chats[:, context:], (chats != pad).sum(-1)
        ended = (answers == self.end).any(-1)
        self.told["answers"] += len(answers)
        self.told["tokens"] += int((answers != pad).sum())
        self.told["context"] += int(lengths.sum())
        self.told["context_squared"] += int((lengths**2).sum())
        self.told["reward"] += float(torch.where(ended, scores.float(), self.no_end).sum())

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        self.kl = logs["objective/kl"]

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.into("generate")
        now = stopwatch.now()
        told = {**self.told, "reward": self.told["reward"] / self.told["answers"], "kl": self.kl}
        told |= {"seconds": now - self.began, "cpu_s": time.process_time() - self.began_cpu, **stopwatch.memory()}
        self.file.write(json.dumps(told) + "\n")
        self.file.flush()
        self.told.clear()
        self.begin()


def precision() -> AbstractContextManager[Any]:
    """bfloat16 on CUDA. Around single calls: weights that were rounded stay in memory inside, and are old after a step."""
    return torch.autocast("cuda", torch.bfloat16) if torch.cuda.is_available() else nullcontext()


def network(kind: Any, folder: str, learns: bool) -> Any:
    """In float32 if it learns or computes on a CPU, in bfloat16 elsewhere."""
    return kind.from_pretrained(folder, dtype=torch.float32 if learns or not torch.cuda.is_available() else torch.bfloat16)


def main() -> None:
    work = json.loads(Path(sys.argv[1]).read_text())
    cuda = torch.cuda.is_available()
    if cuda:
        os.environ["ACCELERATE_MIXED_PRECISION"] = "bf16"
    tokenizer = AutoTokenizer.from_pretrained(work["model"], padding_side="left")
    with open(work["figures"], "w") as file:
        reward_model = network(AutoModelForSequenceClassification, work["reward"], learns=False)
        stages = Stages(file, reward_model, tokenizer.eos_token_id, work["no_end"])
        trainer = PPOTrainer(
            args=PPOConfig(use_cpu=not cuda, bf16=cuda, **work["config"]),
            processing_class=tokenizer,
            model=network(AutoModelForCausalLM, work["model"], learns=True),
            ref_model=network(AutoModelForCausalLM, work["model"], learns=False),
            reward_model=reward_model,
            value_model=network(AutoModelForSequenceClassification, work["reward"], learns=True),
            train_dataset=Dataset.from_dict({"input_ids": work["prompts"]}),
            eval_dataset=Dataset.from_dict({"input_ids": work["prompts"][:1]}),
            callbacks=[stages],
        )
        stages.watch()
        stages.begin()
        trainer.train()


if __name__ == "__main__":
    main()
