"""Brings a model in from the Hugging Face hub or a local folder: safetensors only, never remote code, never pickle.

    python manage.py train fetch --project P --set source=HuggingFaceTB/SmolLM2-135M

What comes in is loaded once, to know that it loads and what it is: a language model, a reward model or a tokenizer. A tokenizer
without a padding token of its own, or without a chat template, gets one.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training import card, sources, text
from training.rundir import RunDir, staged

TITLE = "Import a model"
INPUTS = ()
OUTCOME = "checkpoint"
# Weights, settings and tokenizers; a repository's code and pickles stay where they are.
TAKEN = ("*.safetensors", "*.json", "*.txt", "*.jinja", "*.model")
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")


@dataclass
class Config:
    source: str = field(
        default="",
        metadata={"help": "A name on the hub (owner/model), or a folder under one of CRISOL_IMPORT_ROOTS (CRISOL_HOME/imports)."},
    )
    revision: str = field(
        default="main",
        metadata={"help": "Branch, tag or commit on the hub; a commit makes the import repeatable.", "advanced": True},
    )
    licence: str = field(
        default="",
        metadata={"help": "Under which licence the model comes, for example Apache-2.0. It stays with what is made of it."},
    )

    def check(self) -> dict[str, str]:
        """Whoever may start a run reads no folder of the machine but those meant for imports."""
        try:
            sources.local_folder(self.source)
        except ValueError as error:
            return {"source": str(error)}
        return {}


def main(run: RunDir, config: Config) -> None:
    """Copy, load, complete, save."""
    source = bring(run, config)
    run.message(f"read from {source}")
    with staged(run.out) as out:
        for path in taken(source):
            shutil.copyfile(path, out / path.name)
        role, parameters = verify(out, run)
        origin = {"source": config.source, "licence": config.licence}
        card.write(out, role=role, recipe="fetch", step=None, parameters=parameters, figures={}, **origin)
    run.message(f"a {role} of {parameters:,} parameters")


def bring(run: RunDir, config: Config) -> Path:
    """The folder to copy from: a local one as it is, the hub's as `huggingface_hub` keeps it."""
    if folder := sources.local_folder(config.source):
        return folder
    from huggingface_hub import snapshot_download

    run.message(f"downloading {config.source} ({config.revision}) from the hub")
    return Path(snapshot_download(config.source, revision=config.revision, allow_patterns=list(TAKEN)))


def taken(source: Path) -> list[Path]:
    """The files to copy. ValueError where there are weights, but only as pickle, which can run code when it is read."""
    files = sorted({path for pattern in TAKEN for path in source.glob(pattern)})
    if (source / "adapter_config.json").exists():
        raise ValueError(f"source: {source} holds an adapter only; merge it into its base model first")
    weights = [path for path in files if path.suffix == ".safetensors"]
    pickles = [path.name for pattern in PICKLES for path in source.glob(pattern)]
    if not weights and pickles:
        raise ValueError(f"source: its weights are pickle ({pickles[0]}), which is never read; convert them to safetensors")
    if not weights and (source / "config.json").exists() and not (source / "tokenizer.json").exists():
        raise ValueError(f"source: {source} has neither safetensors nor a tokenizer")
    return files


def verify(folder: Path, run: RunDir) -> tuple[str, int]:
    """(role, parameters) of a copied folder, after loading it and giving its tokenizer what it lacks."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if tokenizer.eos_token_id is None:
        raise ValueError("source: its tokenizer has no end-of-text token, so no answer could ever end")
    had_template = tokenizer.chat_template is not None
    grown = text.adopt_tokenizer(tokenizer)
    if grown or not had_template:
        tokenizer.save_pretrained(folder)
    if not had_template:
        run.message("the tokenizer had no chat template and was given one; look at a prompt's preview before training")
    if not any(folder.glob("*.safetensors")):
        return "tokenizer", 0
    role = role_of(folder)
    model = load(folder, role)
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        grow(folder, model, tokenizer)
    if role == "reward" and not (folder / "reward.json").exists():
        (folder / "reward.json").write_text(json.dumps({"mean": 0.0, "std": 1.0}), encoding="utf-8")
        run.message("its scores' mean and deviation are unknown: taken as 0 and 1")
    return role, sum(parameter.numel() for parameter in model.parameters())


def role_of(folder: Path) -> str:
    """causal-lm or reward, by the architecture that the config names."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    names = config.architectures or []
    if any(name.endswith("ForSequenceClassification") for name in names):
        if config.num_labels != 1:
            raise ValueError(f"source: a classifier of {config.num_labels} labels is no reward model; it must have 1")
        return "reward"
    if any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in names):
        return "causal-lm"
    raise ValueError(f"source: {', '.join(names) or 'no architecture named'}; a causal language model or a reward model is needed")


def load(folder: Path, role: str) -> Any:
    """The model, every weight of it found. ValueError naming what is missing."""
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    kind = AutoModelForSequenceClassification if role == "reward" else AutoModelForCausalLM
    model, told = kind.from_pretrained(
        folder, dtype="auto", trust_remote_code=False, use_safetensors=True, output_loading_info=True
    )
    if missing := sorted(told["missing_keys"]):
        raise ValueError(f"source: {len(missing)} weights are missing, {missing[0]} first")
    return model


def grow(folder: Path, model: Any, tokenizer: Any) -> None:
    """Gives the new padding token a row in the embedding and saves the weights anew."""
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model.config.pad_token_id = tokenizer.pad_token_id
    for old in folder.glob("*.safetensors*"):
        old.unlink()
    model.save_pretrained(folder)
