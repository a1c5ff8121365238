"""Which column of a file is which field of a shape: guessed from their names, said by a person, applied to each row.

A column is named as in the file; “meta.lang” is the key “lang” of the objects in column “meta”, one level deep.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.parts import names, part

MOST_COLUMNS = 200

Values = dict[str, Any]
Chosen = Mapping[str, str]  # the column of each field


@dataclass(frozen=True)
class Field:
    """A field of a shape: what it is called in rows and to people, and under which other names files have it.

    Of two fields that say the same, `instead` names the other: where a file has that one, this one is not guessed.
    """

    name: str
    title: str | Promise
    synonyms: tuple[str, ...] = ()
    instead: str = ""


PROMPT = (
    Field("prompt", gettext_lazy("Prompt"), ("instruction", "question", "query", "input", "user_prompt", "text"), "messages"),
    Field("messages", gettext_lazy("Prompt, as chat messages"), ("conversation", "conversations", "chat", "dialogue"), "prompt"),
    Field("system", gettext_lazy("System message"), ("system_prompt",)),
    Field("tools", gettext_lazy("Tools offered"), ("functions",)),
)
COMMON = (
    Field("language", gettext_lazy("Language"), ("lang", "locale")),
    Field("source", gettext_lazy("Source"), ("dataset", "origin")),
    Field("licence", gettext_lazy("Licence"), ("license",)),
)
JUDGED = (
    Field(
        "rater",
        gettext_lazy("Rater"),
        ("annotator", "evaluator", "judge", "worker", "labeler", "user_id", "annotator_id", "worker_id"),
    ),
    Field("seconds", gettext_lazy("Seconds taken"), ("duration", "lead_time", "time_spent")),
    Field("created", gettext_lazy("Time"), ("timestamp", "created_at", "tstamp", "date")),
)


def columns_of(rows: Iterable[Values]) -> list[str]:
    """The columns of these rows in the order in which they appear, the keys of an object after its column."""
    found: dict[str, None] = {}
    for row in rows:
        for name, value in row.items():
            found.setdefault(name)
            if isinstance(value, dict):
                found.update(dict.fromkeys(f"{name}.{key}" for key in value))
    return list(found)[:MOST_COLUMNS]


def value_at(row: Values, column: str) -> Any:
    """What a row holds in a column; None where it holds nothing."""
    if column in row:
        return row[column]
    outer, dot, inner = column.partition(".")
    holder = row.get(outer)
    return holder.get(inner) if dot and isinstance(holder, dict) else None


def guess(fields: Iterable[Field], columns: Iterable[str]) -> dict[str, str]:
    """The column of each field, by its name, then by its synonyms, then by the key of an object; a column serves one field."""
    free = {_plain(column): column for column in reversed(list(columns))}
    inner = {plain.partition(".")[2]: plain for plain in free if "." in plain}
    found: dict[str, str] = {}
    for names_of, among in ((_own, {}), (_all, {}), (_all, inner)):
        for field in fields:
            plain = next((among.get(name, name) for name in names_of(field) if among.get(name, name) in free), None)
            if plain is not None and not found.keys() & {field.name, field.instead}:
                found[field.name] = free.pop(plain)
    return found


def _own(field: Field) -> tuple[str, ...]:
    return (field.name,)


def _all(field: Field) -> tuple[str, ...]:
    return (field.name, *field.synonyms)


def _plain(column: str) -> str:
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def applied(row: Values, fields: Iterable[Field], mapping: Chosen) -> Values:
    """The row with its fields under their names. A field that `mapping` leaves out is read from the column of its own name;
    one that it maps to "" is not read at all. Columns that are no field stay."""
    own = {field.name for field in fields}
    kept = {column: value for column, value in row.items() if column not in own}
    read = {name: value_at(row, mapping.get(name, name)) for name in own if mapping.get(name, name)}
    return kept | {name: value for name, value in read.items() if value is not None}


def checked(shape: str, mapping: Chosen) -> dict[str, str]:
    """The mapping, if it names fields of the shape. ValueError names the nearest field."""
    known = [field.name for field in part("IMPORTS", shape).FIELDS]
    for name in mapping:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1) or [", ".join(known)]
            raise ValueError(_("no field “%(name)s” in this shape: %(near)s?") % {"name": name, "near": near[0]})
    return dict(mapping)


def spelled(pairs: Iterable[str]) -> dict[str, str]:
    """The mapping that is written “field=column”, one a string."""
    mapping = {}
    for pair in pairs:
        name, equals, column = pair.partition("=")
        if not equals or not name.strip():
            raise ValueError(_("“%(pair)s”: write it as field=column") % {"pair": pair})
        mapping[name.strip()] = column.strip()
    return mapping


def looks_like(columns: Iterable[str]) -> list[str]:
    """The shapes that these columns show the clearest sign of, none when they show none. The more particular come first, which are
    those that the settings list later."""
    columns = list(columns)
    signs = {shape: _sign(shape, columns) for shape in reversed(names("IMPORTS"))}
    return [shape for shape, sign in signs.items() if sign and sign == max(signs.values())]


def _sign(shape: str, columns: list[str]) -> int:
    """How clear the clearest sign is: a column counts two if it is called so, one if it only may be meant."""
    module = part("IMPORTS", shape)
    meant = guess(module.FIELDS, columns)
    signs = [sign for sign in module.SIGNS if {*columns, *meant}.issuperset(sign)]
    return max((sum(2 if name in columns else 1 for name in sign) for sign in signs), default=0)
