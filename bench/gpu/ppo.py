"""PPO beside TRL 1.12's on one CUDA card: `bench/ppo.py` with a model of 0.5B parameters or more, and the MFU of the update.

    python -m bench.gpu.ppo [--rollout 128] [--peak-tflops 989]

Both sides compute in bfloat16 over float32 weights, but for reference and reward model, which are bfloat16 throughout. Memory is
what torch had in tensors at most (`peak_mb`) and what it had reserved. The rollout is the largest whose logits TRL can keep here.

The last line is `bench.ppo`'s JSON with each side's `mfu`: its `train_tflops` by the card's peak (`bench/gpu/peaks.py`).
"""

from __future__ import annotations

import json
from typing import Any

import torch

from bench import ppo, worlds
from bench.gpu import peaks
from bench.shapes import Shape

DEFAULTS = {
    "size": "0.5B",
    "rounds": 2,
    "updates": 4,
    "rollout": None,
    "minibatch": None,
    "prompt_words": (64, 192),
    "max_new_tokens": 256,
    "end": 1 / 128,
}
LOGITS = 5  # float32 tensors of a whole rollout's logits that TRL holds at its worst, by reading it


def main() -> None:
    parser = ppo.options(__doc__)
    parser.add_argument("--peak-tflops", type=float, help="dense bfloat16 peak of the card, where its name does not tell")
    parser.set_defaults(**DEFAULTS)
    args = parser.parse_args()
    try:
        name, memory = card()
        most = peaks.peak(name, args.peak_tflops)
        args.rollout = args.rollout or rollout(memory, worlds.SHAPES[args.size], args.max_new_tokens)
    except ValueError as error:
        parser.error(str(error))
    args.minibatch = args.minibatch or max(args.rollout // 4, 1)
    told = ppo.compared(args)
    print(json.dumps({"card": name, "peak_tflops": most / 1e12, **with_mfu(told, most)}))


def card() -> tuple[str, int]:
    """Name and bytes of the card. ValueError where there is none."""
    if not torch.cuda.is_available():
        raise ValueError("no CUDA device is here, and this bench is of one; `python -m bench.ppo` measures on a CPU")
    about = torch.cuda.get_device_properties(0)
    return about.name, about.total_memory


def rollout(memory: int, shape: Shape, answer: int) -> int:
    """The most answers of an update, a power of two, for which TRL should find room. ValueError where there is none for four.

    Policy and critic want 16 bytes a weight (weight, gradient, Adam's two), reference and reward model 2.
    """
    room = 0.9 * memory - (2 * 16 + 2 * 2) * shape.parameters
    each = LOGITS * 4 * answer * shape.vocabulary
    if room < 4 * each:
        raise ValueError(f"{memory / 2**30:.0f} GB are too few for TRL at this size: give --rollout to try, or a smaller --size")
    return 1 << int(room // each).bit_length() - 1


def with_mfu(told: dict[str, Any], most: float) -> dict[str, Any]:
    """The figures, each side's with its `mfu`."""
    sides = {side: told[side] for side in ppo.SIDES if side in told}
    return {**told, **{side: {**cost, "mfu": round(cost["train_tflops"] * 1e12 / most, 4)} for side, cost in sides.items()}}


if __name__ == "__main__":
    main()
