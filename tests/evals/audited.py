"""Runs that logged audits, and raters who answer them."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from annotation import desk
from annotation.models import Prompt, Task
from evals import audits
from tests.training.rows import a_checkpoint, a_folder, a_run
from training import audit
from training.models import Run
from training.reading import read_events


@dataclass(frozen=True)
class Stage:
    """One audit to plant: where, and what the policy gains there by score and by gold."""

    step: int
    kl: float
    score: float
    gold: float | None = None


def an_audited_run(project, user, stages: list[Stage], prompts: int = 6, at: str = "1 2 3 4 5 6") -> Run:
    """A ppo run from the checkpoint `sft` whose events tell of these audits."""
    config = {"audit_at": at, "audit_prompts": prompts}
    run = a_run(project, user, "ppo", {"model": a_checkpoint(project, "sft")}, config=config, state=Run.State.RUNNING)
    asked = [
        Prompt.objects.create(project=project, messages=[{"role": "user", "content": f"Question {n}"}]) for n in range(prompts)
    ]
    looks = audit.Audit(a_folder(run), SimpleNamespace(**config), [prompt.pk for prompt in asked])
    for stage in stages:
        looks.log(stage.step, stage.kl, [a_row(prompt, stage, number) for number, prompt in enumerate(looks.prompts)])
    read_events(run)
    return run


def a_row(prompt: int, stage: Stage, number: int) -> audit.Row:
    """The prompts differ a little in what they gain, so that figures have intervals."""
    said = {side: [{"role": "assistant", "content": f"{side} {stage.step} {prompt}"}] for side in audits.SIDES}
    wave = 0.4 * (-1) ** number
    gold = {} if stage.gold is None else {"gold_policy": stage.gold + wave, "gold_reference": 0.0}
    return {"prompt_id": prompt, **said, "score_policy": stage.score + wave, "score_reference": 0.0, **gold}


def judge(user, project, verdict) -> None:
    """The rater fills every seat; `verdict(step, number of the task among its step's)` is +1 for the policy, -1, or 0 for a tie."""
    seen: dict[int, int] = {}
    while seat := desk.claim(user, project):
        policy, reference = policy_first(seat.task)
        step = int(policy.model.split("@")[1])
        wish = verdict(step, seen.setdefault(step, 0))
        seen[step] += 1
        answer = {"preferred": None} if wish == 0 else {"preferred": (policy if wish > 0 else reference).pk, "strength": 2}
        desk.fill(seat, user, answer, key=f"{user.pk}-{seat.pk}")


def policy_first(task: Task):
    return sorted(task.samples.all(), key=lambda sample: "@" not in sample.model)
