"""The clock and the memory gauge that both sides of `bench/ppo.py` are measured with. Imports nothing of Crisol."""

from __future__ import annotations

import time

import torch

MB = 2**20


def now() -> float:
    """Seconds. On CUDA all work that was asked for is done first: it would else be counted where its result is waited for."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def memory() -> dict[str, float]:
    """The card's memory in MB at its fullest so far: in tensors, and reserved for them. Nothing on a CPU."""
    if not torch.cuda.is_available():
        return {}
    return {"peak_mb": torch.cuda.max_memory_allocated() / MB, "reserved_mb": torch.cuda.max_memory_reserved() / MB}
