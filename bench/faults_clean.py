"""The clean sets of `bench.faults`: real data without the faults that it came with, which are found here by plain code and counted.

Nothing of preflight is used: repeated prompts and near repeats are found by comparing every text with every other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import real_data
from bench.faults_world import Case, Row, answer, assistant, judgement, user

GSM, TAU = "instr_gsm8k_train.jsonl.gz", "agent_tau_airline_even.jsonl.gz"
VOCABULARY, MERGES = "gpt2_vocab.json", "gpt2_merges.txt"
FILES = (real_data.SELF_INSTRUCT, GSM, real_data.TULU, real_data.WIKITEXT, VOCABULARY, MERGES)
NEAR = 0.7  # of three-word phrases in common; stricter than preflight, so that its border is not ours
LONGEST = 800  # tokens at most, of 1024 that the model reads
DEMONSTRATIONS, COMPARISONS, PARAGRAPHS = 400, 400, 300
PLAN = {"batch_size": 1, "learning_rate": 1e-3}


def sets(data: Path, home: Path) -> dict[str, Case]:
    """Every clean set by name."""
    model = tiny_model(data, home / "models" / "tiny")
    made: dict[str, Callable[[], Case]] = {
        "self_instruct_sft": lambda: demonstrations(
            "sft", model, map(asked_self_instruct, real_data.rows(data / real_data.SELF_INSTRUCT))
        ),
        "gsm8k_sft": lambda: demonstrations("sft", model, map(asked_gsm, real_data.rows(data / GSM)[:DEMONSTRATIONS])),
        "gsm8k_grpo": lambda: prompts(model, map(asked_gsm, real_data.rows(data / GSM)[:DEMONSTRATIONS])),
        "tulu_dpo": lambda: comparisons("dpo", model, real_data.rows(data / real_data.TULU)),
        "tulu_reward": lambda: comparisons("reward", model, real_data.rows(data / real_data.TULU)),
        "tulu_kto": lambda: comparisons("kto", model, real_data.rows(data / real_data.TULU)),
        "wikitext_pretrain": lambda: corpus(model, real_data.text(data / real_data.WIKITEXT)),
    }
    return {name: make() for name, make in made.items()}


def tiny_model(data: Path, folder: Path) -> Path:
    """GPT-2's tokenizer, as `fetch` completes it, with a model of one layer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from training import card, text

    made = Tokenizer(models.BPE.from_file(str(data / VOCABULARY), str(data / MERGES)))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    end = "<|endoftext|>"
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, bos_token=end, eos_token=end, clean_up_tokenization_spaces=False)
    text.adopt_tokenizer(tokenizer)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=1024, tie_word_embeddings=True, **shape, **ends)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    card.write(folder, role="causal-lm", recipe="fetch", step=None, parameters=0, figures={})
    return folder


# What is asked and answered -------------------------------------------------------------------------------------------------


def asked_self_instruct(row: Row) -> tuple[str, str, Row]:
    made = real_data.demonstration(row)
    return made["prompt"], made["response"], {}


def asked_gsm(row: Row) -> tuple[str, str, Row]:
    return row["question"], row["answer"], {"answer": row["answer"].rpartition("####")[2].strip()}


def split_of(number: int) -> str:
    return ("train", "train", "train", "train", "train", "train", "train", "train", "validation", "test")[number % 10]


def kept(texts: list[tuple[str, str, Row]], removed: dict[str, int]) -> Iterator[tuple[str, str, Row]]:
    """Those that are whole, new and short; of what is not, `removed` counts each kind."""
    known: list[frozenset[str]] = []
    for one in texts:
        words = phrases(one[0])
        if wrong := fault(one[0], one[1], words, known):
            removed[wrong] = removed.get(wrong, 0) + 1
            continue
        known.append(words)
        yield one


def fault(asked: str, said: str, words: frozenset[str], known: list[frozenset[str]]) -> str:
    if not asked.strip() or not said.strip():
        return "empty"
    if most_tokens(asked + said) > LONGEST:
        return "too long"
    if any(len(words & other) >= NEAR * len(words | other) for other in known):
        return "asked before, or nearly"
    both = asked + said
    return "lost or garbled characters" if "\ufffd" in both or re.search("[\u00c2\u00c3\u00e2][\u0080-\u00bf\u20ac]", both) else ""


def most_tokens(text: str) -> float:
    """More tokens than GPT-2 makes of a text: two English letters a token at least, of digits, signs and other bytes one."""
    plain = sum(letter.isascii() and (letter.isalpha() or letter == " ") for letter in text)
    return plain / 2 + len(text.encode()) - plain


def phrases(text: str) -> frozenset[str]:
    words = re.sub(r"\W+", " ", text.lower()).split()
    return frozenset(" ".join(words[at : at + 3]) for at in range(max(1, len(words) - 2)))


# The sets -------------------------------------------------------------------------------------------------------------------


def demonstrations(recipe: str, model: Path, texts: Iterator[tuple[str, str, Row]]) -> Case:
    """Written answers."""
    case = Case(recipe, {**PLAN, "epochs": 2}, model)
    for number, (asked, said, _known) in enumerate(kept(list(texts), case.removed)):
        written = answer(number, assistant(said), written=True)
        case.rows.append(judgement(number, split_of(number), user(asked), [written], kind="write"))
    return case


def prompts(model: Path, texts: Iterator[tuple[str, str, Row]]) -> Case:
    """Questions whose answers a rule can check."""
    case = Case(
        "grpo", {"rewards": "exact:1", "max_new_tokens": 64, "learning_rate": 1e-3, "batch_size": 8, "group_size": 4}, model
    )
    for number, (asked, _said, known) in enumerate(kept(list(texts), case.removed)):
        shared = {"prompt_id": number, "language": "en", "source": "bench", "licence": "", "split": split_of(number), "tools": []}
        case.rows.append({**shared, "messages": user(asked), "metadata": known})
    return case


def comparisons(recipe: str, model: Path, rows: list[Row]) -> Case:
    """Two answers with a preference and thumbs, one rater's word for each prompt."""
    case = Case(recipe, {**PLAN, "epochs": 1}, model)
    texts = [(row["prompt"], f"{row['completion_a']}\n{row['completion_b']}", row) for row in rows]
    for asked, _both, row in kept(texts, case.removed):
        if not row["completion_a"].strip() or not row["completion_b"].strip():
            case.removed["empty"] = case.removed.get("empty", 0) + 1
        elif row["completion_a"].strip() == row["completion_b"].strip():
            case.removed["the same answer twice"] = case.removed.get("the same answer twice", 0) + 1
        else:
            case.rows.append(compared(len(case.rows), asked, real_data.ranking(row)))
        if len(case.rows) == COMPARISONS:
            break
    return case


def compared(number: int, asked: str, row: Row) -> Row:
    answers: list[Row] = [
        answer(
            2 * number + place,
            assistant(one["text"]),
            overall=float(2 - row["ranks"][place]),
            acceptable=float(row["acceptable"][place]),
        )
        for place, one in enumerate(row["answers"])
    ]
    return judgement(number, split_of(number), user(asked), answers, rater=row["rater"])


def corpus(model: Path, wikitext: str) -> Case:
    """Paragraphs of an encyclopaedia; the model trains on from its own tokenizer."""
    case = Case("pretrain", {**PLAN, "block_size": 128, "held_out": 0.1}, model)
    paragraphs: list[tuple[str, str, Any]] = [(line.strip(), "-", {}) for line in wikitext.split("\n") if len(line) > 200]
    case.documents = [asked for asked, _said, _known in kept(paragraphs, case.removed)][:PARAGRAPHS]
    return case
