"""A step of 124M weights on one CUDA card: `bench/pretrain.py`'s recipe and plain loop, compiled both, and the MFU of each.

    python -m bench.gpu.pretrain [--data ../shared/data] [--batch-size 64] [--peak-tflops 989]

GPT-2's sizes, blocks of 1,024 tokens, bfloat16 over float32 weights. The text is one document: the loop would else learn from fewer
masks than the recipe.

The last line is `bench.pretrain`'s JSON with `mfu` (the recipe's) and each side's: the operations of a step (`bench/flops.py`) by
its seconds and the card's peak (`bench/gpu/peaks.py`).
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from bench import flops, pretrain
from bench.gpu import peaks
from bench.gpu.ppo import card
from bench.shapes import SHAPES

DEFAULTS = {
    "rounds": 2,
    "steps": 120,
    "uncounted": 20,
    "log_every": 20,
    "batch_size": 64,
    "block_size": 1024,
    "learning_steps": 0,
    "stream": True,
    "compile": True,
}


def main() -> None:
    parser = pretrain.options(__doc__)
    parser.add_argument("--peak-tflops", type=float, help="dense bfloat16 peak of the card, where its name does not tell")
    parser.set_defaults(**DEFAULTS)
    args = parser.parse_args()
    try:
        name, _ = card()
        most = peaks.peak(name, args.peak_tflops)
    except ValueError as error:
        parser.error(str(error))
    with tempfile.TemporaryDirectory() as place:
        told = pretrain.compared(args, Path(place))
    print(json.dumps({"card": name, "peak_tflops": most / 1e12, **with_mfu(told, args.batch_size, args.block_size, most)}))


def with_mfu(told: dict[str, Any], rows: int, length: int, most: float) -> dict[str, Any]:
    """The figures, each side's with its `mfu`, and the recipe's first."""
    work = flops.step(SHAPES["124M"], rows=rows, length=length)
    sides = {side: {**told[side], "mfu": round(work / told[side]["seconds"] / most, 4)} for side in pretrain.SIDES}
    return {"mfu": sides["recipe"]["mfu"], **told, **sides}


if __name__ == "__main__":
    main()
