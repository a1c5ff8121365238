"""What a card can do at most in bfloat16: the other half of MFU."""

from __future__ import annotations

# Operations a second, dense, by the vendor's datasheets; the key is part of the name that CUDA gives the card.
PEAKS = {
    "H200": 989e12,
    "H200 NVL": 835e12,
    "H100": 989e12,
    "H100 NVL": 835e12,
    "H100 PCIe": 756e12,
    "A100": 312e12,
    "L40S": 362e12,
    "RTX 4090": 165e12,
}
LESS = ("MIG", "Laptop", "4090 D")  # part of a card, or a slower one of the same name


def peak(name: str, tflops: float | None = None) -> float:
    """Operations a second of the card of this name, or as many as are given. ValueError where neither tells."""
    if tflops is not None:
        return tflops * 1e12
    found = [key for key in PEAKS if key in name]
    if not found or any(part in name for part in LESS):
        known = ", ".join(PEAKS)
        raise ValueError(f"the peak of {name!r} is not known (known: {known}); give its dense bfloat16 peak with --peak-tflops")
    return PEAKS[max(found, key=len)]
