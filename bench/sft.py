"""`sft` with and without packing, and beside a bare TRL script, on conversations as long as real ones.

    OMP_NUM_THREADS=2 python -m bench.sft [--data ../shared/data] [--rounds 2] [--seeds 3]

The conversations: self-instruct's 175 tasks and the first 175 of GSM8K, those of at most 512 tokens; the model: a random Llama
of 10M weights and its embedding, with a tokenizer made of them.

Speed: an epoch over some of them, by three sides in processes of their own, in turn: the recipe, the recipe with packing (as
many tokens a step), and TRL's SFTTrainer (`bench/trl_sft.py`: no packing, no gradient checkpointing, the loss of assistants
alone), which gets the recipe's batches in the recipe's order, so that its losses must be the recipe's. Tokens are those of
conversations, padding is none; the first step of each process is not counted. Two equal epochs of different rows a step do not
cost the same by chance: only `overhead_vs_trl` compares step by step.

Learning: a Llama of 1M weights, three epochs, with and without packing, from as many seeds: the loss on held-out conversations.

The last line is JSON: `packed_over_padded` (tokens a second), `overhead_vs_trl` (seconds of a step by TRL's, less 1; the
median), and the figures of each side; `losses`: means and deviations over seeds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

from tqdm import tqdm

from annotation import frozen
from bench import real_data
from bench.pretrain import watched
from bench.servers import ROOT
from training import packing, text
from training.recipes import pretrain, sft, tokenizer
from training.rundir import RunDir

SIDES = ("padded", "packed", "trl")
ROOM, EACH = 512, 175
HELD_OUT, EPOCHS = 64, 3
GSM8K = "instr_gsm8k_train.jsonl.gz"
SEED = 1
RHYTHM = {"log_every": 1, "valid_every": 10**6, "save_every": 10**6, "max_length": ROOM}

Row = dict[str, Any]


# The world ------------------------------------------------------------------------------------------------------------------


def chats(data: Path) -> list[list[Row]]:
    """The conversations, the two sources in turn."""
    instructed = [real_data.demonstration(row) for row in real_data.rows(data / real_data.SELF_INSTRUCT)]
    solved = [{"prompt": row["question"], "response": row["answer"]} for row in real_data.rows(data / GSM8K)[:EACH]]
    return [chat(one) for pair in zip(instructed[:EACH], solved, strict=True) for one in pair]


def chat(row: Row) -> list[Row]:
    return [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["response"]}]


def world(data: Path, folder: Path) -> list[list[Row]]:
    """Writes tokenizer and models into a folder; the conversations that fit into a row."""
    from transformers import set_seed

    said = chats(data)
    lines = ["\n".join(message["content"] for message in one).replace("\n\n", "\n") for one in said]
    (folder / "corpus.txt").write_text("\n\n".join(lines), encoding="utf-8")
    run(folder / "tokenizer", tokenizer.__name__, {"corpus": folder / "corpus.txt"}, {"vocab_size": 4096})
    made = text.load_tokenizer(folder / "tokenizer" / "out")
    for size in ("10M", "1M"):
        set_seed(SEED)
        for part in (pretrain.new_model(pretrain.Config(size=size, block_size=ROOM), made), made):
            part.save_pretrained(folder / size)
    return [one for one in said if len(text.encode_chat(made, one).input_ids) <= ROOM]


def snapshot(folder: Path, train: list[list[Row]], valid: list[list[Row]]) -> Path:
    """Conversations as judgements in which somebody wrote the answer."""
    rows = [written(number, one, "train") for number, one in enumerate(train)]
    rows += [written(len(train) + number, one, "validation") for number, one in enumerate(valid)]
    frozen.write(folder, [], rows)
    return folder


def written(number: int, said: list[Row], split: str) -> Row:
    """One of its rows."""
    answer = {"sample_id": number, "messages": said[1:], "model": "", "author": "r1", "written": True, "grades": {}}
    about = {"language": "en", "source": "bench", "licence": "", "split": split, "tools": [], "rater": "r1", "guidelines": None}
    numbers = {"judgement_id": number, "task_id": number, "prompt_id": number}
    return {**numbers, **about, "kind": "write", "seconds": 1.0, "prompt": said[:1], "answers": [answer]}


def run(folder: Path, main: str, inputs: dict[str, Path], config: Row, seed: int = SEED) -> list[Row]:
    """The events of a run in a process of its own."""
    places = {name: str(path) for name, path in inputs.items()}
    spec = {"run": 1, "recipe": main.rpartition(".")[2], "main": main, "config": config, "inputs": places, "input_names": {}}
    RunDir.create(folder, {**spec, "seed": seed, "resources": {}})
    watched([sys.executable, "-m", "training.train", str(folder)])
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


# Speed ----------------------------------------------------------------------------------------------------------------------


class Sizes:
    """How long conversations are, alone and packed, and which of them the recipe learns together."""

    def __init__(self, model: Path, said: list[list[Row]], rows: int):
        made = text.load_tokenizer(model)
        alone = [len(text.encode_chat(made, one).input_ids) for one in said]
        packed = [len(row["ids"]) for row in packing.Packed([{"ids": [0] * size, "learned": [1] * size} for size in alone], ROOM)]
        self.sizes = {"padded": alone, "packed": packed}
        steps = -(-len(said) // rows)
        self.rows = {"padded": rows, "packed": -(-len(packed) // steps)}

    def config(self, side: str) -> Row:
        """What makes the recipe learn them so."""
        return {"packing": side == "packed", "batch_size": self.rows[side]}

    def batches(self, side: str) -> list[list[int]]:
        """The places of each step's rows, as the recipe draws them in its first epoch."""
        from training.steps import Order

        count, rows = len(self.sizes[side]), self.rows[side]
        order = list(Order(count, 1, SEED))
        return [order[at : at + rows] for at in range(0, count, rows)]

    def tokens(self, side: str) -> list[int]:
        """Tokens of each step's conversations."""
        return [sum(self.sizes[side][place] for place in batch) for batch in self.batches(side)]


class Speed:
    """Three sides that learn the same conversations once."""

    def __init__(self, args: argparse.Namespace, folder: Path, said: list[list[Row]]):
        self.folder, self.said = folder, said[: args.steps * args.batch_size]
        self.inputs = {"model": folder / "10M", "dataset": snapshot(folder / "speed", self.said, [])}
        self.sizes = Sizes(folder / "10M", self.said, args.batch_size)

    def steps(self, side: str, number: int) -> list[Row]:
        """(when it ended, its loss) of each step of one process."""
        if side == "trl":
            return self.trl()
        config = {**RHYTHM, **self.sizes.config(side), "epochs": 1, "learning_rate": 1e-3}
        told = run(self.folder / f"{side}-{number}", sft.__name__, self.inputs, config)
        return [event for event in told if event["kind"] == "metrics" and "loss" in event]

    def trl(self) -> list[Row]:
        """The same of TRL's trainer, in the recipe's order."""
        config = {
            "output_dir": str(self.folder / "trl"),
            "max_length": ROOM,
            "assistant_only_loss": True,
            "per_device_train_batch_size": self.sizes.rows["padded"],
            "num_train_epochs": 1,
            "learning_rate": 1e-3,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 1,
            "gradient_checkpointing": False,
            "train_sampling_strategy": "sequential",
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": [],
            "disable_tqdm": True,
            "use_cpu": True,
            "bf16": False,
            "seed": SEED,
        }
        ordered = [self.said[place] for batch in self.sizes.batches("padded") for place in batch]
        files = {"model": str(self.folder / "10M"), "figures": str(self.folder / "trl.jsonl")}
        (self.folder / "work.json").write_text(json.dumps({**files, "chats": ordered, "config": config}))
        watched([sys.executable, str(ROOT / "bench" / "trl_sft.py"), str(self.folder / "work.json")])
        return [json.loads(line) for line in (self.folder / "trl.jsonl").read_text().splitlines()]


def speed(args: argparse.Namespace, folder: Path, said: list[list[Row]]) -> Row:
    """Tokens a second of three sides, in turn."""
    sides = Speed(args, folder, said)
    seconds: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    losses: dict[str, list[float]] = {}
    for number in tqdm(range(args.rounds), desc="speed"):
        for side in SIDES:
            steps = sides.steps(side, number)
            seconds[side].append([after["at"] - before["at"] for before, after in pairwise(steps)])
            losses[side] = [step["loss"] for step in steps]
    tokens = {side: sum(sides.sizes.tokens("packed" if side == "packed" else "padded")[1:]) for side in SIDES}
    rates = {side: statistics.median(tokens[side] / sum(one) for one in rounds) for side, rounds in seconds.items()}
    pairs = zip(chain(*seconds["padded"]), chain(*seconds["trl"]), strict=True)
    return {
        "packed_over_padded": round(rates["packed"] / rates["padded"], 3),
        "overhead_vs_trl": round(statistics.median(ours / theirs for ours, theirs in pairs) - 1, 4),
        "tokens_per_s": {side: round(rate, 1) for side, rate in rates.items()},
        "rows_per_step": sides.sizes.rows,
        "losses_apart_from_trl": max(abs(a - b) for a, b in zip(losses["padded"], losses["trl"], strict=True)),
    }


# Learning -------------------------------------------------------------------------------------------------------------------


def learning(args: argparse.Namespace, folder: Path, said: list[list[Row]]) -> Row:
    """Losses on held-out conversations before and after each epoch, with and without packing: means and deviations over seeds."""
    train, valid = said[:-HELD_OUT], said[-HELD_OUT:]
    inputs = {"model": folder / "1M", "dataset": snapshot(folder / "learning", train, valid)}
    sizes = Sizes(folder / "1M", train, args.learning_rows)
    curves: dict[str, list[list[float]]] = {side: [] for side in ("padded", "packed")}
    for seed in tqdm(range(1, args.seeds + 1), desc="learning"):
        for side, found in curves.items():
            config = {
                **RHYTHM,
                **sizes.config(side),
                "epochs": EPOCHS,
                "learning_rate": 3e-3,
                "valid_every": len(sizes.batches(side)),
            }
            events = run(folder / f"{side}-of-{seed}", sft.__name__, inputs, config, seed)
            found.append([event["valid_loss"] for event in events if event["kind"] == "metrics" and "valid_loss" in event])
    return {side: summary(found) for side, found in curves.items()}


def summary(curves: list[list[float]]) -> Row:
    """Mean and standard deviation over seeds, at each look."""
    looks = list(zip(*curves, strict=True))
    means = [round(statistics.fmean(look), 4) for look in looks]
    return {"mean": means, "deviation": [round(statistics.stdev(look), 4) if len(look) > 1 else None for look in looks]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the published files")
    parser.add_argument("--rounds", type=int, default=2, help="processes of each side, in turn; 0 leaves speed out")
    parser.add_argument("--steps", type=int, default=5, help="steps of each process; the first is not counted")
    parser.add_argument("--batch-size", type=int, default=32, help="conversations a step, where they are not packed")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each side of the part on learning; 0 leaves it out")
    parser.add_argument("--learning-rows", type=int, default=32, help="conversations a step of that part")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        said = world(args.data, Path(place))
        told = speed(args, Path(place), said) if args.rounds else {}
        if args.seeds:
            told["losses"] = learning(args, Path(place), said)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
