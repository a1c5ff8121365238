"""What the recipes on the Hugging Face Trainer share: whole checkpoints, exact resume, curves, stop, and no silent NaN.

transformers writes checkpoints in place and resumes from what it finds. Here a checkpoint is staged, fsynced and renamed by
`RunDir.checkpoint`, and a resume that could not be exact (a missing RNG state, another learning rate) is refused. On CPU a resumed
run then gives the same weights, bit for bit, as one that was never interrupted; to rounding, where steps of as many rows are cut
otherwise into batches and processes.
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

from training import fsdp, processes, resuming, sharing, steps
from training.arguments import trainer_arguments
from training.rundir import RunDir, Stopped, rank
from training.schedule import Schedule

logging.disable_progress_bar()

# The Trainer's names for what we call otherwise; what is not here keeps its name.
CURVES = {"grad_norm": "gradient_norm"}
UNTOLD = {"epoch", "total_flos", "train_loss", "train_runtime", "train_samples_per_second", "train_steps_per_second"}
SECONDS_BETWEEN_PROGRESS = 0.5


class NotFinite(ArithmeticError):
    """The loss or its gradient is NaN or infinite: the run ends here, and its last checkpoint is from before."""


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
        if found is not None and (otherwise := resuming.refuse_unlike(found, self._segment(), may_differ=resuming.CUT)):
            self.run.message(f"going on from {found.name}, cut otherwise: {otherwise}; dropout, where there is any, is drawn anew")
        if found is not None and int(found.name.split("-")[1]) >= self.args.max_steps:
            # Killed after the last step: training on from here would take one step too many.
            if self.schedule.parallel == "ddp":
                self._load_from_checkpoint(str(found))
            else:
                self._prepare_for_training(self.args.max_steps, None, str(found))
            self.state = TrainerState.load_from_json(str(found / "trainer_state.json"))
        else:
            self.train(resume_from_checkpoint=str(found) if found else None)
        if self.stopped:
            raise Stopped(f"stopped at step {self.state.global_step} of {self.args.max_steps}; saved")

    def whole(self) -> Any:
        """The model with all its weights in every process, for saving; it trains no more. All processes ask together."""
        return self.model if self.schedule.parallel == "ddp" else sharing.made_whole(self.model)

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
        # As many batches in each process: weights that are shared out are gathered by all of them or by none.
        for at in range(0, math.ceil(len(rows) / processes.count()), size):
            here = [rows[index] for index in mine[at : at + size]]
            batch = {name: tensor.to(self.args.device) for name, tensor in self.collate(here or [rows[0]]).items()}
            found = torch.tensor([float(value) for value in tally(self.model, batch)], dtype=torch.float64)
            sums += found if here else 0
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

    # Weights that processes share out ------------------------------------------------------------------------------------------

    def create_accelerator_and_postprocess(self) -> None:
        """With FSDP2 on a CPU, too."""
        super().create_accelerator_and_postprocess()
        if self.schedule.parallel == "fsdp2" and self.args.use_cpu:
            fsdp.on_cpu(self.accelerator, self.args.fsdp_plugin_args)
            self.is_fsdp_enabled = True

    def _prepare_for_training(self, max_steps: Any, train_dataloader: Any, resume_from_checkpoint: Any) -> Any:
        if self.schedule.parallel == "ddp":
            return super()._prepare_for_training(max_steps, train_dataloader, resume_from_checkpoint)
        if resume_from_checkpoint:
            self._load_from_checkpoint(resume_from_checkpoint)
        self.pieces = sharing.Pieces(self)
        prepared = super()._prepare_for_training(max_steps, train_dataloader, None)
        if resume_from_checkpoint:
            self.pieces.load(Path(resume_from_checkpoint))
        self.pieces.weights.clear()
        return prepared

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """The Trainer looks for pieces where FSDP is on, and ours are whole."""
        fsdp_enabled, self.is_fsdp_enabled = self.is_fsdp_enabled, False
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.is_fsdp_enabled = fsdp_enabled

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """All weights of the model, gathered where they are shared out."""
        if self.schedule.parallel == "ddp":
            super().save_model(output_dir, _internal_call)
        else:
            self._save(output_dir, state_dict=sharing.whole_weights(self.model))

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if self.schedule.parallel == "ddp":
            super()._save_optimizer_and_scheduler(output_dir)
        else:
            self.pieces.save(Path(output_dir))

    # Checkpoints ------------------------------------------------------------------------------------------------------------

    def _segment(self) -> dict[str, Any]:
        return resuming.segment(self.run, self.schedule, self.args.max_steps, len(self.train_dataset))

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
        (draft / resuming.SEGMENT).write_text(json.dumps(self._segment(), sort_keys=True), encoding="utf-8")


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
        sharing.assert_shared(self.trainer.model_wrapped, self.trainer.schedule.parallel)
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
