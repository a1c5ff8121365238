"""The rules behind `instructions`: one function an instruction of IFEval, `check(text, **arguments) -> bool`.

Every pattern takes time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from training.rewards import json_schema

QUOTES = (('"', '"'), ("“", "”"), ("«", "»"))
FIXED = (
    "My answer is yes.", "My answer is no.", "My answer is maybe.",
    "Mi respuesta es sí.", "Mi respuesta es no.", "Mi respuesta es quizás.",
)  # fmt: skip
ABBREVIATED = re.compile(r"\b(?:[Mm]rs?|[Mm]s|[Dd]ra?|[Ss]ra?|[Ss]rta|[Pp]rof|[Ss]t|[Ee]tc|[Vv]s|[Ee]\.g|[Ii]\.e|[A-ZÁÉÍÓÚÑ])\.")
END = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s|$)|。|！|？|।")


def compare(count: int, relation: str, bound: int) -> bool:
    """IFEval's two relations. ValueError names another."""
    if relation == "less than":
        return count < bound
    if relation == "at least":
        return count >= bound
    raise ValueError(f"relation {relation!r}; there are: less than, at least")


def whole_word(word: str) -> str:
    """A pattern of a word that is no part of a longer one."""
    return rf"(?<!\w){re.escape(word)}(?!\w)"


# Keywords -------------------------------------------------------------------------------------------------------------------


def existence(text: str, keywords: list[str]) -> bool:
    return all(word.casefold() in text.casefold() for word in keywords)


def frequency(text: str, keyword: str, frequency: int, relation: str) -> bool:
    return compare(text.casefold().count(keyword.casefold()), relation, frequency)


def forbidden_words(text: str, forbidden_words: list[str]) -> bool:
    return not any(re.search(whole_word(word), text, re.IGNORECASE) for word in forbidden_words)


def letter_frequency(text: str, letter: str, let_frequency: int, let_relation: str) -> bool:
    return compare(text.lower().count(letter.lower()), let_relation, let_frequency)


# Language and case ----------------------------------------------------------------------------------------------------------


def language_of(text: str) -> str:
    """The ISO 639-1 code of a text's most likely language. Capitals are read as small letters."""
    import py3langid

    return str(py3langid.classify(text.lower())[0])


def response_language(text: str, language: str) -> bool:
    return language_of(text) == language.partition("-")[0]


def capital(language: str) -> Callable[..., bool]:
    """The check of an answer in this language and in capitals."""
    return lambda text: text.isupper() and language_of(text) == language


def lowercase(language: str) -> Callable[..., bool]:
    """The check of an answer in this language and in small letters."""
    return lambda text: text.islower() and language_of(text) == language


def capital_word_frequency(text: str, capital_frequency: int, capital_relation: str) -> bool:
    return compare(sum(word.isupper() for word in re.findall(r"[\w'’-]+", text)), capital_relation, capital_frequency)


# Length ---------------------------------------------------------------------------------------------------------------------


def sentences(text: str) -> list[str]:
    """A text's sentences: parted after . ! ? … where a blank or the end follows, but not after the dot of Mr. or of an initial."""
    safe = ABBREVIATED.sub(lambda found: found[0].replace(".", "·"), text)
    return [sentence for piece in END.split(safe) if (sentence := piece.strip())]


def number_sentences(text: str, num_sentences: int, relation: str) -> bool:
    return compare(len(sentences(text)), relation, num_sentences)


def number_words(text: str, num_words: int, relation: str) -> bool:
    return compare(len(re.findall(r"\w+", text)), relation, num_words)


def number_paragraphs(text: str, num_paragraphs: int) -> bool:
    """Paragraphs are parted by a line of three stars; an empty one between two others is a fault."""
    paragraphs = [paragraph.strip() for paragraph in text.split("***")]
    return all(paragraphs[1:-1]) and sum(map(bool, paragraphs)) == num_paragraphs


def nth_paragraph_first_word(text: str, num_paragraphs: int, nth_paragraph: int, first_word: str) -> bool:
    """Paragraphs are parted by an empty line."""
    paragraphs = [paragraph.strip() for paragraph in text.split("\n\n") if paragraph.strip()]
    if len(paragraphs) != num_paragraphs or nth_paragraph > num_paragraphs:
        return False
    word = re.match(r"[\"'“‘«¡¿]*([^\s.,?!:;\"'”’»]*)", paragraphs[nth_paragraph - 1])
    return word is not None and word[1].lower() == first_word.lower()


# Content and format ---------------------------------------------------------------------------------------------------------


def number_placeholders(text: str, num_placeholders: int) -> bool:
    return len(re.findall(r"\[[^\[\]\n]*\]", text)) >= num_placeholders


def postscript(text: str, postscript_marker: str) -> bool:
    """The marker, with or without blanks between its letters, at the end of any line or of the text."""
    letters = [re.escape(letter) for letter in re.findall(r"\w", postscript_marker)]
    pattern = r"\.?[^\S\n]?".join(letters)
    return re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE) is not None


def number_bullet_lists(text: str, num_bullets: int) -> bool:
    return len(re.findall(r"^[^\S\n]*(?:\*(?!\*)|-).*$", text, re.MULTILINE)) == num_bullets


def number_highlighted_sections(text: str, num_highlights: int) -> bool:
    found = re.findall(r"\*\*[^\n*]+\*\*|\*[^\n*]+\*", text)
    return sum(bool(section.strip("* ")) for section in found) >= num_highlights


def multiple_sections(text: str, section_spliter: str, num_sections: int) -> bool:
    return len(re.findall(rf"{re.escape(section_spliter)}\s?\d", text)) >= num_sections


def title(text: str) -> bool:
    return any(found.strip("<> ") for found in re.findall(r"<<[^\n<>]+>>", text))


def constrained_response(text: str) -> bool:
    return any(answer in text for answer in FIXED)


def json_format(text: str) -> bool:
    try:
        json_schema.read(text)
    except ValueError:
        return False
    return True


# The whole ------------------------------------------------------------------------------------------------------------------


def repeat_prompt(text: str, prompt_to_repeat: str) -> bool:
    return text.strip().lower().startswith(prompt_to_repeat.strip().lower())


def two_responses(text: str) -> bool:
    """Two answers that differ, parted by six stars."""
    responses = [response.strip() for response in text.split("******")]
    given = [response for response in responses if response]
    return all(responses[1:-1]) and len(given) == 2 and given[0] != given[1]


def end_checker(text: str, end_phrase: str) -> bool:
    return text.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def quotation(text: str) -> bool:
    bare = text.strip()
    return len(bare) > 1 and (bare[0], bare[-1]) in QUOTES


def no_comma(text: str) -> bool:
    return "," not in text and "，" not in text and "、" not in text


CHECKS: dict[str, Callable[..., Any]] = {
    "keywords:existence": existence,
    "keywords:frequency": frequency,
    "keywords:forbidden_words": forbidden_words,
    "keywords:letter_frequency": letter_frequency,
    "language:response_language": response_language,
    "change_case:english_capital": capital("en"),
    "change_case:english_lowercase": lowercase("en"),
    "change_case:spanish_capital": capital("es"),
    "change_case:spanish_lowercase": lowercase("es"),
    "change_case:capital_word_frequency": capital_word_frequency,
    "length_constraints:number_sentences": number_sentences,
    "length_constraints:number_words": number_words,
    "length_constraints:number_paragraphs": number_paragraphs,
    "length_constraints:nth_paragraph_first_word": nth_paragraph_first_word,
    "detectable_content:number_placeholders": number_placeholders,
    "detectable_content:postscript": postscript,
    "detectable_format:number_bullet_lists": number_bullet_lists,
    "detectable_format:number_highlighted_sections": number_highlighted_sections,
    "detectable_format:multiple_sections": multiple_sections,
    "detectable_format:title": title,
    "detectable_format:constrained_response": constrained_response,
    "detectable_format:json_format": json_format,
    "combination:repeat_prompt": repeat_prompt,
    "combination:two_responses": two_responses,
    "startend:end_checker": end_checker,
    "startend:quotation": quotation,
    "punctuation:no_comma": no_comma,
}
