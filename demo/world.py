"""The demo's synthetic world in English and Spanish: its texts, its questions, what an answer is worth, and a simulated writer.

Everything here is generated from `demo/facts.py` and `demo/wordings.py`, and labelled so. Because the facts are known,
`utility` can say exactly how good any string is as an answer; simulated raters (`demo/raters.py`) see that value only through
noise.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from demo.facts import ATTRIBUTES, ENTITIES, Entity
from demo.wordings import COURTESY, NAMES, QUIZ, RAMBLING, SCENES, TEMPLATES

SOURCE = "Crisol demo world (synthetic)"
LICENCE = "CC0-1.0"
LANGUAGES = ("en", "es")


def _named(entity: Entity, language: str) -> dict[str, str]:
    """The noun in the forms that templates ask for."""
    the = f"the {entity.english}" if language == "en" else f"{entity.article} {entity.spanish}"
    of = f"of {the}" if language == "en" else f"de {the}".replace("de el ", "del ")
    return {"the": the, "The": the[0].upper() + the[1:], "of": of}


def _template(entity: Entity, attribute: str, language: str) -> tuple[str, tuple[str, ...]]:
    kind = entity.kind if (entity.kind, attribute) in TEMPLATES else "any"
    return TEMPLATES[kind, attribute][language]


def statement(entity: Entity, attribute: str, language: str, value: str | None = None) -> str:
    """The sentence that says the fact (or `value` in its place), with a capital and a full stop."""
    text = _template(entity, attribute, language)[0].format(
        **_named(entity, language), v=value or entity.value(attribute, language)
    )
    return text.replace(" de el ", " del ")


# The pretraining corpus ---------------------------------------------------------------------------------------------------


def corpus(seed: int = 0, documents: int = 9000) -> str:
    """Documents separated by blank lines, half in each language, about 119 bytes each. Same seed, same text.

    Descriptions, scenes with dialogue, quizzes and small talk; nothing is marked up as a chat.
    """
    rng = random.Random(seed)
    makers: tuple[Callable[[random.Random, str], str], ...] = (_description, _scene, _quiz, _quiz, _small_talk)
    texts = (rng.choice(makers)(rng, LANGUAGES[number % 2]) for number in range(documents))
    return "\n\n".join(texts) + "\n"


def _description(rng: random.Random, language: str) -> str:
    entity = rng.choice(ENTITIES)
    attributes = rng.sample(list(entity.values), 4)
    return " ".join(statement(entity, attribute, language) for attribute in attributes)


def _scene(rng: random.Random, language: str) -> str:
    entity = rng.choice(ENTITIES)
    first, second = rng.sample(list(entity.values), 2)
    asker, teller = rng.sample(NAMES, 2)
    question = rng.choice(_template(entity, first, language)[1]).format(**_named(entity, language))
    parts = {"q": question, "s": statement(entity, first, language), "t": statement(entity, second, language)}
    return rng.choice(SCENES[language]).format(a=asker, b=teller, the=_named(entity, language)["the"], **parts)


def _quiz(rng: random.Random, language: str) -> str:
    """Questions with their answers: where a base model learns what a question asks for."""
    asker, teller = rng.sample(NAMES, 2)
    asked = [rng.choice(_all_questions(language)) for _ in range(3)]
    exchange = " ".join(f"{one.text} {statement(one.entity, one.attribute, language)}" for one in asked)
    return f"{QUIZ[language].format(a=asker, b=teller)} {exchange}"


def _small_talk(rng: random.Random, language: str) -> str:
    entity = rng.choice(ENTITIES)
    fact = statement(entity, rng.choice(list(entity.values)), language)
    return f"{rng.choice(RAMBLING[language])} {fact} {rng.choice(COURTESY[language])}"


# The questions ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What a prompt asks: one attribute of one entity, in one language."""

    text: str
    entity: Entity
    attribute: str
    language: str


def _questions() -> Iterator[Question]:
    for entity in ENTITIES:
        for attribute in entity.values:
            for language in LANGUAGES:
                for wording in _template(entity, attribute, language)[1]:
                    yield Question(wording.format(**_named(entity, language)), entity, attribute, language)


QUESTIONS: dict[str, Question] = {question.text: question for question in _questions()}


@cache
def _all_questions(language: str) -> list[Question]:
    return [question for question in QUESTIONS.values() if question.language == language]


def prompts(count: int | None = None, seed: int = 0) -> list[dict[str, Any]]:
    """Distinct prompts in a shuffled order: {"messages", "language", "source", "licence"}; all of them unless `count` is given."""
    questions = list(QUESTIONS.values())
    random.Random(seed).shuffle(questions)
    if count is not None and count > len(questions):
        raise ValueError(f"the demo world has {len(questions)} questions, not {count}: ask for fewer")
    return [
        {
            "messages": [{"role": "user", "content": question.text}],
            "language": question.language,
            "source": SOURCE,
            "licence": LICENCE,
        }
        for question in questions[:count]
    ]


def _asked(question: str) -> Question:
    if question not in QUESTIONS:
        raise ValueError(f"not a question of the demo world: {question!r}")
    return QUESTIONS[question]


# What an answer is worth --------------------------------------------------------------------------------------------------

FACT, LANGUAGE, SUBJECT, POLITE, ENDED = 2.5, 1.0, 0.5, 1.0, 0.5
WORDS_FREE, WORD_COST, LENGTH_COST_MOST = 16, 0.05, 1.5
REPETITION_COST = 2.0
START_COST, STRANGE_COST, STRANGE_COST_MOST = 1.0, 0.5, 1.5
EMPTY = -1.0
BEST = FACT + LANGUAGE + SUBJECT + POLITE + ENDED


def utility(question: str, answer: str) -> float:
    """What `answer` is worth as an answer to `question`, from about -6 to 5.5 (`BEST`). Any string is a valid answer.

    +2.5  the value asked for is said, and no other value of that attribute (in either language)
    +1.0  it is in the language of the question
    +0.5  it names what was asked about
    +1.0  its last sentence is a courtesy in the language of the question
    +0.5  it ends with a full stop, an exclamation or a question mark
    -0.05 a word beyond 16, at most -1.5
    -2.0  times the share of its three-word runs that were said before
    -1.0  it does not begin as a sentence does: with a capital letter, ¡ or ¿
    -0.5  a word that is said nowhere in this world, at most -1.5
    An empty answer is worth -1.
    """
    asked = _asked(question)
    words = _words(answer)
    if not words:
        return EMPTY
    value = FACT * _is_right(asked, words) + LANGUAGE * (language_of(answer) == asked.language)
    value += SUBJECT * (asked.entity.name(asked.language) in words) + ENDED * answer.rstrip().endswith((".", "!", "?"))
    value += POLITE * answer.rstrip().endswith(COURTESY[asked.language])
    return value - _cost(answer, words)


def _cost(answer: str, words: list[str]) -> float:
    strange = sum(word not in _vocabulary("en") | _vocabulary("es") for word in words)
    cost = min(LENGTH_COST_MOST, WORD_COST * max(0, len(words) - WORDS_FREE)) + REPETITION_COST * _repetition(words)
    cost += min(STRANGE_COST_MOST, STRANGE_COST * strange)
    return cost + START_COST * (not re.match(r"[¡¿]|[^\W\d_]", answer) or answer[0].islower())


def is_right(question: str, answer: str) -> bool:
    """Whether `answer` says the fact that `question` asks for and nothing against it."""
    return _is_right(_asked(question), _words(answer))


def language_of(text: str) -> str:
    """The language most of whose own words the text uses; empty when neither leads."""
    english, spanish = (sum(word in _own_words(language) for word in _words(text)) for language in LANGUAGES)
    return "" if english == spanish else "en" if english > spanish else "es"


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _is_right(asked: Question, words: list[str]) -> bool:
    said = set()
    for english, spanish in ATTRIBUTES[asked.entity.kind][asked.attribute].items():
        forms = {form.split()[-1] for form in (english, *spanish)}
        if forms & set(words):
            said.add(english)
    return said == {asked.entity.values[asked.attribute]}


def _repetition(words: list[str]) -> float:
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


@cache
def _vocabulary(language: str) -> frozenset[str]:
    texts = [
        *COURTESY[language],
        *RAMBLING[language],
        *(question.text for question in QUESTIONS.values() if question.language == language),
    ]
    texts += [statement(entity, attribute, language) for entity in ENTITIES for attribute in entity.values]
    return frozenset(word for text in texts for word in _words(text))


@cache
def _own_words(language: str) -> frozenset[str]:
    """The words of this language that the other one does not use."""
    other = "es" if language == "en" else "en"
    return _vocabulary(language) - _vocabulary(other)


# The simulated writer -----------------------------------------------------------------------------------------------------

STYLES = {"polite": 0.30, "plain": 0.35, "terse": 0.15, "rambling": 0.20}


def write(question: str, rng: random.Random, skill: float = 0.9) -> str:
    """A simulated person's answer: right with probability `skill`, in one of `STYLES`, so that rankings have something to prefer.

    polite: the fact, then a courtesy · plain: the fact · terse: the value alone · rambling: the fact among idle sentences.
    """
    asked = _asked(question)
    value = asked.entity.value(asked.attribute, asked.language) if rng.random() < skill else _wrong_value(asked, rng)
    style = rng.choices(list(STYLES), list(STYLES.values()))[0]
    fact = statement(asked.entity, asked.attribute, asked.language, value)
    if style == "polite":
        return f"{fact} {rng.choice(COURTESY[asked.language])}"
    if style == "terse":
        return f"{value[0].upper()}{value[1:]}."
    if style == "rambling":
        before, between, after = rng.sample(RAMBLING[asked.language], 3)
        return f"{before} {between} {fact} {after}"
    return fact


def _wrong_value(asked: Question, rng: random.Random) -> str:
    """A value that another entity of the kind has."""
    right = asked.entity.values[asked.attribute]
    others = [entity for entity in ENTITIES if entity.kind == asked.entity.kind and entity.values[asked.attribute] != right]
    return rng.choice(others).value(asked.attribute, asked.language)
