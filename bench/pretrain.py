"""What `pretrain` learns from tinyshakespeare with nanoGPT's CPU settings, and how fast it is beside a plain PyTorch loop.

    OMP_NUM_THREADS=2 python -m bench.pretrain [--data ../shared/data] [--rounds 4] [--steps 6]

Learning: 4 layers, 4 heads, width 128, blocks of 64 characters, 12 a step, 2,000 steps, no dropout, as in nanoGPT's README, which
reaches a validation loss of 1.88 nats a character. The first nine tenths of the text are one document (line ends are written ⏎, so
that blank lines do not part it); the loss is of all characters of the last tenth, in blocks of 64 that begin without context.

Speed: steps of a Llama of GPT-2's 124M weights (12 layers, 12 heads, width 768, GPT-2's tokenizer) from the same weights on the
same text, by the recipe and by `bench/plain_loop.py`, in processes of their own, in turn; the first steps of each are not counted.
Both without compilation. The recipe keeps documents apart, the loop does not.

The last line is JSON: `val_loss`, `tokens_per_s_ratio` (the recipe's by the loop's, of medians), and each side's figures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bench import real_data, worlds
from bench.servers import ROOT
from training import text
from training.blocks import Blocks, collate
from training.recipes import pretrain
from training.rundir import RunDir

SIDES = ("recipe", "loop")
SHARE = 0.9
LINE_END = "⏎"
NANOGPT = {
    "size": "custom",
    "layers": 4,
    "heads": 4,
    "width": 128,
    "block_size": 64,
    "batch_size": 12,
    "max_steps": 2000,
    "learning_rate": 1e-3,
    "last_rate": 0.1,
    "warmup": 0.05,
    "adam_beta2": 0.99,
    "weight_decay": 0.1,
    "held_out": 0.0,
    "log_every": 100,
    "valid_every": 2000,
    "save_every": 2000,
}
SPEED = {"learning_rate": 6e-4, "last_rate": 0.1, "weight_decay": 0.1, "adam_beta2": 0.95, "max_grad_norm": 1.0}

Row = dict[str, Any]


# Learning -------------------------------------------------------------------------------------------------------------------


def character_tokenizer(characters: str) -> Any:
    """Each of these characters as a token, and the special tokens of every tokenizer that Crisol makes."""
    from tokenizers import Regex, pre_tokenizers

    tokenizer = worlds.word_tokenizer(sorted(set(characters)))
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return tokenizer


def learning(data: Path, folder: Path, changes: Row) -> Row:
    """A model of characters, trained by the recipe; its loss on the last tenth, in nats a character."""
    play = real_data.text(data / real_data.SHAKESPEARE).replace("\n", LINE_END)
    cut = round(len(play) * SHARE)
    tokenizer = character_tokenizer(play)
    tokenizer.save_pretrained(folder / "tokenizer")
    (folder / "corpus.txt").write_text(play[:cut], encoding="utf-8")
    inputs = {"corpus": folder / "corpus.txt", "tokenizer": folder / "tokenizer"}
    config = {**NANOGPT, **changes}
    events = recipe(folder / "characters", inputs, config)
    seconds = events[-1]["at"] - events[0]["at"]
    nats, characters = loss_of(folder / "characters" / "out", play[cut:], config["block_size"])
    return {"val_loss": round(nats / characters, 4), "characters": characters, "seconds": round(seconds, 1)}


def loss_of(model_folder: Path, said: str, block_size: int) -> tuple[float, int]:
    """(summed nats, characters) of a text under a model that reads it in blocks."""
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import AutoModelForCausalLM

    tokenizer = text.load_tokenizer(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder).eval()
    ids = tokenizer(said, add_special_tokens=False)["input_ids"]
    if len(ids) != len(said):
        raise ValueError(f"{len(said)} characters became {len(ids)} tokens")
    blocks = Blocks([ids], block_size, tokenizer.pad_token_id)
    nats, count = 0.0, 0
    with torch.no_grad():
        for at in range(0, len(blocks), 256):
            batch = collate([blocks[index] for index in range(at, min(at + 256, len(blocks)))])
            labels = batch.pop("labels")[:, 1:]
            logits = model(**batch, use_cache=False).logits[:, :-1]
            nats += float(cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum"))
            count += int((labels != -100).sum())
    return nats, count


# Speed ----------------------------------------------------------------------------------------------------------------------


def recipe(folder: Path, inputs: dict[str, Path], config: Row) -> list[Row]:
    """The events of a run of the recipe in a process of its own. RuntimeError where it did not succeed."""
    spec = {"run": 1, "recipe": "pretrain", "main": pretrain.__name__, "config": config, "input_names": {}, "seed": 1}
    RunDir.create(folder, {**spec, "inputs": {name: str(path) for name, path in inputs.items()}, "resources": {}})
    watched([sys.executable, "-m", "training.train", str(folder)])
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def watched(command: list[str]) -> None:
    """Runs a process to its end. RuntimeError with what it said if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")


def gpt2_tokenizer(data: Path) -> Any:
    """OpenAI's tokenizer with what Crisol needs of one: a padding token and a chat template."""
    from transformers import GPT2TokenizerFast

    merges = [tuple(line.split(" ")) for line in (data / "gpt2_merges.txt").read_text().split("\n")[1:] if line]
    made = GPT2TokenizerFast(vocab=json.loads((data / "gpt2_vocab.json").read_text()), merges=merges)
    text.adopt_tokenizer(made)
    return made


def prepared(data: Path, folder: Path, block_size: int, stream: bool) -> dict[str, Path]:
    """A random model and a corpus of paragraphs, or of one document, for the recipe; the same tokens end to end, for the loop."""
    import torch

    tokenizer = gpt2_tokenizer(data)
    torch.manual_seed(0)
    model = pretrain.new_model(pretrain.Config(size="124M", block_size=block_size), tokenizer)
    for part in (model, tokenizer):
        part.save_pretrained(folder / "model")
    lines = real_data.text(data / real_data.WIKITEXT).split("\n")
    said = "\n".join(line for line in lines if line.strip()) if stream else "\n".join(lines)
    (folder / "corpus.txt").write_text(said, encoding="utf-8")
    documents = text.encode_documents(tokenizer, list(text.documents(folder / "corpus.txt")))
    np.save(folder / "tokens.npy", np.concatenate([np.array(one, dtype=np.int32) for one in documents]))
    return {"corpus": folder / "corpus.txt", "model": folder / "model"}


def speed(args: argparse.Namespace, folder: Path) -> dict[str, list[float]]:
    """Seconds of each counted step, by side."""
    inputs = prepared(args.data, folder, args.block_size, args.stream)
    shared = {**SPEED, "batch_size": args.batch_size, "block_size": args.block_size}
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    for number in tqdm(range(args.rounds), desc="speed"):
        found["recipe"] += recipe_steps(folder / f"recipe-{number}", inputs, shared, args)
        found["loop"] += loop_steps(folder, shared, args)
    return found


def recipe_steps(folder: Path, inputs: dict[str, Path], shared: Row, args: argparse.Namespace) -> list[float]:
    """Mean seconds of a step of the recipe, from one point of its curve to the next."""
    rhythm = {"max_steps": args.steps, "warmup": 1 / args.steps, "log_every": args.log_every}
    rhythm |= {"valid_every": 10**6, "save_every": 10**6}
    config = {**shared, **rhythm, "held_out": 0.0, "compile": args.compile}
    ends = [event["at"] for event in recipe(folder, inputs, config) if event["kind"] == "metrics" and "loss" in event]
    return [(after - before) / args.log_every for before, after in pairwise(ends[args.uncounted // args.log_every - 1 :])]


def loop_steps(folder: Path, shared: Row, args: argparse.Namespace) -> list[float]:
    """The same of the plain loop."""
    files = {"model": str(folder / "model"), "tokens": str(folder / "tokens.npy"), "figures": str(folder / "loop.jsonl")}
    work = {**shared, **files, "steps": args.steps, "warmup": 1, "seed": 1, "compile": args.compile, "log_every": args.log_every}
    (folder / "work.json").write_text(json.dumps(work))
    watched([sys.executable, str(ROOT / "bench" / "plain_loop.py"), str(folder / "work.json")])
    return [json.loads(line)["seconds"] for line in (folder / "loop.jsonl").read_text().splitlines()][
        args.uncounted // args.log_every :
    ]


def compared(args: argparse.Namespace, folder: Path) -> Row:
    """Tokens a second of both sides, and their ratio."""
    tokens = args.batch_size * args.block_size
    costs = {side: cost(seconds, tokens) for side, seconds in speed(args, folder).items()}
    return {"tokens_per_s_ratio": round(costs["recipe"]["tokens_per_s"] / costs["loop"]["tokens_per_s"], 4), **costs}


def cost(seconds: list[float], tokens: int) -> Row:
    """The median of steps of so many tokens, and the middle half of them."""
    middle = statistics.median(seconds)
    low, _, high = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else (middle, middle, middle)
    return {"tokens_per_s": round(tokens / middle, 1), "seconds": round(middle, 4), "steps": len(seconds)} | {
        "middle_half": [round(low, 4), round(high, 4)]
    }


def options(about: str | None) -> argparse.ArgumentParser:
    """The options, of a bench that tells this of itself."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the folder with the published files")
    parser.add_argument("--rounds", type=int, default=4, help="processes of each side, in turn; 0 leaves speed out")
    parser.add_argument("--steps", type=int, default=6, help="steps of each process")
    parser.add_argument("--uncounted", type=int, default=2, help="first steps of each, in which memory is found and kernels chosen")
    parser.add_argument("--log-every", type=int, default=1, help="steps between two points in time; it divides the two above")
    parser.add_argument("--batch-size", type=int, default=2, help="blocks a step")
    parser.add_argument("--block-size", type=int, default=256, help="tokens of a block")
    parser.add_argument("--learning-steps", type=int, default=NANOGPT["max_steps"], help="of the model of characters; 0: none")
    parser.add_argument("--stream", action="store_true", help="all text as one document, so that the recipe keeps nothing apart")
    parser.add_argument("--compile", action="store_true", help="torch.compile on both sides")
    return parser


def main() -> None:
    args = options(__doc__).parse_args()
    told: Row = {}
    with tempfile.TemporaryDirectory() as place:
        if args.learning_steps:
            told["learning"] = learning(args.data, Path(place), {"max_steps": args.learning_steps})
            told["val_loss"] = told["learning"].pop("val_loss")
            print(told, file=sys.stderr, flush=True)
        if args.rounds:
            told |= compared(args, Path(place))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
