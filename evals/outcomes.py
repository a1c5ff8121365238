"""What becomes of a measuring run that succeeded: its scores belong to an evaluation."""

from __future__ import annotations

from evals.models import Evaluation
from training.models import Checkpoint, Run


def scores(run: Run) -> None:
    """Adds the run and its checkpoint to the evaluation that asked for it, else to one of the run's own name. Idempotent."""
    evaluation = run.evaluations.first() or _own(run)
    evaluation.runs.add(run)
    evaluation.checkpoints.add(*Checkpoint.objects.filter(used_by__run=run, used_by__name="model"))


def _own(run: Run) -> Evaluation:
    made, _new = Evaluation.objects.get_or_create(
        project=run.project, name=run.name or str(run), defaults={"created_by": run.created_by}
    )
    return made
