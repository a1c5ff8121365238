"""TRL's PPO on a world that `bench/ppo.py` wrote. Runs in TRL's own environment, so it imports nothing of Crisol.

    python trl_ppo.py WORK.json

The file names the models, the prompts as token ids, the settings and where the figures go: one JSON line an update, with `reward`
counted as Crisol counts it (the score of an answer that ended, `no_end` for one that did not), `kl`, `seconds` by stage, answers,
their tokens.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

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
        self.began = self.last = time.perf_counter()
        self.began_cpu = time.process_time()

    def watch(self) -> None:
        """Puts itself between the trainer and three functions of its module."""
        generation, forward, reward = ppo_trainer.batch_generation, ppo_trainer.forward, ppo_trainer.get_reward

        def generated(*args: Any) -> Any:
            made = generation(*args)
            self.into("score")
            return made

        def passed(*args: Any) -> Any:
            if torch.is_grad_enabled():
                self.into("train")
            return forward(*args)

        def rewarded(model: Any, chats: Any, pad: int, context: int) -> Any:
            found = reward(model, chats, pad, context)
            if model is self.reward_model:
                self.look(chats[:, context:], found[1], pad)
            return found

        ppo_trainer.batch_generation, ppo_trainer.forward, ppo_trainer.get_reward = generated, passed, rewarded

    def into(self, stage: str) -> None:
        """What has passed since the last call belongs to the stage that now ends."""
        now = time.perf_counter()
        if stage != self.stage:
            self.told[f"{self.stage}_s"] += now - self.last
            self.stage, self.last = stage, now

    def look(self, answers: Any, scores: Any, pad: int) -> None:
        """Counts answers as Crisol does."""
        ended = (answers == self.end).any(-1)
        self.told["answers"] += len(answers)
        self.told["tokens"] += int((answers != pad).sum())
        self.told["reward"] += float(torch.where(ended, scores, torch.full_like(scores, self.no_end)).sum())

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        self.kl = logs["objective/kl"]

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.into("generate")
        now = time.perf_counter()
        told = {**self.told, "reward": self.told["reward"] / self.told["answers"], "kl": self.kl}
        told |= {"seconds": now - self.began, "cpu_s": time.process_time() - self.began_cpu}
        self.file.write(json.dumps(told) + "\n")
        self.file.flush()
        self.told.clear()
        self.begin()


def main() -> None:
    work = json.loads(Path(sys.argv[1]).read_text())
    cuda = torch.cuda.is_available()
    tokenizer = AutoTokenizer.from_pretrained(work["model"], padding_side="left")

    def network(kind: Any, folder: str) -> Any:
        return kind.from_pretrained(folder, dtype=torch.float32)

    with open(work["figures"], "w") as file:
        reward_model = network(AutoModelForSequenceClassification, work["reward"])
        stages = Stages(file, reward_model, tokenizer.eos_token_id, work["no_end"])
        trainer = PPOTrainer(
            args=PPOConfig(use_cpu=not cuda, bf16=cuda, **work["config"]),
            processing_class=tokenizer,
            model=network(AutoModelForCausalLM, work["model"]),
            ref_model=network(AutoModelForCausalLM, work["model"]),
            reward_model=reward_model,
            value_model=network(AutoModelForSequenceClassification, work["reward"]),
            train_dataset=Dataset.from_dict({"input_ids": work["prompts"]}),
            eval_dataset=Dataset.from_dict({"input_ids": work["prompts"][:1]}),
            callbacks=[stages],
        )
        stages.watch()
        stages.begin()
        trainer.train()


if __name__ == "__main__":
    main()
