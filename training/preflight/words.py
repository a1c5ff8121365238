"""What each finding means, in sentences: what was found, why it matters, what to do. The page translates them. No Django."""

from __future__ import annotations

from training.preflight import row_words, run_words
from training.preflight.severity import Words

WORDS: dict[str, Words] = row_words.WORDS | run_words.WORDS
