"""Proximal policy optimisation: the model answers, a reward model scores, and what scored better than expected gets likelier.

    python manage.py train ppo --project P --input model=SFT --input reward=RM --input prompts=SNAPSHOT --set updates=200

Four networks (Ouyang et al. 2022, §3.5): the policy that learns; its frozen reference, the model as it came in; the frozen reward
model; and a critic that starts from the reward model. Each update samples answers to some prompts, pays the normalised score on
the end token and the KL to the reference on every token, and takes a few clipped steps. The details follow Huang et al. 2024,
"The N+ Implementation Details of RLHF with PPO"; the mathematics is in `training/ppo_math.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from training import asking, audit, ppo_guards, processes, rewards, weights
from training.asking import following, read, reward_model
from training.rundir import RunDir, Stopped
from training.schema import Input

if TYPE_CHECKING:
    from training.looks import Looks
    from training.ppo_generate import Asked
    from training.ppo_learner import Learner
    from training.ppo_networks import Networks

TITLE = "Proximal policy optimisation"
INPUTS = (
    Input("model", "checkpoint", "The fine-tuned model that learns, and its own reference.", role="causal-lm"),
    Input(
        "reward",
        "checkpoint",
        "The reward model that `rewards` calls model; it must share the model's tokenizer.",
        required=False,
        role="reward",
    ),
    Input("prompts", "snapshot", "The snapshot whose training prompts are answered; its held-out ones measure the gain."),
    audit.GOLD,
)
OUTCOME = "checkpoint"
show = asking.show


def advanced(default: float, help: str, unit: str = "", least: float = 0.0, most: float | None = None) -> Any:
    """A field that is rarely changed."""
    return field(default=default, metadata={"help": help, "unit": unit, "min": least, "max": most, "advanced": True})


@dataclass
class Config:
    rewards: str = field(
        default="model:1",
        metadata={
            "help": f"What is paid for, with weights, as in “exact:1 length:0.1”: {', '.join([rewards.MODEL, *rewards.SHELF])}. "
            "model is the input reward; the others are rules that read each prompt's metadata.",
        },
    )
    updates: int = field(
        default=200, metadata={"help": "Rollouts to learn from, one after the other.", "unit": "updates", "min": 1}
    )
    lora_rank: int = field(
        default=0,
        metadata={
            "help": "Rank of LoRA adapters of policy and critic (Hu et al. 2022), merged at the end: half the memory. 0 trains all "
            "weights; adapters want about ten times the learning rate.",
            "min": 0,
            "max": 1024,
        },
    )
    rollout_size: int = field(
        default=64, metadata={"help": "Prompts answered for each update, one answer each.", "unit": "answers", "min": 2}
    )
    minibatch_size: int = field(default=32, metadata={"help": "Answers of one optimizer step.", "unit": "answers", "min": 1})
    batch_size: int = field(
        default=16,
        metadata={
            "help": "Longest answers held in memory at once; changes speed and memory, not the result.",
            "unit": "answers",
            "min": 1,
        },
    )
    epochs: int = field(default=2, metadata={"help": "Passes over each rollout; 1 or 2 are usual.", "unit": "passes", "min": 1})
    max_new_tokens: int = field(
        default=256, metadata={"help": "Answers are cut here, and a cut answer earns `no_end`.", "unit": "tokens", "min": 1}
    )
    temperature: float = field(
        default=1.0,
        metadata={"help": "Of sampling and of every log-probability alike; 1.0 learns what is served.", "min": 0.01, "max": 5.0},
    )
    learning_rate: float = field(
        default=3e-6,
        metadata={
            "help": "Of the policy (Adam): 3e-6 for a large model (Huang et al. 2024), 3e-4 for one of 1M.",
            "min": 0,
            "max": 1,
        },
    )
    value_learning_rate: float = field(
        default=9e-6, metadata={"help": "Of the critic (Adam): about three times the policy's.", "min": 0, "max": 1}
    )
    schedule: Literal["linear", "constant"] = field(
        default="linear", metadata={"help": "Whether both learning rates fall to zero over the updates.", "advanced": True}
    )
    kl_coef: float = field(
        default=0.05,
        metadata={"help": "Price of leaving the reference, paid on every token (Ziegler et al. 2019).", "unit": "nats⁻¹", "min": 0},
    )
    kl_target: float | None = field(
        default=None,
        metadata={"help": "If given, the price follows this KL an answer; 6 in Ziegler et al. 2019.", "unit": "nats", "min": 0.01},
    )
    kl_horizon: int = field(
        default=10_000,
        metadata={"help": "Answers in which the price follows its target.", "unit": "answers", "min": 1, "advanced": True},
    )
    kl_cap: float | None = ppo_guards.option("kl_cap", 50.0, "nats", least=0.1)
    entropy_floor: float | None = ppo_guards.option("entropy_floor", 0.01, "nats/token")
    length_drift: float | None = ppo_guards.option("length_drift", 5.0, "times", least=1.0)
    eos_floor: float | None = ppo_guards.option("eos_floor", 0.25, "of the start", most=1.0)
    clip_ceiling: float | None = ppo_guards.option("clip_ceiling", 0.5, "of the tokens", most=1.0)
    no_end: float = field(
        default=-1.0, metadata={"help": "Reward of an answer that does not end by itself; its score is ignored.", "advanced": True}
    )
    reward_clip: float = advanced(10.0, "Normalised scores are kept within plus and minus this.", "spreads")
    gamma: float = advanced(1.0, "Discount of later rewards; 1 for answers, which are short.", most=1.0)
    lam: float = advanced(0.95, "Bias against variance of the advantages (λ; Schulman et al. 2016).", most=1.0)
    clip: float = advanced(0.2, "How far a token's probability ratio may move and still be pushed (ε; Schulman et al. 2017).")
    value_clip: float = advanced(0.2, "How far the critic may move in one update and still be pushed.")
    value_coef: float = advanced(0.1, "Weight of the critic's loss before its gradient is cut.")
    max_grad_norm: float = advanced(1.0, "Longer gradients are cut to this length, each network's by itself.")
    approx_kl_stop: float = advanced(0.1, "An update ends early when a step's KL to the sampling policy is higher.", "nats/token")
    gradient_checkpointing: bool = field(
        default=False,
        metadata={
            "help": "Layers are computed twice instead of kept: less memory, a third slower.",
            "advanced": True,
        },
    )
    critic_warmup: int = field(
        default=10, metadata={"help": "First updates, in which only the critic learns.", "unit": "updates", "min": 0}
    )
    held_out: int = field(
        default=128,
        metadata={
            "help": "Validation and test prompts answered to measure the gain; all of them if fewer.",
            "unit": "prompts",
            "min": 0,
        },
    )
    valid_every: int = field(
        default=50,
        metadata={"help": "Updates between two looks at held-out prompts (also at start and end).", "unit": "updates", "min": 1},
    )
    save_every: int = field(
        default=20,
        metadata={"help": "Updates between two checkpoints; a kill costs at most this many.", "unit": "updates", "min": 1},
    )

    audit_at: str = audit.at_field()
    audit_prompts: int = audit.prompts_field()

    def check(self) -> dict[str, str]:
        """What is wrong with fields whose words a type cannot tell."""
        return {**rewards.errors(self.rewards), **audit.errors(self)}


def main(run: RunDir, config: Config) -> None:
    """Networks, prompts, rollouts and what is learned from them, the gain on held-out prompts."""
    from transformers import set_seed

    from training import ppo_networks
    from training.looks import Looks
    from training.ppo_learner import Learner, resumable

    processes.join(run)
    set_seed(run.seed)
    saved = resumable(run, config)
    nets = ppo_networks.load(run.required("model"), reward_model(run, config), saved, lora_rank=config.lora_rank)
    prompts = read(run, config, nets, ("train",))
    looks = Looks(run, config, nets, read(run, config, nets, ("validation", "test")))
    learner = Learner(nets, config)
    if saved:
        learner.restore(saved)
    else:
        learner.held_out = looks.measure(learner.updates)
    run.progress(learner.updates, config.updates, "updates")
    while learner.updates < config.updates:
        update(run, config, prompts, learner, looks)
        if learner.updates < config.updates:
            between(run, config, learner, looks)
    finish(run, config, nets, learner.held_out, looks.measure(learner.updates))


def update(run: RunDir, config: Config, prompts: list[Asked], learner: Learner, looks: Looks) -> None:
    """One rollout and what is learned from it. Its curves are told even where a guard stops the run."""
    from training.hf import NotFinite
    from training.ppo_rollout import gather

    number, good = learner.updates, last_good(run, learner.updates)
    experience = gather(config, learner.nets, following(prompts, learner.asked, config.rollout_size, run.seed))
    figures = experience.figures()
    told: dict[str, float] = {}
    try:
        learner.watch.see(figures, good)
        looks.ask_people(number, figures["kl"])
        told = learner.learn(experience)
        learner.watch.see(told, good)
    except NotFinite as error:
        raise ppo_guards.Tripped(ppo_guards.FINITE, f"{error}; last good checkpoint: {good}") from None
    finally:
        run.metrics(number + 1, **figures, **told)
    learner.asked += config.rollout_size
    run.progress(learner.updates, config.updates, "updates")


def last_good(run: RunDir, updates: int) -> str:
    """The newest checkpoint whose policy was looked at after it: of one that was saved just now nothing is known yet."""
    good = [path.name for path in run.checkpoints() if int(path.name.removeprefix("step-")) < updates]
    return good[-1] if good else "none"


def between(run: RunDir, config: Config, learner: Learner, looks: Looks) -> None:
    """The border between two rollouts, where a run may be looked at, saved and stopped."""
    if learner.updates % config.valid_every == 0:
        looks.measure(learner.updates)
    stop = processes.anywhere(run.stop_requested, learner.nets.device)
    if stop or learner.updates % config.save_every == 0:
        learner.save(run)
    if stop:
        raise Stopped(f"stopped at update {learner.updates} of {config.updates}; saved")


def finish(run: RunDir, config: Config, nets: Networks, start: dict[str, float], end: dict[str, float]) -> None:
    """The policy with its figures: reward of the model as it came in and as it goes out, on the same prompts and seed."""
    from training.looks import gain

    policy, figures = weights.merged(nets.policy), gain(start, end)
    weights.save(run, policy, nets.tokenizer, role="causal-lm", recipe="ppo", step=config.updates, figures=figures)
