"""What the recipes on the Hugging Face Trainer share: whole checkpoints, exact resume, curves, stop, and no silent NaN.

transformers writes checkpoints in place and resumes from what it finds. Here a checkpoint is staged, fsynced and renamed by
`RunDir.checkpoint`, and a resume that could not be exact (a missing RNG state, another batch, another number of processes) is
refused. On CPU a resumed run then gives the same weights, bit for bit, as one that was never interrupted.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.utils import logging

from training import processes, schema, steps, zero
from training.arguments import trainer_arguments
from training.rundir import RunDir, Stopped, rank
from training.schedule import Schedule

logging.disable_progress_bar()

SEGMENT = "segment.json"
# The Trainer's names for what we call otherwise; what is not here keeps its name.
CURVES = {"grad_norm": "gradient_norm"}
UNTOLD = {"epoch", "total_flos", "train_loss", "train_runtime", "train_samples_per_second", "train_steps_per_second"}
SECONDS_BETWEEN_PROGRESS = 0.5


class NotFinite(ArithmeticError):
    """The loss or its gradient is NaN or infinite: the run ends here, and its last checkpoint is from before."""


class NotResumable(ValueError):
    """The newest checkpoint cannot continue this run exactly; the message says what differs."""


# The Trainer ----------------------------------------------------------------------------------------------------------------


class Durable(Trainer):
    """A Trainer whose checkpoints are whole and whose resume is exact: make one, then `fit()`.

    rows: anything with a length and items; collate: a list of items → a dict of tensors, `input_ids` among them.
    measure(trainer): the curves of the held-out rows, by name. loss(model, batch): the batch's mean loss; None: the model's own.
    weigh(batch): what that mean weighs in its step's, the number of its rows if not given. whole_step(trainer, batches): called
    with all batches of this process before each step, to add to them what a loss must know of the whole step. optimizer: of the
    model's weights; None: AdamW. more: TrainingArguments that only this recipe has.
    """

    def __init__(
        self,
        run: RunDir,
        config: Schedule,
        *,
        model: Any,
        tokenizer: Any,
        rows: Any,
        collate: Callable[[list[Any]], dict[str, Any]],
        measure: Callable[[Durable], dict[str, float]],
        loss: Callable[[Any, dict[str, Any]], Any] | None = None,
        weigh: Callable[[dict[str, Any]], Any] | None = None,
        whole_step: Callable[[Durable, list[dict[str, Any]]], None] | None = None,
        optimizer: Any = None,
        **more: Any,
    ):
        if not len(rows):
            raise ValueError("there are no training rows: look at the split and the kinds of the snapshot")
        self.run, self.schedule, self.measure, self.loss, self.whole_step = run, config, measure, loss, whole_step
        self.collate = collate
        self.stopped, self.tokens = False, 0
        model.config.use_cache = False
        args = TrainingArguments(**trainer_arguments(run, config, len(rows)), **more)
        weighing = steps.weighing(rows, collate, weigh)
        super().__init__(model, args, weighing, steps.Rows(rows), processing_class=tokenizer, optimizers=(optimizer, None))
        if loss is not None:
            self.model_accepts_loss_kwargs, self.loss_is_scaled_for_ga = False, True
        self.add_callback(Reporter(self))

    def fit(self) -> None:
        """Trains to the last step, from the newest whole checkpoint if there is one. Raises Stopped once saved as asked."""
        found = self.run.latest_checkpoint()
        if found is not None:
            refuse_unlike(found, self._segment(), trainer_files(processes.count(), self.is_deepspeed_enabled))
        if found is not None and int(found.name.split("-")[1]) >= self.args.max_steps:
            # Killed after the last step: training on from here would take one step too many.
            self._load_from_checkpoint(str(found))
            self.state = TrainerState.load_from_json(str(found / "trainer_state.json"))
        else:
            self.train(resume_from_checkpoint=str(found) if found else None)
        if self.stopped:
            raise Stopped(f"stopped at step {self.state.global_step} of {self.args.max_steps}; saved")

    def without_gradients(self, work: Callable[[], Any]) -> Any:
        """What `work` returns, done in evaluation mode, without gradients, in the precision of training."""
        self.model.eval()
        with torch.no_grad(), self.accelerator.autocast():
            return work()

    def measured(self) -> dict[str, float]:
        """`measure` at this step: reported as metrics, and kept in the trainer's history."""
        figures = self.without_gradients(lambda: self.measure(self))
        if figures:
            self.run.metrics(self.state.global_step, **figures)
            self.state.log_history.append({"step": self.state.global_step, **figures})
        return figures

    def at_start(self, name: str) -> float | None:
        """What `measure` said before the first step, whichever attempt took it."""
        return next((entry[name] for entry in self.state.log_history if name in entry), None)

    def totals(self, rows: Any, count: int, tally: Callable[[Any, dict[str, Any]], Sequence[Any]]) -> list[float]:
        """Sums of the `count` numbers that `tally(model, batch)` gives, over all rows and all processes."""
        size, mine = self.args.per_device_train_batch_size, range(rank(), len(rows), processes.count())
        sums = torch.zeros(count, dtype=torch.float64)
        for at in range(0, len(mine), size):
            batch = self.collate([rows[index] for index in mine[at : at + size]])
            batch = {name: tensor.to(self.args.device) for name, tensor in batch.items()}
            sums += torch.tensor([float(value) for value in tally(self.model, batch)], dtype=torch.float64)
        return processes.summed(sums, self.args.device)

    def _get_train_sampler(self, train_dataset: Any = None) -> steps.Order:
        together = self.args.per_device_train_batch_size * processes.count() if processes.count() > 1 else 1
        return steps.Order(len(self.train_dataset), together, self.args.data_seed)

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any) -> tuple[list[Any], Any]:
        """All batches of a step, each with its share of the step's loss."""
        batches, items = super().get_batch_samples(epoch_iterator, num_batches, device)
        steps.share_out(batches, self.args.device)
        if (whole := self.whole_step) is not None:
            self.without_gradients(lambda: whole(self, batches))
        return batches, items

    def _prepare_input(self, data: Any) -> Any:
        # Under DeepSpeed the Trainer rounds float inputs to bfloat16: log-probabilities of a reference would be off by a nat.
        return data.to(self.args.device) if isinstance(data, torch.Tensor) else super()._prepare_input(data)

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None) -> Any:
        """The recipe's loss, or the model's own over the tokens of all accumulated batches and processes."""
        share = inputs.pop(steps.SHARE)
        if self.loss is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        return self.loss(model, inputs) * share

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Any:
        """One batch forward and backward; a loss that is not finite ends the run before it can spoil the weights."""
        self.tokens += inputs["input_ids"].numel()
        loss = super().training_step(model, inputs, num_items_in_batch)
        if not torch.isfinite(loss):
            raise NotFinite(f"the loss is {loss.item()} at step {self.state.global_step + 1}; lower the learning rate")
        return loss

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if norm is not None and not math.isfinite(float(norm)):
            raise NotFinite(f"the gradient's norm is {float(norm)} at step {self.state.global_step + 1}; lower the learning rate")
        return norm

    # Checkpoints ------------------------------------------------------------------------------------------------------------

    def _segment(self) -> dict[str, Any]:
        return segment(self.run, self.schedule, self.args.max_steps, len(self.train_dataset))

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.run.path / "checkpoints" / f"step-{self.state.global_step}.tmp")

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """All ranks write into one staged folder; rank 0 gives it its name once every rank is done."""
        with self.run.checkpoint(self.state.global_step) if rank() == 0 else nullcontext():
            processes.barrier()
            super()._save_checkpoint(model, trial)
            processes.barrier()
            if rank() == 0:
                self._lift(Path(self._get_output_dir(trial)))
        processes.barrier()

    def _lift(self, draft: Path) -> None:
        """The Trainer fills `checkpoint-N` inside the staged folder: its files belong one floor up."""
        inner = draft / f"checkpoint-{self.state.global_step}"
        for item in inner.iterdir():
            os.rename(item, draft / item.name)
        inner.rmdir()
        (draft / SEGMENT).write_text(json.dumps(self._segment(), sort_keys=True), encoding="utf-8")


def segment(run: RunDir, config: Schedule, length: int, rows: int) -> dict[str, Any]:
    """What must be the same for a checkpoint to continue."""
    same = {"seed": run.seed, "inputs": run.spec["inputs"], "processes": processes.count(), "steps": length, "rows": rows}
    return {**schema.as_dict(config), **same}


def trainer_files(count: int, deepspeed: bool = False) -> list[str]:
    """What the Trainer's checkpoint of so many processes must hold besides weights."""
    states = ["rng_state.pth"] if count == 1 else [f"rng_state_{index}.pth" for index in range(count)]
    return ["latest" if deepspeed else "optimizer.pt", "scheduler.pt", "trainer_state.json", *states]


def refuse_unlike(checkpoint: Path, now: dict[str, Any], needed: Sequence[str]) -> None:
    """Raises NotResumable unless the checkpoint holds all it needs and was made by the same config, inputs and processes."""
    saved = json.loads((checkpoint / SEGMENT).read_text(encoding="utf-8")) if (checkpoint / SEGMENT).exists() else now
    if changed := [name for name in now if saved.get(name) != now[name]]:
        was = "; ".join(f"{name} was {saved.get(name)}, is {now[name]}" for name in changed)
        raise NotResumable(f"{checkpoint.name} was made by another run ({was}); start a new run from its weights instead")
    if missing := [name for name in [*needed, SEGMENT] if not (checkpoint / name).exists()]:
        raise NotResumable(f"{checkpoint.name} lacks {', '.join(missing)}: resuming would not be exact; remove it or start anew")


class Reported(Protocol):
    """What a Reporter watches: a Durable, or what stands in for it around somebody else's trainer."""

    tokens: int
    stopped: bool

    @property
    def run(self) -> RunDir: ...

    @property
    def schedule(self) -> Schedule: ...

    @property
    def model_wrapped(self) -> Any: ...

    def measured(self) -> dict[str, float]:
        """The curves of the held-out rows, told."""


class Reporter(TrainerCallback):
    """Tells the run's folder how training goes, and hears when somebody asks it to stop."""

    def __init__(self, trainer: Reported):
        self.trainer = trainer
        self.began = self.told = time.monotonic()

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        zero.assert_shared(self.trainer.model_wrapped, self.trainer.schedule.parallel)
        self.began, self.trainer.tokens = time.monotonic(), 0
        self.trainer.run.progress(state.global_step, args.max_steps)
        if state.global_step == 0:
            self.trainer.measured()

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, Any] | None = None, **_: Any) -> None:
        values = {CURVES.get(name, name): value for name, value in (logs or {}).items() if name not in UNTOLD}
        if values:
            speed = self.trainer.tokens * processes.count() / max(time.monotonic() - self.began, 1e-9)
            self.trainer.run.metrics(state.global_step, **values, tokens_per_second=round(speed, 1))

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        last = state.global_step >= args.max_steps
        if last or time.monotonic() - self.told > SECONDS_BETWEEN_PROGRESS:
            self.told = time.monotonic()
            self.trainer.run.progress(state.global_step, args.max_steps)
        if not last and state.global_step % self.trainer.schedule.valid_every == 0:
            self.trainer.measured()
        if not last and self.whole(state.global_step) and processes.anywhere(self.trainer.run.stop_requested, args.device):
            control.should_save = control.should_training_stop = self.trainer.stopped = True

    def whole(self, step: int) -> bool:
        """Whether a run that is saved after this step can go on exactly."""
        return True
