"""How much memory a step at the longest batch wants: an estimate, and where it is cheap two real steps of that batch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from training import text, weights
from training.preflight.look import Finding, Look, Seen
from training.schedule import Schedule

CHEAP = 1e12  # floating-point operations of the two steps: about half a minute on one CPU core
STATES = 12  # bytes of gradient and Adam's two moments for each trained parameter, in float32
PER_LAYER = 68  # bytes a token and unit of width keeps for the backward pass in float32; Korthikanti et al. 2022, § 4.1, twice 34
PER_LOGIT = 12  # logits in float32, their softmax, their gradient
WIDTH_OF_LOOK = 0.005  # seconds between two looks at this process' memory


def parameters(look: Look) -> tuple[int, int]:
    """(all, trained) parameters of the model that learns."""
    if hasattr(look.config, "size"):
        if look.models:
            return look.models[0].parameters, look.models[0].parameters
        total = new_parameters(look)
        return total, total
    learner = look.models[0] if look.models else None
    total = learner.parameters if learner else 0
    if rank := getattr(look.config, "lora_rank", 0):
        layers = getattr(learner.config, "num_hidden_layers", 0) if learner else 0
        # Seven linear layers in a block, each with two thin matrices.
        return total, 14 * layers * rank * getattr(learner.config, "hidden_size", 0) if learner else 0
    return total, total


def new_parameters(look: Look) -> int:
    """Parameters of the model that `pretrain` would make; none of them gets memory."""
    import torch

    with torch.device("meta"):
        return sum(one.numel() for one in look.recipe.new_model(look.config, look.tokenizer).parameters())


def shape(look: Look) -> tuple[int, int, int]:
    """(layers, width, vocabulary) of the model that learns."""
    if look.models:
        config = look.models[0].config
        scored = look.learned[0].kind == "ranking"  # by one number for each answer, not by the next token
        return getattr(config, "num_hidden_layers", 0), getattr(config, "hidden_size", 0), 1 if scored else config.vocab_size
    layers, _heads, width = look.recipe.SIZES.get(look.config.size, (look.config.layers, look.config.heads, look.config.width))
    return layers, width, len(look.tokenizer)


def longest_batch(look: Look) -> list[Seen]:
    """The rows of the longest batch that could meet."""
    rows = sorted(look.learned, key=lambda row: row.length, reverse=True)
    return rows[: look.config.batch_size]


def padded(look: Look) -> int:
    """Tokens of the longest batch, padding counted."""
    batch = longest_batch(look)
    if batch[0].kind == "document":
        return look.config.batch_size * look.config.block_size
    return sum(len(row.tokens) for row in batch) * batch[0].length


def memory(look: Look) -> Iterator[Finding]:
    """The step must fit into what is free: weights, gradients, Adam's moments, what the backward pass keeps, logits."""
    learner = look.models or hasattr(look.config, "size")
    if not learner or not isinstance(look.config, Schedule) or not look.learned or look.learned[0].kind == "prompt":
        return
    (total, trained), (layers, width, vocabulary), tokens = parameters(look), shape(look), padded(look)
    need: float = 4 * total + STATES * trained + tokens * (layers * width * PER_LAYER + vocabulary * PER_LOGIT)
    free = available()
    look.figures |= {"memory_need": need, "memory_free": free, "longest_batch": tokens}
    if need > free:
        yield Finding("memory", figures={"need": need / 1e9, "free": free / 1e9})
    elif cheap(look, tokens * (12 * total + 100 * vocabulary)):
        yield from tried(look)


def available() -> float:
    """Bytes that are free on the device on which training would run."""
    import psutil
    import torch

    return float(torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else psutil.virtual_memory().available)


def cheap(look: Look, operations: float) -> bool:
    """Whether two real steps may be taken: the model is held, whole, and small, and there is something to learn."""
    held = bool(look.models) and look.models[0].loaded is not None and not look.models[0].faults
    taught = look.learned[0].kind in DRY and any(one.taught for row in longest_batch(look) for one in row.tokens)
    return held and taught and operations <= CHEAP


DRY = ("conversation", "pair", "rated")


def tried(look: Look) -> Iterator[Finding]:
    """Two steps of AdamW on the longest batch, with the plain loss of its learned tokens; on the CPU, so that no GPU is taken."""
    with Peak() as peak:
        try:
            loss = two_steps(look)
        except Exception as error:  # whatever it raises, training would raise
            yield Finding("dry_run", figures={"error": f"{type(error).__name__}: {error}"[:300]})
            return
    look.figures |= {"memory_measured": 4 * look.models[0].parameters + peak.bytes, "dry_loss": loss}
    if loss != loss or loss in (float("inf"), float("-inf")):
        yield Finding("dry_run", figures={"error": f"the loss is {loss}"})


def two_steps(look: Look) -> float:
    """The loss of the second step, in nats a token."""
    import torch

    from training import token_loss

    model = look.models[0].loaded.float()
    model = weights.with_adapters(model, getattr(look.config, "lora_rank", 0), "CAUSAL_LM").train()
    tokens = [one for row in longest_batch(look) for one in row.tokens]
    ids, mask = text.pad_batch([one.ids for one in tokens], look.tokenizer.pad_token_id)
    learned, _ = text.pad_batch([one.learned for one in tokens], 0)
    batch = {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(learned == 0, -100)}
    told = token_loss.TokenLoss(model)
    trained = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=look.config.learning_rate)
    found = 0.0
    for _ in range(2):
        loss = told.mean(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        found = loss.item()
    return found


class Peak:
    """How far this process' memory rises while it is open, in `bytes`."""

    def __enter__(self) -> Peak:
        import psutil

        self.process, self.over = psutil.Process(), threading.Event()
        self.start = self.process.memory_info().rss
        self.bytes = 0
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self) -> None:
        while not self.over.wait(WIDTH_OF_LOOK):
            self.bytes = max(self.bytes, self.process.memory_info().rss - self.start)

    def __exit__(self, *_: Any) -> None:
        self.over.set()
        self.thread.join()


CHECKS = (memory,)
