"""How a tokenizer cuts a text is shown as it is: every byte once, parts of characters as bytes, hostile text as text."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.urls import reverse

from tests.training.rows import a_checkpoint
from training import tokens_shown

TEXT = "El río baja.\nThe river 🌊 runs.\t<b>x</b>"


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """The folder of a byte-level BPE of a few words, which has never seen a wave."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=280, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(["El río baja crecido. The river runs high."] * 9, trainer)
    made.save(str(tmp_path / tokens_shown.FILE))
    return tmp_path


def test_every_byte_of_a_text_is_in_one_token(tokenizer):
    cut = tokens_shown.cut(tokenizer, TEXT)
    assert bytes.fromhex(" ".join(piece.bytes for piece in cut.pieces)) == TEXT.encode()
    assert (cut.characters, cut.size) == (len(TEXT), len(TEXT.encode()))
    assert cut.bytes_per_token == cut.size / len(cut.pieces)


def test_a_token_is_shown_as_text_and_a_part_of_a_character_as_its_bytes(tokenizer):
    pieces = tokens_shown.cut(tokenizer, "río 🌊").pieces
    assert "".join(piece.text for piece in pieces).strip() == "río"
    assert [piece.shown for piece in pieces if not piece.text] == [piece.bytes for piece in pieces[-len("🌊".encode()) :]]


def test_line_ends_can_be_seen_and_a_special_token_that_is_written_is_cut_like_any_text(tokenizer):
    pieces = tokens_shown.cut(tokenizer, "a\nb<|end|>").pieces
    assert "".join(piece.shown for piece in pieces) == "a↵\nb<|end|>"
    assert len(pieces) > 5


def test_a_tokenizer_that_would_cut_short_and_pad_shows_the_whole_text(tokenizer):
    from tokenizers import Tokenizer

    path = tokenizer / tokens_shown.FILE
    limited = Tokenizer.from_file(str(path))
    limited.enable_truncation(3)
    limited.enable_padding(length=64)
    limited.save(str(path))
    assert "".join(piece.text for piece in tokens_shown.cut(tokenizer, "abcdefgh").pieces) == "abcdefgh"


def test_bytes_of_a_tokenizer_of_pieces_are_those_of_the_text(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers

    letters = {"é": 0, "▁": 1, "▁é": 2, "<unk>": 3, **{f"<0x{value:02X}>": 4 + value for value in range(256)}}
    made = Tokenizer(models.BPE(letters, [("▁", "é")], unk_token="<unk>", byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    made.save(str(tmp_path / tokens_shown.FILE))
    pieces = tokens_shown.cut(tmp_path, "é é🌊").pieces
    assert [(piece.text, piece.bytes) for piece in pieces[:2]] == [("é", "C3 A9"), (" é", "20 C3 A9")]
    assert [(piece.text, piece.bytes) for piece in pieces[2:]] == [("", one) for one in "🌊".encode().hex(" ").upper().split()]


def test_no_text_has_no_tokens(tokenizer):
    assert tokens_shown.cut(tokenizer, "") == tokens_shown.Cut([], 0, 0)
    assert tokens_shown.cut(tokenizer, "").bytes_per_token == 0.0


@pytest.fixture
def checkpoint(project, tokenizer):
    made = a_checkpoint(project, "words", role="tokenizer")
    Path(made.path).mkdir(parents=True, exist_ok=True)
    (Path(made.path) / tokens_shown.FILE).write_bytes((tokenizer / tokens_shown.FILE).read_bytes())
    return made


def test_the_page_begins_with_a_text_and_htmx_gets_the_tokens_alone(client_of, lead, checkpoint):
    page, url = client_of(lead), reverse("checkpoint_tokens", args=[checkpoint.pk])
    assert "El río baja crecido" in page.get(url).content.decode()
    part = page.post(url, {"text": "<script>alert(1)</script>"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "<script>" not in part.replace("&lt;script&gt;", "")
    assert "&lt;" in part


def test_what_cannot_be_shown_is_said(client_of, lead, checkpoint):
    page, url = client_of(lead), reverse("checkpoint_tokens", args=[checkpoint.pk])
    assert "at most 20000 are shown" in page.post(url, {"text": "x" * 20_001}).content.decode()
    (Path(checkpoint.path) / tokens_shown.FILE).write_text("{")
    assert "no tokenizer that can be read" in page.post(url, {"text": "x"}).content.decode()
    (Path(checkpoint.path) / tokens_shown.FILE).unlink()
    assert "is not there" in page.post(url, {"text": "x"}).content.decode()
