"""The river, walked through the REST door: every stage reads what the one before it left.

corpus → tokenizer → pretrain → people write → SFT → samples → people rank → reward → PPO and DPO → people compare → report
    → samples of the new model → people …
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

from demo import people, raters, world
from demo import plan as demo_plan
from demo.client import Client, signed_in
from demo.people import Person
from demo.progress import Progress
from demo.site import Site

PROJECT = "Demo · synthetic facts in English and Spanish"
GUIDELINES = """Everything here is **synthetic**: a made-up world, simulated raters.

A good answer is *correct*, in the *language of the question*, *short*, and *ends kindly*. A wrong or unfinished answer
is unacceptable.

---

Todo aquí es **sintético**: un mundo inventado, evaluadores simulados.

Una buena respuesta es *correcta*, está en el *idioma de la pregunta*, es *breve* y *termina con amabilidad*. Una respuesta
equivocada o sin terminar es inaceptable.
"""
ENDED = {"succeeded", "failed", "stopped"}
NAMES = {"base": "pretrain"}
CONTESTS = (("sft", "base"), ("ppo", "sft"), ("dpo", "sft"))


class River:
    """One walk from a prompt to a report. `plan` says sizes and rates (`demo/plan.py`)."""

    def __init__(self, site: Site, plan: ModuleType = demo_plan, resources: dict[str, Any] | None = None):
        self.site, self.plan, self.resources = site, plan, resources or {}
        self.progress = Progress(sum(seconds * plan.TIMES.get(stage, 1) for stage, seconds in plan.SECONDS.items()))
        self.began = time.monotonic()
        self.receipts: list[dict[str, Any]] = []

    def walk(self) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
        """Every stage, in order; returns the figures that `make demo` prints, and the logins of a rater and a lead."""
        logins = self.settle()
        figures = self.flow()
        self.progress.close()
        return figures, logins

    def flow(self) -> dict[str, Any]:
        """From the corpus to the report and back to the raters; returns the figures."""
        base = self.pretrain()
        sft = self.demonstrate(base)
        snapshot = self.rank(sft)
        reward, ppo, dpo = self.learn(sft, snapshot)
        evaluation = self.compare(snapshot, reward, {"base": base, "sft": sft, "ppo": ppo, "dpo": dpo})
        self.leave_work(ppo, sft, snapshot)
        return self.figures(base, reward, ppo, evaluation)

    # The stages -----------------------------------------------------------------------------------------------------------

    def settle(self) -> dict[str, dict[str, str]]:
        """A project with its lead, its raters and its prompts."""
        with self.progress.stage("a project, its people and its prompts", self.plan.SECONDS["settle"]) as report:
            logins = {
                "lead": {"name": "lena", "password": self.site.person("lena", PROJECT, "lead", "--create-project", "--superuser")},
                "rater": {"name": "rita", "password": self.site.person("rita", PROJECT, "rater")},
            }
            self.lead = Client(self.site.url, self.site.token("lena"))
            self.browser = signed_in(self.site.url, **logins["lead"])
            self.project = next(row["id"] for row in self.lead.every("projects/") if row["name"] == PROJECT)
            self.lead.put(f"projects/{self.project}/", {"guidelines": GUIDELINES}, method="PATCH")
            with ThreadPoolExecutor(2) as pool:
                self.people = list(pool.map(self._person, raters.RATERS))
            report(0.8)
            prompts = world.prompts(self.plan.PROMPTS, seed=self.plan.SEED)
            self.lead.put(f"projects/{self.project}/prompts/", {"prompts": prompts})
            self.prompts = [row["id"] for row in self.lead.every(f"projects/{self.project}/prompts/")]
        return logins

    def _person(self, rater: raters.Rater) -> Person:
        self.site.person(rater.name, PROJECT, "rater")
        return Person(rater, Client(self.site.url, self.site.token(rater.name)))

    def pretrain(self) -> dict[str, Any]:
        """A corpus becomes a tokenizer and a base model."""
        text = world.corpus(self.plan.SEED, self.plan.DOCUMENTS)
        fields = {"name": "demo-world", "language": "en+es", "source": world.SOURCE, "licence": world.LICENCE}
        file = ("demo-world.txt", text.encode(), "text/plain")
        corpus = self.made("corpora", "demo-world", data=fields, files={"file": file})
        tokenizer = self.run("tokenizer", inputs={"corpus": corpus["id"]})
        return self.run("pretrain", inputs={"corpus": corpus["id"], "tokenizer": tokenizer["id"]})

    def demonstrate(self, base: dict[str, Any]) -> dict[str, Any]:
        """People write ideal answers; the base model learns from them."""
        self.ask("write", prompts=self.prompts[: self.plan.WRITINGS])
        self.judge("people write answers", self.plan.WRITINGS, "writing")
        snapshot = self.freeze("demonstrations")
        return self.run("sft", inputs={"model": base["id"], "dataset": snapshot["id"]})

    def rank(self, sft: dict[str, Any]) -> dict[str, Any]:
        """The model answers, people rank; returns the snapshot of their rankings."""
        snapshot = self.freeze("prompts")
        self.sample(sft, snapshot, "answers-to-rank", **self.plan.SAMPLE)
        groups = list(self.answers(sft["name"]).values())[: self.plan.RANKINGS]
        self.ask("rank", groups=groups)
        self.judge("people rank answers", len(groups), "ranking")
        return self.freeze("rankings")

    def learn(self, sft: dict[str, Any], snapshot: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """A reward model from the rankings; PPO against it; DPO without it."""
        reward = self.run("reward", inputs={"model": sft["id"], "dataset": snapshot["id"]})
        ppo = self.begin("ppo", inputs={"model": sft["id"], "reward": reward["id"], "prompts": snapshot["id"]})
        dpo = self.begin("dpo", inputs={"model": sft["id"], "dataset": snapshot["id"]})
        return reward, self.made_by(ppo), self.made_by(dpo)

    def compare(self, snapshot: dict[str, Any], reward: dict[str, Any], models: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Each model answers the held-out prompts; people compare pairs of them, blind; the metrics join them on the report."""
        asked = [self.begin_sampling(model, snapshot, f"held-out-{name}", **self.plan.HELD_OUT) for name, model in models.items()]
        for run in asked:
            self.wait(run)
        size = {"count": self.plan.COMPARISONS, "overlap": self.plan.COMPARISON_OVERLAP}
        evaluation = self.made(
            "evaluations",
            "Did people's judgements make it better?",
            json={
                "checkpoints": [model["id"] for model in [*models.values(), reward]],
                "inputs": {"dataset": snapshot["id"], "reward": reward["id"]},
                "config": self.plan.EVALUATE,
                "contests": [{"first": models[a]["id"], "second": models[b]["id"], **size} for a, b in CONTESTS],
            },
        )
        wanted = len(CONTESTS) * self.plan.COMPARISONS * self.plan.COMPARISON_OVERLAP
        self.judge("people compare models, blind", wanted, "comparing")
        for run in evaluation["runs"]:
            self.wait(self.lead.get(f"runs/{run}/"))
        return self.lead.get(f"evaluations/{evaluation['id']}/")

    def leave_work(self, new: dict[str, Any], old: dict[str, Any], snapshot: dict[str, Any]) -> None:
        """The new model's answers go back to the raters, beside the old one's: rankings and writings wait on the desk."""
        self.sample(new, snapshot, "back-to-the-raters", **self.plan.BACK)
        self.ask("rank", groups=self.different(new["name"], old["name"])[: self.plan.LEFT_OPEN])
        self.ask("write", prompts=self.prompts[self.plan.WRITINGS :][: self.plan.LEFT_OPEN])

    # What the stages are made of ------------------------------------------------------------------------------------------

    def run(self, recipe: str, inputs: dict[str, int]) -> dict[str, Any]:
        """Launches a run as the plan says, waits for its end, and returns its checkpoint."""
        return self.made_by(self.begin(recipe, inputs))

    def begin(self, recipe: str, inputs: dict[str, int]) -> dict[str, Any]:
        """Launches a run as the plan says."""
        return self.launch(recipe, getattr(self.plan, recipe.upper()), inputs, name=f"demo-{recipe}")

    def made_by(self, run: dict[str, Any]) -> dict[str, Any]:
        """The checkpoint of a run, once it has ended well."""
        return self.lead.get(f"checkpoints/{self.wait(run)['checkpoints'][0]}/")

    def sample(self, model: dict[str, Any], snapshot: dict[str, Any], name: str, **config: Any) -> None:
        """Lets a model answer prompts."""
        self.wait(self.begin_sampling(model, snapshot, name, **config))

    def begin_sampling(self, model: dict[str, Any], snapshot: dict[str, Any], name: str, **config: Any) -> dict[str, Any]:
        return self.launch("sample", config, {"model": model["id"], "prompts": snapshot["id"]}, name=name)

    def launch(self, recipe: str, config: dict[str, Any], inputs: dict[str, int], name: str) -> dict[str, Any]:
        return self.made(
            "runs",
            name,
            json={"recipe": recipe, "config": config, "inputs": inputs, "seed": self.plan.SEED, "resources": self.resources},
        )

    def wait(self, run: dict[str, Any]) -> dict[str, Any]:
        """The run once it has succeeded, the bar moving with it; raises with the run's own reason when it has not."""
        title = f"{run['recipe']} · {run['name']}"
        with self.progress.stage(title, self.plan.SECONDS[run["recipe"]]) as report:
            while (run := self.lead.get(f"runs/{run['id']}/"))["state"] not in ENDED:
                if progress := run["progress"]:
                    report(progress["done"] / (progress["total"] or 1))
                time.sleep(0.3)
        if run["state"] != "succeeded":
            log = self.lead.get(f"runs/{run['id']}/log/")["log"]
            raise RuntimeError(f"Run {run['id']} ({title}) ended {run['state']}: {run['why']}\n{log}")
        return run

    def freeze(self, name: str) -> dict[str, Any]:
        """A snapshot of all judgements until now."""
        snapshot = self.made("snapshots", name, json=self.plan.SPLITS)
        while snapshot["state"] == "waiting":
            time.sleep(0.3)
            snapshot = self.lead.get(f"snapshots/{snapshot['id']}/")
        if snapshot["state"] != "frozen":
            raise RuntimeError(f"Snapshot {name!r} could not be frozen: {snapshot['error']}")
        return snapshot

    def ask(self, kind: str, **tasks: Any) -> None:
        """Puts tasks on the raters' desk."""
        self.lead.put(f"projects/{self.project}/tasks/", {"kind": kind, "overlap": 1, **tasks})

    def judge(self, title: str, wanted: int, seconds: str) -> None:
        """The simulated people work until nothing is left; `wanted` judgements are expected."""
        with self.progress.stage(f"{title} ({wanted})", self.plan.SECONDS[seconds]) as report:
            done = iter(range(1, wanted + 1))
            receipts = people.work(self.people, self.project, on_judgement=lambda: report(next(done, wanted) / wanted))
        self.receipts += receipts

    def answers(self, model: str) -> dict[int, list[int]]:
        """By prompt: the ids of a model's samples, newest first."""
        found: dict[int, list[int]] = {}
        for sample in self.lead.every(f"projects/{self.project}/samples/", model=model):
            found.setdefault(sample["prompt"], []).insert(0, sample["id"])
        return found

    def vote(self, evaluation: dict, a: str, b: str) -> dict[str, Any]:
        """How often people preferred `a` to `b`: the report puts the later checkpoint first, and so do CONTESTS."""
        names = (f"demo-{a}", f"demo-{NAMES.get(b, b)}")
        return next(vote for vote in evaluation["report"]["votes"] if (vote["first"], vote["second"]) == names)

    def different(self, new: str, old: str) -> list[list[int]]:
        """Groups to rank, the largest first: two to four answers to one prompt, no two alike, at least one of them by `new`."""
        path = f"projects/{self.project}/samples/"
        answers = self.lead.every(path, model=new)
        found: dict[int, dict[str, int]] = {sample["prompt"]: {} for sample in answers}
        for sample in [*answers, *self.lead.every(path, model=old)]:
            if sample["prompt"] in found:
                found[sample["prompt"]].setdefault(sample["messages"][-1]["content"], sample["id"])
        groups = sorted((list(texts.values())[:4] for texts in found.values()), key=len, reverse=True)
        return [group for group in groups if len(group) > 1]

    def made(self, what: str, name: str, *, json: dict[str, Any] | None = None, **body: Any) -> dict[str, Any]:
        """The project's thing of that name, made if it is not there: a call whose answer was lost makes nothing twice."""
        path = f"projects/{self.project}/{what}/"

        def find() -> dict[str, Any] | None:
            return next((row for row in self.lead.every(path) if row["name"] == name), None)

        if json is not None:
            body = {"json": {"name": name, **json}}
        return self.lead.make(path, find, **body)

    def figures(self, base: dict, reward: dict, ppo: dict, evaluation: dict) -> dict[str, Any]:
        """The last line of `make demo ARGS=--no-serve`, read from the checkpoints' cards and from the report."""
        path = self.site.home / "report.html"
        path.write_bytes(self.browser.get(f"{self.site.url}/evaluations/{evaluation['id']}/report.html").content)
        cards = {name: row["card"]["figures"] for name, row in (("base", base), ("reward", reward), ("ppo", ppo))}
        votes = {f"{a}_vs_{b}": self.vote(evaluation, a, b) for a, b in CONTESTS}
        return {
            "perplexity": {"pretrain_start": cards["base"]["perplexity_start"], "pretrain_end": cards["base"]["perplexity_end"]},
            "reward_accuracy": cards["reward"]["accuracy"],
            "reward": {"sft": cards["ppo"]["reward_start"], "ppo": cards["ppo"]["reward_end"]},
            "kl": cards["ppo"]["kl"],
            "win_rate": {contest: vote["value"] for contest, vote in votes.items()},
            "win_rate_interval": {contest: [vote["low"], vote["high"]] for contest, vote in votes.items()},
            "comparisons": {contest: vote["n"] for contest, vote in votes.items()},
            "report": str(path),
            "seconds": round(time.monotonic() - self.began),
        }
