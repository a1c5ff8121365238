"""The faults that `bench.faults` plants: each goes into a clean set and says which rows preflight must name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench.faults_world import Case, Row, assistant, user

RunLevel: list[int] = []  # a fault of the whole run names no rows
PLANTED = (3, 17, 40)


@dataclass(frozen=True)
class Fault:
    """`plant` changes a case and answers the ids that the finding `check` must name; `follows`: checks that it trips, too."""

    name: str
    into: str
    check: str
    plant: Callable[[Case], Iterable[int]]
    follows: tuple[str, ...] = ()


# Texts ----------------------------------------------------------------------------------------------------------------------


def some(case: Case) -> list[Row]:
    """Three training rows, the same each time."""
    return [case.of("train")[place] for place in PLANTED]


def ids(rows: list[Row]) -> list[int]:
    return [row.get("judgement_id", row["prompt_id"]) for row in rows]


def everyone(case: Case) -> list[int]:
    return ids(case.rows)


def answers_become(change: Callable[[str], str]) -> Callable[[Case], list[int]]:
    """Changes the answer of some rows."""

    def plant(case: Case) -> list[int]:
        for row in some(case):
            message = row["answers"][0]["messages"][0]
            message["content"] = change(message["content"])
        return ids(some(case))

    return plant


def prompts_become(change: Callable[[str], list[Row]]) -> Callable[[Case], list[int]]:
    """Changes the prompt of some rows."""

    def plant(case: Case) -> list[int]:
        for row in some(case):
            column = "prompt" if "prompt" in row else "messages"
            row[column] = change(row[column][0]["content"])
        return ids(some(case))

    return plant


def said_again(case: Case) -> list[int]:
    copies = [{**row, "judgement_id": 9000 + place, "prompt_id": 9000 + place} for place, row in enumerate(some(case))]
    case.rows += copies
    return ids(copies)


def leaked(change: Callable[[str], str]) -> Callable[[Case], list[int]]:
    """Gives held-out rows the prompts of training rows, changed a little."""

    def plant(case: Case) -> list[int]:
        held_out = [*case.of("validation")[:2], *case.of("test")[:1]]
        long = sorted(case.of("train"), key=lambda row: -len(row["prompt"][0]["content"]))
        for mine, theirs in zip(held_out, long, strict=False):
            mine["prompt"] = user(change(theirs["prompt"][0]["content"]))
        return ids(held_out)

    return plant


def one_word_else(text: str) -> str:
    words = text.split()
    return " ".join([*words[:-1], "otherwise"])


def garbled(text: str) -> str:
    return text + " The café’s naïve décor.".encode().decode("cp1252")


def disorder(case: Case) -> list[int]:
    first, second, third = some(case)
    first["prompt"] = [*first["prompt"], {"role": "system", "content": "Be brief."}]
    second["prompt"] = [*second["prompt"], {"role": "system", "content": ""}, *second["prompt"]]
    third["answers"][0]["messages"] += user("Thanks.")
    return ids(some(case))


def critic(case: Case) -> list[int]:
    """A role that the template takes for a name."""
    with_template(template())(case)
    return prompts_become(lambda asked: [*user(asked), {"role": "critic", "content": "Hm."}])(case)


def calls(case: Case) -> list[int]:
    tool = {"type": "function", "function": {"name": "add", "parameters": {}}}
    call = {"id": "1", "type": "function", "function": {"name": "subtract", "arguments": "{}"}}
    fitting, invented, uncalled = some(case)
    for row in (fitting, invented):
        row["tools"] = [tool]
        row["prompt"] += [
            {"role": "assistant", "content": "", "tool_calls": [{**call, "function": {**call["function"], "name": "add"}}]}
        ]
        row["prompt"] += [{"role": "tool", "content": "4", "tool_call_id": "1"}]
    invented["prompt"][1]["tool_calls"] = [call]
    uncalled["prompt"] += [{"role": "tool", "content": "4", "tool_call_id": "7"}]
    return ids([invented, uncalled])


# Templates and tokenizers ---------------------------------------------------------------------------------------------------

TURNS = """{{- BEGIN -}}{%- for message in messages -%}{{- message.role + ': ' -}}{%- if message.role == 'assistant' -%}
{%- generation -%}{{- message.content + END -}}{%- endgeneration -%}{%- else -%}{{- message.content + '\\n' -}}{%- endif -%}
{%- endfor -%}{%- if add_generation_prompt -%}{{- OPEN -}}{%- endif -%}"""


def template(begin: str = "bos_token", end: str = "eos_token", opening: str = "'assistant: '") -> str:
    return TURNS.replace("BEGIN", begin).replace("END", end).replace("OPEN", opening)


def spoiled(change: Callable[[Any], None], names: Callable[[Case], list[int]] = everyone) -> Callable[[Case], list[int]]:
    """Changes the model's tokenizer."""

    def plant(case: Case) -> list[int]:
        from transformers import AutoTokenizer

        folder = case.own_model()
        tokenizer = AutoTokenizer.from_pretrained(folder)
        change(tokenizer)
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        tokenizer.save_pretrained(folder)
        return names(case)

    return plant


def with_template(written: str | None, names: Callable[[Case], list[int]] = everyone) -> Callable[[Case], list[int]]:
    return spoiled(lambda tokenizer: setattr(tokenizer, "chat_template", written), names)


def without_markers(written: str) -> str:
    return written.replace("{%- generation -%}", "").replace("{%- endgeneration -%}", "")


def begins_every_text(tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    begin = tokenizer.bos_token
    tokenizer._tokenizer.post_processor = TemplateProcessing(single=f"{begin} $A", special_tokens=[(begin, tokenizer.bos_token_id)])
    tokenizer.chat_template = template(begin="''")


def words_only(case: Case) -> list[int]:
    """A tokenizer of whole words, as of an old translation model, that knows every word but those planted."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Whitespace()
    texts = [
        "assistant user :",
        *(turn["content"] for row in case.rows for turn in [*row["prompt"], *row["answers"][0]["messages"]]),
    ]
    words = sorted({word for text in texts for word, _ in split.pre_tokenize_str(text)})
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(["<unk>", "<end>", "<pad>", *words])}, "<unk>"))
    made.pre_tokenizer = split
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="<end>", pad_token="<pad>")
    tokenizer.chat_template = template(begin="''")
    folder = case.own_model()
    for name in ("chat_template.jinja", "generation_config.json"):
        (folder / name).unlink(missing_ok=True)
    tokenizer.save_pretrained(folder)
    return answers_become(lambda text: f"{text} Στοά.")(case)


def turns(first: str) -> Callable[[str], list[Row]]:
    """A prompt with an earlier answer in it."""
    return lambda asked: [*user("Hello."), *assistant(first), *user(asked)]


def thinking(case: Case) -> list[int]:
    """A template that opens each answer with a thought, and leaves the thoughts of earlier answers out."""
    think = "('<think> ' if loop.last else '') + message.content"
    written = without_markers(template(opening="'assistant: <think> '")).replace("message.content + eos", f"{think} + eos")
    planted = prompts_become(turns("Hello to you."))(case)
    with_template(written)(case)
    return planted


def no_system(case: Case) -> list[int]:
    """A template that refuses what the system says."""
    refusing = "{%- if messages[0].role == 'system' -%}{{- raise_exception('System role not supported') -}}{%- endif -%}"
    with_template(refusing + template())(case)
    return prompts_become(lambda asked: [{"role": "system", "content": "Be kind."}, *user(asked)])(case)


# Models ---------------------------------------------------------------------------------------------------------------------


def weights_become(change: Callable[[dict[str, Any]], None]) -> Callable[[Case], list[int]]:
    def plant(case: Case) -> list[int]:
        from safetensors.torch import load_file, save_file

        path = case.own_model() / "model.safetensors"
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path, metadata={"format": "pt"})
        return RunLevel

    return plant


def nan(tensors: dict[str, Any]) -> None:
    tensors["model.norm.weight"][3] = float("nan")


def huge(tensors: dict[str, Any]) -> None:
    tensors["model.norm.weight"] *= 1e38
    tensors["model.embed_tokens.weight"] *= 1e30


def missing(tensors: dict[str, Any]) -> None:
    del tensors["model.layers.0.mlp.up_proj.weight"]


def cut(case: Case) -> list[int]:
    path = case.own_model() / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])
    return RunLevel


def blocked(case: Case) -> list[int]:
    case.blocked = True
    return RunLevel


def generates(**settings: Any) -> Callable[[Case], list[int]]:
    def plant(case: Case) -> list[int]:
        path = case.own_model() / "generation_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))
        return RunLevel

    return plant


# What people said -----------------------------------------------------------------------------------------------------------


def same_text(case: Case) -> list[int]:
    ordered = [row for row in case.of("train") if len({one["grades"]["overall"] for one in row["answers"]}) == 2][:3]
    for row in ordered:
        row["answers"][1]["messages"] = row["answers"][0]["messages"]
    return ids(ordered)


def other_way(case: Case) -> list[int]:
    ordered = [row for row in case.of("train") if len({one["grades"]["overall"] for one in row["answers"]}) == 2][:2]
    turned = []
    for place, row in enumerate(ordered):
        first, second = row["answers"]
        swapped = [{**first, "grades": second["grades"]}, {**second, "grades": first["grades"]}]
        turned.append({**row, "judgement_id": 9000 + place, "answers": swapped})
    case.rows += turned
    return ids([*ordered, *turned])


def longer_wins(case: Case) -> list[int]:
    for row in case.of("train"):
        lengths = [len(one["messages"][0]["content"]) for one in row["answers"]]
        for one, length in zip(row["answers"], lengths, strict=True):
            one["grades"]["overall"] = float(length == max(lengths))
    return RunLevel


def thumbs(up: Callable[[int], bool]) -> Callable[[Case], list[int]]:
    def plant(case: Case) -> list[int]:
        for place, row in enumerate(case.of("train")):
            for one in row["answers"]:
                one["grades"]["acceptable"] = float(up(place))
        return RunLevel

    return plant


def one_question(case: Case) -> list[int]:
    for row in case.of("train"):
        row["prompt"] = user("What do you think?")
    return RunLevel


def all_tie(case: Case) -> list[int]:
    for row in case.of("train"):
        for one in row["answers"]:
            one["grades"]["overall"] = 1.0
    return RunLevel


def unheard(case: Case) -> list[int]:
    ordered = [row for row in case.of("train") if len({one["grades"]["overall"] for one in row["answers"]}) == 2][:3]
    for row in case.rows:
        row["weight"] = 0.0 if row in ordered else 1.0
    return ids(ordered)


def equal_pay(case: Case) -> list[int]:
    case.recipe, case.config = "awr", {**case.config, "aspect": "acceptable"}
    return thumbs(lambda _place: True)(case)


def nobody_graded(case: Case) -> list[int]:
    case.recipe, case.config = "awr", {**case.config, "aspect": "style"}
    return RunLevel


# Plans and corpora ----------------------------------------------------------------------------------------------------------


def planned(**config: Any) -> Callable[[Case], list[int]]:
    def plant(case: Case) -> list[int]:
        case.config = {**case.config, **config}
        return RunLevel

    return plant


def another_recipe(recipe: str) -> Callable[[Case], list[int]]:
    def plant(case: Case) -> list[int]:
        case.recipe = recipe
        return RunLevel

    return plant


def nothing_held_out(case: Case) -> list[int]:
    for row in case.of("validation"):
        row["split"] = "test"
    return RunLevel


def too_big(case: Case) -> list[int]:
    case.tokenizer_only = True
    return planned(size="custom", layers=40, heads=128, width=32768)(case)


def unpayable(case: Case) -> list[int]:
    for row in some(case):
        row["metadata"] = {}
    return ids(some(case))


def same_documents(case: Case) -> list[int]:
    from training.recipes.pretrain import is_held_out

    trained = [text for text in case.documents if not is_held_out(text, case.config["held_out"])][:3]
    case.documents += trained
    return [len(case.documents) - 2, len(case.documents) - 1, len(case.documents)]


def lost_in_documents(case: Case) -> list[int]:
    for place in PLANTED:
        case.documents[place] = case.documents[place].replace("e", "\ufffd", 1)
    return [place + 1 for place in PLANTED]


def held_out_nearly(case: Case) -> list[int]:
    from training.recipes.pretrain import is_held_out

    place, text = next((place, text) for place, text in enumerate(case.documents) if is_held_out(text, case.config["held_out"]))
    variants = (f"{text} {word}" for word in ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"])
    case.documents.append(next(one for one in variants if not is_held_out(one, case.config["held_out"])))
    return [place + 1]


def repeated(count: int) -> Callable[[Case], list[int]]:
    """Makes so many rows far too long."""

    def plant(case: Case) -> list[int]:
        rows = case.of("train")[:count]
        for row in rows:
            message = row["answers"][0]["messages"][0] if "answers" in row else row["messages"][0]
            message["content"] += " and so on" * 600
        return ids(rows)

    return plant


SFT, GSM, DPO, KTO, RM, ASK, TEXT = (
    "self_instruct_sft",
    "gsm8k_sft",
    "tulu_dpo",
    "tulu_kto",
    "tulu_reward",
    "gsm8k_grpo",
    "wikitext_pretrain",
)
ELSEWHERE = "other tokens elsewhere"  # only a tokenizer that joins line ends, under a template without special tokens
ZOO = (
    Fault("an empty answer", GSM, "empty_answer", answers_become(lambda _text: " \n")),
    Fault("an empty prompt", GSM, "empty_prompt", prompts_become(lambda _text: user(""))),
    Fault("the same row twice", GSM, "duplicate", said_again),
    Fault("a prompt in two splits", GSM, "leak", leaked(lambda text: f"  {text.upper()}!")),
    Fault("almost a prompt in two splits", GSM, "near_leak", leaked(one_word_else)),
    Fault("rows over the limit", GSM, "too_long", repeated(20)),
    Fault("one row over the limit", GSM, "few_too_long", repeated(1)),
    Fault("roles in disorder", GSM, "roles", disorder, ("no_end",)),
    Fault("a role nobody knows", GSM, "roles", critic),
    Fault("a template that refuses", GSM, "unreadable", no_system),
    Fault("a tool that was not offered", GSM, "tools", calls, ("serving",)),
    Fault("special tokens spelled", SFT, "spelled", answers_become(lambda text: f"{text} <|endoftext|> <|end|>")),
    Fault("characters lost", SFT, "replacement", answers_become(lambda text: f"{text} caf\ufffd")),
    Fault("characters garbled", SFT, "mojibake", answers_become(garbled)),
    Fault("nothing learned", SFT, "no_loss", with_template(without_markers(template(opening="' Answer: '"))), ("prefix",)),
    Fault("no end learned", SFT, "no_end", with_template(template(end="''"))),
    Fault("begin doubled", SFT, "two_begins", with_template(template(begin="bos_token + bos_token"))),
    Fault("begin forgotten", SFT, "no_begin", spoiled(begins_every_text)),
    Fault("another prompt than in use", SFT, "prefix", with_template(template(opening="'assistant (kind): '"))),
    Fault(ELSEWHERE, GSM, "serving", prompts_become(turns("\n\nHello to you."))),
    Fault("a word nobody knows", SFT, "unknown", words_only, ("few_steps",)),
    Fault("earlier answers forgotten", GSM, "unlearned_turns", thinking),
    Fault(
        "padding that is the end", SFT, "pad_is_end", spoiled(lambda one: setattr(one, "pad_token", one.eos_token), lambda _: [])
    ),
    Fault("no chat template", SFT, "no_template", with_template(None, lambda _: [])),
    Fault("no end token", SFT, "no_end_token", spoiled(lambda one: setattr(one, "eos_token", None), lambda _: [])),
    Fault(
        "a vocabulary too large",
        SFT,
        "vocabulary",
        spoiled(lambda one: one.add_tokens([f"zig{number}" for number in range(2000)]), lambda _: []),
    ),
    Fault("weights that are no numbers", SFT, "not_finite", weights_become(nan)),
    Fault("weights cut short", SFT, "unloadable", cut),
    Fault("weights missing", SFT, "unloadable", weights_become(missing)),
    Fault("weights that explode", SFT, "dry_run", weights_become(huge)),
    Fault("another stop token", SFT, "stop_token", generates(eos_token_id=5)),
    Fault("a place where nothing can be saved", SFT, "unsaveable", blocked),
    Fault("better than itself", DPO, "identical", same_text),
    Fault("both ways", DPO, "contradiction", other_way),
    Fault("length decides", DPO, "length_bias", longer_wins),
    Fault("raters who weigh nothing", DPO, "weightless", unheard),
    Fault("the longer answers in a ranking", RM, "length_bias", longer_wins),
    Fault("only ties", RM, "only_ties", all_tie),
    Fault("only thumbs up", KTO, "one_label", thumbs(lambda _place: True)),
    Fault("hardly a thumb down", KTO, "imbalance", thumbs(lambda place: place > 4)),
    Fault("one prompt for all", KTO, "one_prompt", one_question),
    Fault("equal rewards", KTO, "one_reward", equal_pay),
    Fault("an aspect nobody graded", KTO, "refused", nobody_graded),
    Fault("judgements of another kind", DPO, "no_rows", another_recipe("sft")),
    Fault("nothing held out", GSM, "no_held_out", nothing_held_out),
    Fault("a learning rate of nothing", SFT, "zero_rate", planned(learning_rate=0.0)),
    Fault("a learning rate too high", SFT, "high_rate", planned(learning_rate=0.5)),
    Fault("warm-up that never ends", SFT, "long_warmup", planned(warmup=0.9)),
    Fault("three steps", SFT, "few_steps", planned(max_steps=3)),
    Fault("forty passes", SFT, "many_passes", planned(epochs=40)),
    Fault("a step larger than the data", SFT, "step_over_rows", planned(accumulation=5000), ("few_steps",)),
    Fault("nothing saved on the way", SFT, "rare_saves", planned(save_every=10_000)),
    Fault("a disk too small", TEXT, "disk", too_big, ("memory",)),
    Fault("a batch too large", TEXT, "memory", planned(batch_size=1 << 20), ("few_steps", "step_over_rows")),
    Fault("prompts without an answer to check", ASK, "unreadable", unpayable),
    Fault("prompts over the limit", ASK, "too_long", repeated(20)),
    Fault("a reward model that was not given", ASK, "refused", planned(rewards="model:1")),
    Fault("the same document twice", TEXT, "duplicate", same_documents),
    Fault("characters lost in documents", TEXT, "replacement", lost_in_documents),
    Fault("almost a document held out", TEXT, "near_leak", held_out_nearly),
)
