"""The river on text and judgements that nobody here wrote, through the REST door alone.

    python -m bench.real_river [--data ../shared/data] [--samples samples.md]

Shakespeare → tokenizer → pretrain; 175 demonstrations of self-instruct → SFT → samples; the human preferences of the Tülu paper,
with their raters → reward model; perplexity of the base on the last tenth of Shakespeare and on WikiText-2. Ends with 2 where the
data is not there.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench import real_data, real_plan
from bench.servers import free_port
from demo.client import Client
from demo.river import River
from demo.site import Site

PROJECT = "Real river"
CONTEST = ("tulu_65B", "chatgpt")  # wins, losses and ties published: 27.7, 39.2 and 33.1 %

Row = dict[str, Any]


class RealRiver(River):
    """The demo's walk, with other people's data in place of its own."""

    def __init__(self, site: Site, data: Path):
        super().__init__(site, real_plan)
        self.data = data

    def flow(self) -> tuple[Row, list[tuple[str, str]]]:
        """The figures, and the samples as (prompt, answer)."""
        base, shakespeare = self.pretrain_base()
        wikitext = self.perplexity(base, "wikitext2", real_data.text(self.data / real_data.WIKITEXT), real_data.WIKITEXT)
        sft, demonstrated = self.demonstrate_base(base)
        reward = self.learn_preferences(sft)
        figures = {
            "pretrain": shakespeare,
            "wikitext2_valid": wikitext,
            "sft": demonstrated,
            "reward": reward,
            "seconds": round(time.monotonic() - self.began),
        }
        return figures, self.samples(sft)

    # The stages -----------------------------------------------------------------------------------------------------------

    def settle(self) -> None:  # type: ignore[override]
        """A project and its lead; nobody rates here."""
        with self.progress.stage("a project and its lead", self.plan.SECONDS["settle"]):
            self.site.person("lena", PROJECT, "lead", "--create-project")
            self.lead = Client(self.site.url, self.site.token("lena"))
            self.project = self.lead.every("projects/")[0]["id"]

    def pretrain_base(self) -> tuple[Row, Row]:
        """The base model, and its figures on Shakespeare: those of its own held-out documents and those of the last tenth."""
        scenes = real_data.scenes(real_data.text(self.data / real_data.SHAKESPEARE), self.plan.SPEECHES)
        cut = round(len(scenes) * (1 - self.plan.HELD_OUT))
        corpus = self.corpus("shakespeare", "\n\n".join(scenes[:cut]), real_data.SHAKESPEARE)
        tokenizer = self.run("tokenizer", inputs={"corpus": corpus["id"]})
        base = self.run("pretrain", inputs={"corpus": corpus["id"], "tokenizer": tokenizer["id"]})
        card = base["card"]["figures"]
        figures = {
            "parameters": base["card"]["parameters"],
            "perplexity_start": rounded(card["perplexity_start"]),
            "perplexity_end": rounded(card["perplexity_end"]),
            "valid_loss": rounded(card["valid_loss"]),
            "last_tenth": self.perplexity(base, "shakespeare-last-tenth", "\n\n".join(scenes[cut:]), real_data.SHAKESPEARE),
        }
        return base, figures

    def demonstrate_base(self, base: Row) -> tuple[Row, Row]:
        """The base model learns from the demonstrations."""
        rows = [real_data.demonstration(row) for row in real_data.rows(self.data / real_data.SELF_INSTRUCT)]
        report = self.bring("demonstrations", rows, real_data.SELF_INSTRUCT)
        self.asked = self.freeze("self-instruct")
        sft = self.run("sft", inputs={"model": base["id"], "dataset": self.asked["id"]})
        names = ("valid_loss", "token_accuracy", "rows")
        figures = {name: rounded(sft["card"]["figures"][name]) for name in names}
        start = next(point["data"] for point in self.events(sft, "metrics") if "valid_loss" in point["data"])
        return sft, {
            "imported": report["added"],
            "valid_loss_start": rounded(start["valid_loss"]),
            **figures,
            "said": self.said(sft),
        }

    def learn_preferences(self, sft: Row) -> Row:
        """A reward model from the preferences of people; how they fell, and how often it is right on prompts it never saw."""
        rows = [real_data.ranking(row) for row in real_data.rows(self.data / real_data.TULU)]
        report = self.bring("rankings", rows, real_data.TULU)
        snapshot = self.freeze("tulu")
        reward = self.run("reward", inputs={"model": sft["id"], "dataset": snapshot["id"]})
        card = reward["card"]["figures"]
        judged = [row for row in self.rows(snapshot, format="rows") if row["kind"] == "compare"]
        pairs = [pair for split in ("validation", "test") for pair in self.rows(snapshot, format="preference", split=split)]
        return {
            "imported": report["added"],
            "skipped": [f"line {problem['line']}: {problem['reason']}" for problem in report["problems"]],
            "judgements": len(judged),
            "raters": len({row["rater"] for row in judged}),
            "_vs_".join(CONTEST): shares(judged, *CONTEST),
            "accuracy": rounded(card["accuracy"]),
            "interval": [rounded(card["accuracy_low"]), rounded(card["accuracy_high"])],
            "pairs": int(card["pairs"]),
            "valid_loss": rounded(card["valid_loss"]),
            "test_split": self.accuracy(reward, snapshot),
            "longer_is_better": rounded(sum(longer(pair) for pair in pairs) / len(pairs)),
            "said": self.said(reward),
        }

    def samples(self, sft: Row) -> list[tuple[str, str]]:
        """What the fine-tuned model answers to prompts that it never saw, in their order."""
        self.sample(sft, self.asked, "answers", **self.plan.SAMPLE)
        prompts = {row["id"]: row["messages"][-1]["content"] for row in self.lead.every(f"projects/{self.project}/prompts/")}
        answers = self.lead.every(f"projects/{self.project}/samples/", model=sft["name"])
        return [(prompts[row["prompt"]], row["messages"][-1]["content"]) for row in answers]

    # What the stages are made of ------------------------------------------------------------------------------------------

    def corpus(self, name: str, text: str, file: str) -> Row:
        """Uploads a text."""
        fields = {"name": name, "language": "en", "source": file, "licence": real_data.LICENCES[file]}
        return self.made("corpora", name, data=fields, files={"file": (f"{name}.txt", text.encode(), "text/plain")})

    def bring(self, shape: str, rows: list[Row], file: str) -> Row:
        """Imports rows, those that are bad left out; returns the report that names them."""
        fields = {"shape": shape, "commit": "true", "skip_bad": "true", "language": "en", "source": file}
        fields["licence"] = real_data.LICENCES[file]
        upload = (f"{shape}.jsonl", real_data.jsonl(rows), "application/jsonl")
        with self.progress.stage(f"import of {len(rows)} {shape}", self.plan.SECONDS[shape]):
            # To import twice adds nothing: an answer that was lost needs no looking for what was made.
            return self.lead.make(f"projects/{self.project}/imports/", lambda: None, data=fields, files={"file": upload})

    def perplexity(self, model: Row, name: str, text: str, file: str) -> Row:
        """Of a whole text, per token and per byte, with intervals."""
        corpus = self.corpus(name, text, file)
        found = self.measured(f"perplexity on {name}", model, {"corpus": corpus["id"]}, self.plan.PERPLEXITY)
        perplexity, bits = found["perplexity"], found["bits_per_byte"]
        return {
            "perplexity": rounded(perplexity["value"]),
            "interval": [rounded(perplexity["low"]), rounded(perplexity["high"])],
            "nats_per_token": rounded(math.log(perplexity["value"])),
            "nats_per_byte": rounded(bits["value"] * math.log(2)),
            "bits_per_byte": rounded(bits["value"]),
            "tokens": perplexity["counted"],
            "bytes": bits["counted"],
        }

    def accuracy(self, reward: Row, snapshot: Row) -> Row:
        """Of a reward model on the test split alone, its interval drawn over prompts: answers of one prompt are not independent."""
        found = self.measured("reward accuracy", reward, {"dataset": snapshot["id"]}, self.plan.ACCURACY)["reward_accuracy"]
        return {
            "accuracy": rounded(found["value"]),
            "interval": [rounded(found["low"]), rounded(found["high"])],
            "pairs": found["counted"],
            "prompts": found["n"],
        }

    def measured(self, name: str, model: Row, inputs: dict[str, int], config: Row) -> dict[str, Row]:
        """What an evaluation of one checkpoint reports, by measure."""
        evaluation = self.made("evaluations", name, json={"checkpoints": [model["id"]], "inputs": inputs, "config": config})
        for run in evaluation["runs"]:
            self.wait(self.lead.get(f"runs/{run}/"))
        report = self.lead.get(f"evaluations/{evaluation['id']}/")["report"]
        return {measure["name"]: measure["rows"][0] for measure in report["measures"]}

    def rows(self, snapshot: Row, **query: str) -> list[Row]:
        """The rows of a snapshot as they stream."""
        url = f"{self.site.url}/api/snapshots/{snapshot['id']}/rows/"
        answer = self.lead.session.get(url, params=query, stream=True, timeout=60)
        answer.raise_for_status()
        return [json.loads(line) for line in answer.iter_lines()]

    def said(self, checkpoint: Row) -> list[str]:
        """What the run that made it said of its data: what was kept, what was left out."""
        return [event["data"]["text"] for event in self.events(checkpoint, "message")]

    def events(self, checkpoint: Row, kind: str) -> list[Row]:
        """What happened to the run that made it, oldest first."""
        return self.lead.every(f"runs/{checkpoint['run']}/events/", kind=kind)


def shares(judged: list[Row], ours: str, theirs: str) -> dict[str, float]:
    """How people's comparisons of two models fell, in shares of all."""
    fell: Counter[str] = Counter()
    for row in judged:
        grades = {answer["model"]: answer["grades"]["overall"] for answer in row["answers"]}
        if set(grades) == {ours, theirs}:
            margin = grades[ours] - grades[theirs]
            fell["wins" if margin > 0 else "losses" if margin < 0 else "ties"] += 1
    return {"n": fell.total(), **{name: rounded(fell[name] / fell.total()) for name in ("wins", "losses", "ties")}}


def longer(pair: Row) -> float:
    """1 where the preferred answer is the longer one, a half where both have one length: the rule that a reward model must beat."""
    chosen, rejected = (len(pair[side][-1]["content"]) for side in ("chosen", "rejected"))
    return 0.5 if chosen == rejected else float(chosen > rejected)


def rounded(value: float) -> float:
    """Four significant figures after the point are more than these data bear."""
    return round(value, 4)


def page(samples: list[tuple[str, str]]) -> str:
    """Prompts and answers as Markdown; hostile text stays inside its block."""
    return "\n".join(f"**Prompt**\n\n{quoted(prompt)}\n\n**Answer**\n\n{quoted(answer)}\n\n---\n" for prompt, answer in samples)


def quoted(text: str) -> str:
    """Each line as code: nothing in it is Markdown. An answer of blanks alone is said to be nothing."""
    return "\n".join(f"    {line}" for line in (text if text.strip() else "(nothing)").splitlines())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the published files")
    parser.add_argument("--samples", type=Path, help="a Markdown file for the samples")
    args = parser.parse_args()
    if missing := [name for name in real_data.FILES if not (args.data / name).exists()]:
        print(f"Skipped: {args.data} lacks {', '.join(missing)}. Name their folder with --data.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="crisol-real-") as folder:
        site = Site(Path(folder), free_port())
        with site.served():
            river = RealRiver(site, args.data)
            river.settle()
            figures, samples = river.flow()
            river.progress.close()
    print(page(samples))
    if args.samples:
        args.samples.write_text(page(samples), encoding="utf-8")
    print(json.dumps(figures, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
