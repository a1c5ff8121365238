"""What the recipes on TRL's online trainers share: our prompts, pay, checkpoints and curves around a trainer that is used as it is.

TRL keeps a rollout in memory only, so a run is saved between rollouts and nowhere else: a resumed one is then exact.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, GenerationConfig, TrainerCallback, set_seed

from training import asking, hf, ppo_networks, processes, resuming, text, trl_answers, weights
from training.arguments import trainer_arguments
from training.looks import Looks, gain
from training.online import Online
from training.ppo_networks import Networks, Unadapted
from training.rundir import RunDir, Stopped, rank

# What TRL calls otherwise; of its other names only a reward's own mean and `eos_rate` are told.
CURVES = {
    "loss": "loss",
    "grad_norm": "gradient_norm",
    "learning_rate": "learning_rate",
    "reward": "reward",
    "reward_std": "reward_std",
    "completions/mean_length": "length",
    "entropy": "entropy",
    "kl": "kl_per_token",
    "clip_ratio/region_mean": "clip_fraction",
    "frac_reward_zero_std": "flat_groups",
    "eos_rate": "eos_rate",
}
STAGING = "trl.tmp"


def learn(run: RunDir, config: Online, recipe: str, trainer: Any, arguments: Any, own: dict[str, Any]) -> None:
    """A whole run: `trainer` and `arguments` are TRL's classes, `own` the arguments that only this one has."""
    set_seed(run.seed)
    learner = Learner(run, config, trainer, arguments, own)
    learner.fit()
    figures = gain(learner.at_start(), learner.measured())
    model = weights.merged(learner.nets.policy)
    model.generation_config = learner.generation
    weights.save(run, model, learner.nets.tokenizer, role="causal-lm", recipe=recipe, step=learner.step, figures=figures)


class Learner:
    """TRL's trainer in a run's folder: make one, then `fit()`.

    asked: the training prompts; looks: the held-out ones; tokens: what this attempt has generated and read in this process.
    """

    def __init__(self, run: RunDir, config: Online, trainer: Any, arguments: Any, own: dict[str, Any]):
        self.run, self.schedule, self.stopped, self.tokens = run, config, False, 0
        self.nets = load(run, config)
        self.generation = self.nets.policy.generation_config
        self.asked = asking.read(run, config, self.nets, ("train",))
        held_out = asking.read(run, config, self.nets, ("validation", "test"))[: config.held_out]
        self.trainer = self.make(trainer, arguments(**shared_arguments(run, config, len(self.asked)), **own))
        self.nets.policy = self.trainer.model
        self.nets.reference = Unadapted(self.nets.policy) if config.lora_rank else self.trainer.ref_model
        self.looks = Looks(run, config, self.nets, held_out)

    def make(self, trainer: Any, args: Any) -> Any:
        """TRL's trainer over all prompts of the run, in the order in which they are answered."""
        config, tokenizer = self.schedule, self.nets.tokenizer
        ids = {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
        # A model's folder may carry settings of generation: the policy must be sampled exactly as its log-probabilities say.
        self.nets.policy.generation_config = GenerationConfig(**ids)
        count = args.max_steps // config.iterations * config.prompts_a_rollout(processes.count())
        order = asking.following(range(len(self.asked)), 0, count, self.run.seed)
        return trainer(
            model=self.nets.policy,
            reward_funcs=self.reward,
            args=args,
            train_dataset=Dataset.from_dict({"prompt": [trl_answers.ticket(place) for place in order]}),
            processing_class=trl_answers.tokenizer_of(tokenizer, self.asked),
            peft_config=weights.lora(config.lora_rank, "CAUSAL_LM"),
            callbacks=[Keeper(self), Watch(self)],
        )

    @property
    def model_wrapped(self) -> Any:
        """The policy as the processes share it."""
        return self.trainer.model_wrapped

    @property
    def step(self) -> int:
        return int(self.trainer.state.global_step)

    def fit(self) -> None:
        """Trains to the last step, from the newest whole checkpoint if there is one. Raises Stopped once saved as asked."""
        found = self.run.latest_checkpoint()
        if found is not None:
            resuming.refuse_unlike(found, self.segment())
        self.trainer.train(resume_from_checkpoint=str(found) if found else None)
        if self.stopped:
            raise Stopped(f"stopped at step {self.step} of {self.trainer.args.max_steps}; saved")

    def segment(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to continue."""
        return resuming.segment(self.run, self.schedule, self.trainer.args.max_steps, len(self.asked))

    def reward(self, prompts: list[Any], completion_ids: list[list[int]], log_metric: Any, **_: Any) -> list[float]:
        """What TRL asks of a reward function: what each answer earns."""
        rows = trl_answers.answered(self.nets.tokenizer, self.asked, prompts, completion_ids)
        self.tokens += sum(len(row.asked.ids) + len(row.ids) for row in rows)
        pay, parts = trl_answers.paid(self.nets, self.schedule, rows)
        for name, mean in {**parts, "eos_rate": sum(row.ended for row in rows) / len(rows)}.items():
            log_metric(name, mean)
        return pay

    def measured(self) -> dict[str, float]:
        """Figures of the policy on held-out prompts, kept in the trainer's history; asks people where it has come far enough."""
        figures = self.looks.measure(self.step)
        if figures:
            trl_answers.refuse_not_finite(figures["valid_reward"], figures)
            self.trainer.state.log_history.append({"step": self.step, **figures})
            self.looks.ask_people(self.step, figures.get("valid_kl", 0.0))
        return figures

    def at_start(self) -> dict[str, float]:
        """What `measured` said before the first step, whichever attempt took it."""
        return next((entry for entry in self.trainer.state.log_history if "valid_reward" in entry), {})


# Callbacks ------------------------------------------------------------------------------------------------------------------


class Keeper(TrainerCallback):
    """Makes TRL's checkpoints whole and its steps finite."""

    def __init__(self, learner: Learner):
        self.learner = learner

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A gradient that is not finite ends the run before it can spoil the weights."""
        gradients = (weight.grad for weight in self.learner.trainer.model.parameters() if weight.grad is not None)
        if not all(torch.isfinite(gradient).all() for gradient in gradients):
            raise hf.NotFinite(f"the gradient is not finite at step {state.global_step + 1}; lower the learning rate")

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """All processes have filled `trl.tmp/checkpoint-N`: its files become a checkpoint of the run, whole or not at all."""
        processes.barrier()
        if rank() == 0:
            with self.learner.run.checkpoint(state.global_step) as folder:
                for item in (Path(args.output_dir) / f"checkpoint-{state.global_step}").iterdir():
                    os.rename(item, folder / item.name)
                (folder / resuming.SEGMENT).write_text(json.dumps(self.learner.segment(), sort_keys=True), encoding="utf-8")
            shutil.rmtree(args.output_dir)
        processes.barrier()


class Watch(hf.Reporter):
    """Tells what TRL logs in our words, and stops only between rollouts."""

    def __init__(self, learner: Learner):
        super().__init__(learner)
        self.iterations = learner.schedule.iterations

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kept: Any) -> None:
        told = {name: value for name, value in (logs or {}).items() if value is not None}
        found = {CURVES[name]: value for name, value in told.items() if name in CURVES}
        found |= {name: value for name, value in told.items() if name.startswith("reward_")}
        if found:  # the trainer's farewell says nothing of a step, and later steps on a rollout nothing of its rewards
            super().on_log(args, state, control, logs=found, **kept)

    def whole(self, step: int) -> bool:
        return step % self.iterations == 0


# What goes in ---------------------------------------------------------------------------------------------------------------


def load(run: RunDir, config: Online) -> Networks:
    """The policy and, where it is paid for, the reward model."""
    folder, judge = run.required("model"), asking.reward_model(run, config)
    tokenizer = text.load_tokenizer(folder)
    scale = ppo_networks.scale(judge, tokenizer) if judge else {"mean": 0.0, "std": 1.0}
    reward = AutoModelForSequenceClassification.from_pretrained(judge, dtype=torch.float32, num_labels=1) if judge else None
    return Networks(
        policy=weights.without_dropout(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)),
        value=None,
        reference=None,
        reward=reward.to(processes.device()).eval().requires_grad_(False) if reward is not None else None,
        tokenizer=tokenizer,
        mean=scale["mean"],
        std=scale["std"],
    )


def shared_arguments(run: RunDir, config: Online, prompts: int) -> dict[str, Any]:
    """What GRPOConfig and RLOOConfig are both given; every setting of sampling, because their defaults may change."""
    return trainer_arguments(run, config, prompts) | {
        "output_dir": str(run.path / "checkpoints" / STAGING),
        "steps_per_generation": config.accumulation,
        "num_iterations": config.iterations,
        "num_generations": config.group_size,
        "max_completion_length": config.max_new_tokens,
        "temperature": config.temperature,
        "top_p": 1.0,
        "top_k": 0,
        "repetition_penalty": 1.0,
        "beta": config.beta,
        "epsilon": config.clip,
        "disable_dropout": True,
        "shuffle_dataset": False,
        "gradient_checkpointing": False,
    }
