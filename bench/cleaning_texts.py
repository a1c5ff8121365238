"""Documents for `bench/cleaning.py`: two real texts cut into documents, what is planted in them, a corpus of any size from them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import real_data
from training.cleaning import words
from training.cleaning.personal import DNI_LETTERS

QUIJOTE = "text_quijote_es_90.txt.gz"
LONG = 3000  # characters, at least, of a document
KEPT = 500  # documents of a stream that may be copied later


@dataclass(frozen=True)
class Planted:
    """A document with a fault: the rule that should find it; none where it only looks like a fault."""

    rule: str
    text: str


def spanish(data: Path) -> list[str]:
    """The Quijote, a paragraph a line, its headings left out."""
    paragraphs = (" ".join(block.split()) for block in re.split(r"\n\s*\n", real_data.text(data / QUIJOTE)))
    return documents(one for one in paragraphs if len(one) > 80)


def english(data: Path) -> list[str]:
    """WikiText-2's validation articles, their headings left out, written as people write: its tokens have spaces around them."""
    lines = (line.strip() for line in real_data.text(data / real_data.WIKITEXT).split("\n"))
    return documents(as_written(line) for line in lines if len(line) > 80 and not line.startswith("="))


def as_written(line: str) -> str:
    """One line without WikiText's spaces before punctuation and @ around hyphens."""
    line = re.sub(r" @(.)@ ", r"\1", line).replace("<unk>", "unknown")
    line = re.sub(r" ([.,;:!?%)\]’]|'s|n't)", r"\1", line)
    return re.sub(r"([(\[$£]) ", r"\1", line).replace(' " ', ' "')


def documents(paragraphs: Iterator[str]) -> list[str]:
    """Paragraphs together until they are long."""
    made: list[str] = []
    held: list[str] = []
    for paragraph in paragraphs:
        held.append(paragraph)
        if sum(map(len, held)) > LONG:
            made.append("\n".join(held))
            held = []
    return made


def sentences(texts: list[str]) -> list[str]:
    """Every sentence of the texts that is not short."""
    found = (text[start:end].strip() for text in texts for start, end in words.sentences(text))
    return [one for one in found if 40 < len(one) < 400]


def drawn(pool: list[str], rng: random.Random) -> str:
    """A document of 15 to 35 sentences, five a line. Few of them stand together elsewhere."""
    chosen = [rng.choice(pool) for _ in range(rng.randint(15, 35))]
    return "\n".join(" ".join(chosen[at : at + 5]) for at in range(0, len(chosen), 5))


def inserted(text: str, piece: str, rng: random.Random) -> str:
    """The text with a piece between two of its words."""
    spaces = [found.start() for found in re.finditer(" ", text)]
    at = rng.choice(spaces)
    return f"{text[:at]} {piece} {text[at + 1 :]}"


def altered(text: str, share: float, rng: random.Random) -> str:
    """The text with this share of its words replaced by other words of it."""
    lines = [line.split(" ") for line in text.split("\n")]
    every = [word for line in lines for word in line]
    return "\n".join(" ".join(rng.choice(every) if rng.random() < share else word for word in line) for line in lines)


# Faults of quality ------------------------------------------------------------------------------------------------------------


def quality(text: str, pool: list[str], rng: random.Random) -> Iterator[Planted]:
    """One document of each fault that the papers' rules name, made from a real one."""
    lines, every = text.split("\n"), text.split()
    yield Planted("gopher", " ".join(every[:30]) + ".")
    yield Planted("gopher", "\n".join(f"- {one}" for one in rng.sample(pool, 12)))
    yield Planted("gopher", "\n".join(one.rstrip(".") + "..." for one in rng.sample(pool, 12)))
    yield Planted("gopher", " ".join(f"#{word}" if place % 4 == 0 else word for place, word in enumerate(every)))
    yield Planted("gopher", "\n".join(" ".join(f"{rng.randint(0, 9999)} {word}" for word in one.split()) for one in lines))
    yield Planted("gopher", "\n".join("".join(one.split()) for one in rng.sample(pool, 60)))
    yield Planted("repetition", "\n".join([*lines, *[rng.choice(pool)] * (2 * len(lines) + 3)]))
    yield Planted("repetition", text + "\n" + " ".join(every[:6]) * 1 + (" " + " ".join(every[:6])) * (len(every) // 8))
    yield Planted("repetition", f"{lines[0]} " + "haga clic aquí ahora mismo " * (len(every) // 10) + lines[-1])
    yield Planted("c4", inserted(text, "Lorem ipsum dolor sit amet, consectetur.", rng))
    yield Planted("c4", inserted(text, "function () { return false; }", rng))
    yield Planted("c4", " ".join(rng.sample(pool, 4)))
    yield Planted("c4_lines", f"{lines[0]}\nThis site uses cookies to give you the best experience.\n" + "\n".join(lines[1:]))
    yield Planted("c4_lines", "\n".join([*lines, "Please enable javascript to read this page."]))
    yield Planted("fineweb", "\n".join(" ".join(every[at : at + 4]).rstrip(".,;:") for at in range(0, len(every), 4)))
    yield Planted("fineweb", "\n".join(f"{one} " + rng.choice(every).rstrip(".,;:!?”\"'") for one in rng.sample(pool, 15)))
    yield Planted("harmful", inserted(text, rng.choice(["pornstar", "hentai", "tetonas", "putas calientes"]), rng))


# Personal data ----------------------------------------------------------------------------------------------------------------


def luhn(digits: str) -> str:
    """The digits with the one that makes them a card's."""
    total = sum(
        value - 9 if value > 9 else value for value in (int(one) * (2 - place % 2) for place, one in enumerate(digits[::-1]))
    )
    return digits + str(-total % 10)


def _number(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def _iban(rng: random.Random) -> str:
    country, digits = rng.choice([("ES", 20), ("DE", 18), ("PT", 21)])
    account = _number(rng, digits)
    whole = "".join(str(int(letter, 36)) for letter in f"{account}{country}00")
    plain = f"{country}{98 - int(whole) % 97:02d}{account}"
    return rng.choice([plain, " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))])


def _card(rng: random.Random) -> str:
    plain = luhn(rng.choice(["4", "51", "55"]) + _number(rng, 13))[:16]
    plain = plain if len(plain) == 16 else luhn("4" + _number(rng, 14))
    return rng.choice([plain, " ".join(plain[at : at + 4] for at in range(0, 16, 4))])


def _dni(rng: random.Random) -> str:
    digits = _number(rng, 8)
    return digits + rng.choice(["", "-"]) + DNI_LETTERS[int(digits) % 23]


def _nie(rng: random.Random) -> str:
    first, digits = rng.choice("XYZ"), _number(rng, 7)
    return first + digits + DNI_LETTERS[int(str("XYZ".index(first)) + digits) % 23]


def _email(rng: random.Random) -> str:
    return f"{rng.choice(['ana', 'j.perez', 'info+web'])}{rng.randint(1, 99)}@{rng.choice(['correo.es', 'mail.example.co.uk'])}"


def _phone(rng: random.Random) -> str:
    """A mobile one and a fixed one of Spain, one of North America, each in two ways."""
    groups = [_number(rng, count) for count in (3, 3, 4)]
    area = [str(rng.randint(201, 989)) for _ in range(2)]
    return rng.choice(
        [
            f"+34 6{groups[0][:2]} {groups[1]} {groups[2][:3]}",
            f"6{_number(rng, 8)}",
            f"91{groups[0][0]} {groups[1][:2]} {groups[2][:2]} {groups[2][2:]}",
            f"+34-91-{groups[0]}-{groups[2]}",
            f"({area[0]}) {area[1]}-{groups[2]}",
            f"+1-{area[0]}-{area[1]}-{groups[2]}",
        ]
    )


def _ip(rng: random.Random) -> str:
    octets = [rng.randint(0, 255) for _ in range(3)]
    words = [f"{rng.randint(16, 4095):x}" for _ in range(3)]
    return rng.choice([f"{rng.randint(11, 99)}.{octets[0]}.{octets[1]}.{octets[2]}", f"2a02:{words[0]}:{words[1]}::{words[2]}"])


PERSONAL: dict[str, Callable[[random.Random], str]] = {
    "EMAIL": _email,
    "PHONE": _phone,
    "IBAN": _iban,
    "CARD": _card,
    "DNI": _dni,
    "NIE": _nie,
    "IP": _ip,
}


def _wrong(value: str) -> str:
    """The value with its last digit changed: what has a checksum fails it."""
    at = max(place for place, letter in enumerate(value) if letter.isdigit())
    return value[:at] + str((int(value[at]) + 1) % 10) + value[at + 1 :]


# What looks like personal data and is none: false checksums, dates, versions, sums, numbers of books and pages, private addresses.
DECOYS: list[Callable[[random.Random], str]] = [
    lambda rng: _wrong(_dni(rng)),
    lambda rng: _wrong(_nie(rng)),
    lambda rng: _wrong(luhn("4" + _number(rng, 14))),
    lambda rng: f"{rng.randint(1600, 1999)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
    lambda rng: f"ISBN 978-84-{_number(rng, 4)}-{_number(rng, 3)}-{_number(rng, 1)}",
    lambda rng: f"{rng.randint(1, 9)}.{rng.randint(100, 999)}.{rng.randint(100, 999)} reales",
    lambda rng: f"192.168.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
    lambda rng: f"3.14159{_number(rng, 9)}",
    lambda rng: f"{rng.randint(100, 999)},{rng.randint(100, 999)},{rng.randint(100, 999)} people",
    lambda rng: f"pp. {rng.randint(100, 400)}-{rng.randint(401, 900)}",
    lambda rng: f"{rng.randint(10, 23)}:{rng.randint(10, 59)}:{rng.randint(10, 59)}",
    lambda rng: "@cervantes",
]


# A corpus of any size ---------------------------------------------------------------------------------------------------------


def stream(pools: list[list[str]], size: int, seed: int) -> Iterator[str]:
    """Documents of `size` bytes in all; of a hundred five are copies, five near copies, one is short, one holds an address."""
    rng, done, kept = random.Random(seed), 0, list[str]()
    while done < size:
        kind = rng.random()
        text = rng.choice(kept) if kind < 0.10 and kept else drawn(rng.choice(pools), rng)
        if 0.05 <= kind < 0.10:
            text = altered(text, 0.01, rng)
        elif 0.10 <= kind < 0.11:
            text = text[:120]
        elif 0.11 <= kind < 0.12:
            text = inserted(text, PERSONAL["EMAIL"](rng), rng)
        elif kind >= 0.12:
            if len(kept) < KEPT:
                kept.append(text)
            else:
                kept[rng.randrange(KEPT)] = text
        done += len(text.encode()) + 2
        yield text
