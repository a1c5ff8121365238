"""Sizes of the models that are measured, and what they weigh. No torch: a test of arithmetic need not load it."""

from __future__ import annotations

from dataclasses import dataclass

from training import text


@dataclass(frozen=True)
class Shape:
    """Sizes of a Llama: `words` of vocabulary besides the special tokens, and what the paper calls the rest.

    key_heads: heads of keys and values, each shared by as many of the queries' (Ainslie et al. 2023); as many as `heads` if None.
    """

    words: int
    width: int
    inner: int
    layers: int
    heads: int
    positions: int = 1024
    key_heads: int | None = None

    @property
    def vocabulary(self) -> int:
        return self.words + len(text.SPECIAL_TOKENS)

    @property
    def trunk(self) -> int:
        """Weights that every token is multiplied with, the output layer left out."""
        keys = self.width * (self.key_heads or self.heads) // self.heads
        return self.layers * (2 * self.width * self.width + 2 * self.width * keys + 3 * self.width * self.inner)

    @property
    def head(self) -> int:
        """Weights of the output layer."""
        return self.vocabulary * self.width

    @property
    def parameters(self) -> int:
        """All weights of the language model: trunk, its norms, embedding and output layer, which are two."""
        return self.trunk + (2 * self.layers + 1) * self.width + 2 * self.head


SHAPES = {
    "0.1M": Shape(words=57, width=64, inner=176, layers=2, heads=2),
    "30M": Shape(words=8185, width=512, inner=1408, layers=8, heads=8),
    # GPT-2's small one: its tokenizer with a token for padding, and the recipe's three matrices of 2048 for two of 3072. One matrix
    # is embedding and output layer, so that its weights are 124M.
    "124M": Shape(words=50251, width=768, inner=2048, layers=12, heads=12),
    # Qwen2.5-0.5B's sizes. Its 494M weights are 630M here, because embedding and output layer are planted apart.
    "0.5B": Shape(words=151929, width=896, inner=4864, layers=24, heads=14, key_heads=2),
}
