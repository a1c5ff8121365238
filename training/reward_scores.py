"""What a reward checkpoint says of texts: for recipes that learn from scores, and for evaluations. No Django."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from training import text, weights

Look = Callable[[int, int], None]  # told rows done and rows in all after every batch; may raise to stop


def raw(
    path: Path | str, chats: Sequence[list[dict]], tools: Sequence[list], batch_size: int = 8, look: Look | None = None
) -> list[float | None]:
    """A reward model's score of each whole chat, read at its last token, the end of the answer. On the model's own scale.

    None for a chat that is longer than the model reads: beyond what it was trained on, its score would mean nothing.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    tokenizer = text.load_tokenizer(path)
    model = AutoModelForSequenceClassification.from_pretrained(
        str(path), num_labels=1, dtype=torch.float32, pad_token_id=tokenizer.pad_token_id, trust_remote_code=False
    )
    model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    rows = [text.encode_chat(tokenizer, chat, offered).input_ids for chat, offered in zip(chats, tools, strict=True)]
    found: list[float | None] = [None] * len(rows)
    fitting = [index for index, row in enumerate(rows) if len(row) <= weights.longest(model, 10**9)]
    order = sorted(fitting, key=lambda index: -len(rows[index]))
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            ids, mask = (part.to(model.device) for part in text.pad_batch([rows[index] for index in batch], tokenizer.pad_token_id))
            for index, value in zip(batch, model(input_ids=ids, attention_mask=mask).logits[:, 0].tolist(), strict=True):
                found[index] = value
            if look:
                look(min(start + batch_size, len(order)), len(order))
    return found


def normalised(
    path: Path, chats: Sequence[list[dict]], tools: Sequence[list], batch_size: int = 8, look: Look | None = None
) -> list[float | None]:
    """`raw` on the scale of the model's `reward.json` (mean 0, deviation 1): only so do several models compare."""
    scale = read_scale(path)
    found = raw(path, chats, tools, batch_size, look)
    return [None if value is None else (value - scale["mean"]) / scale["std"] for value in found]


def read_scale(folder: Path) -> dict[str, float]:
    """Mean and deviation of the model's scores. ValueError where a folder cannot say them."""
    path = folder / "reward.json"
    if not path.exists():
        raise ValueError(f"{path} is missing: scores need their mean and spread; use a checkpoint of `reward`")
    scale: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
    if not scale["std"] > 0:
        raise ValueError(f"{path}: std must be above 0")
    return scale
