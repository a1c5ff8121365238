"""What a language model gives to text that is already written: the likelihood of each token, and whether it was foreseen.

No Django. Token ids come from `training/text.py` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from training import text

Marked = tuple[list[int], list[int]]  # token ids, and 1 where the token is scored; one length
Look = Callable[[int, int], None]  # told rows done and rows in all after every batch; may raise to stop


def load_language_model(path: Any) -> Any:
    """The weights of a checkpoint in float32 for scoring, on the GPU where there is one, dropout off."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(str(path), dtype=torch.float32, trust_remote_code=False)
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def reach(model: Any) -> int:
    """How many tokens the model can read at once."""
    return int(getattr(model.config, "max_position_embeddings", 0) or 1024)


def windows(tokenizer: Any, document: str, length: int, stride: int) -> list[Marked]:
    """A document as windows of at most `length` tokens that move by `stride`; every token but BOS is scored exactly once.

    BOS opens the document (not each window) where the tokenizer has one; without it the first token has nothing to be predicted
    from and is not scored. The end token that closes training documents is left off: it is not in the text.
    """
    ids = text.encode_documents(tokenizer, [document])[0][:-1]
    cut, scored = [], 1
    for start in range(0, max(1, len(ids) - 1), min(stride, length - 1)):
        window = ids[start : start + length]
        cut.append((window, [int(start + place >= scored) for place in range(len(window))]))
        scored = start + len(window)
        if scored >= len(ids):
            break
    return cut


def answer(tokenizer: Any, prompt: list[dict], tools: list, messages: list[dict]) -> Marked:
    """A prompt and an answer as the model's own chat template writes them; the answer's tokens are scored, its end included."""
    chat = text.encode_chat(tokenizer, [*prompt, *messages], tools)
    given = len(text.encode_prompt(tokenizer, prompt, tools))
    return chat.input_ids, [mark if place >= given else 0 for place, mark in enumerate(chat.assistant_mask)]


def score(
    model: Any, rows: Sequence[Marked], pad_id: int, batch_size: int = 8, side: str = "right", look: Look | None = None
) -> np.ndarray:
    """For each row: (negative log-likelihood in nats, scored tokens, foreseen tokens), float64 [rows, 3].

    Neither batch size nor padding side changes a figure by more than 1e-5: padding is masked and positions count real tokens.
    """
    import torch

    found = np.zeros((len(rows), 3))
    # Rows of like length share a batch: least padding, and the longest come first, so memory runs out at once or never.
    order = sorted(range(len(rows)), key=lambda index: -len(rows[index][0]))
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            found[batch] = _score_batch(model, [rows[index] for index in batch], pad_id, side)
            if look:
                look(min(start + batch_size, len(order)), len(order))
    return found


def _score_batch(model: Any, rows: Sequence[Marked], pad_id: int, side: str) -> np.ndarray:
    import torch

    ids, mask = (part.to(model.device) for part in text.pad_batch([ids for ids, _ in rows], pad_id, side))
    marks, _ = text.pad_batch([marks for _, marks in rows], 0, side)
    place = {"position_ids": (mask.cumsum(-1) - 1).clamp(min=0)} if side == "left" else {}
    logits = model(input_ids=ids, attention_mask=mask, **place).logits[:, :-1].float()
    targets, scored = ids[:, 1:], marks[:, 1:].to(model.device).double()
    # A row's first token has nothing before it: with padding on the left, its prediction would come from padding.
    scored = scored * mask[:, :-1]
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none").double()
    foreseen = (logits.argmax(-1) == targets).double()
    return torch.stack([(losses * scored).sum(-1), scored.sum(-1), (foreseen * scored).sum(-1)], dim=-1).cpu().numpy()
