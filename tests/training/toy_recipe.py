"""A recipe with one field of each kind, to try forms on. It does nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from training.schema import Input

TITLE = "Toy"
INPUTS = (
    Input("model", "checkpoint", "What it starts from.", role="causal-lm"),
    Input("dataset", "snapshot", "What it learns from.", required=False),
)
OUTCOME = "checkpoint"


@dataclass
class Config:
    steps: int = field(default=10, metadata={"help": "How many updates.", "unit": "steps", "min": 1, "max": 99})
    learning_rate: float = field(default=3e-6, metadata={"help": "Of Adam.", "min": 0.0})
    schedule: Literal["linear", "cosine"] = field(default="linear", metadata={"help": "How the rate falls."})
    packing: bool = field(default=True, metadata={"help": "Several documents a row."})
    limit: int | None = field(default=None, metadata={"help": "At most so many rows.", "advanced": True, "min": 1})

    def check(self) -> dict[str, str]:
        return {"steps": "thirteen is unlucky"} if self.steps == 13 else {}


def main(run, config) -> None:
    """Nothing to do."""
