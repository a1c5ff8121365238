"""Crisol's PPO on a run's folder, with a watch on its stages: what `bench/trl_ppo.py` tells of TRL, told of this one.

    python -m bench.ppo_stages FOLDER FIGURES

One JSON line an update: `reward`, `kl`, `answers`, their `tokens`, `context` and `context_squared` (the rows' lengths with their
prompts, and their squares, summed), `seconds` in all and by stage, `cpu_s`, on CUDA the memory of the card.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from bench import stopwatch
from training import ppo_learner, ppo_rollout, train


class Watch:
    """Stands between the recipe and two functions: when answers are there, scoring begins, and learning begins with `learn`."""

    def __init__(self, file: Any):
        self.file = file
        self.answer, self.learn = ppo_rollout.answer, ppo_learner.Learner.learn
        self.answered = 0.0
        self.begin()

    def begin(self) -> None:
        """An update begins."""
        self.began, self.began_cpu = stopwatch.now(), time.process_time()

    def put(self) -> None:
        """From now on the recipe passes here."""
        ppo_rollout.answer = self.generated
        ppo_learner.Learner.learn = lambda learner, experience: self.learned(learner, experience)

    def generated(self, *args: Any) -> Any:
        if not self.answered:
            self.begin()  # before the first rollout networks were loaded
        made = self.answer(*args)
        self.answered = stopwatch.now()
        return made

    def learned(self, learner: Any, experience: Any) -> Any:
        scored = stopwatch.now()
        told = self.learn(learner, experience)
        now = stopwatch.now()
        row = {"reward": float(experience.scores.mean()), "kl": experience.kl, "answers": len(experience.answered)}
        lengths = experience.batch.lengths + 1
        row |= {"context": int(lengths.sum()), "context_squared": int((lengths**2).sum())}
        row |= {"tokens": int(experience.batch.mask.sum()), "seconds": now - self.began}
        row |= {"generate_s": self.answered - self.began, "score_s": scored - self.answered, "train_s": now - scored}
        row |= {"cpu_s": time.process_time() - self.began_cpu, **stopwatch.memory()}
        self.file.write(json.dumps(row) + "\n")
        self.file.flush()
        self.begin()
        return told


def main() -> int:
    folder, figures = sys.argv[1:]
    with open(figures, "w") as file:
        Watch(file).put()
        return train.main([folder])


if __name__ == "__main__":
    sys.exit(main())
