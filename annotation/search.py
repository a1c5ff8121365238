"""Full text search of what prompts and samples say and of what judgements remark, on both databases alike.

A search is words that must all occur, "quoted phrases", -exclusions and prefix*, in any case, with or without accents. Whatever a
person types is a search: nothing is an error of syntax. The indexes, and what keeps them in step, are in
`annotation/migrations/0002_search.py`. A word is a run of letters and numbers: in a script that writes no spaces, search by prefix.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.expressions import RawSQL

from annotation.models import Judgement, Prompt

LONGEST, MOST_TERMS = 1000, 20
_TERM = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<word>[^\s"]+))(?P<star>\*?)')

Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True)
class Term:
    """A word, or words in a row; `prefix`: the last of them may go on; `excluded`: must not occur."""

    text: str
    prefix: bool = False
    excluded: bool = False


def terms(text: str) -> list[Term]:
    """What a person searches for. Of very long searches the beginning; what holds no letter and no number is left out."""
    found = []
    for match in _TERM.finditer(text[:LONGEST].replace("\0", " ")):
        said = match["phrase"] if match["word"] is None else match["word"]
        prefix = bool(match["star"]) or (match["phrase"] is None and said.endswith("*"))
        if any(letter.isalnum() for letter in said):
            found.append(Term(said.rstrip("*"), prefix, bool(match["minus"])))
    return found[:MOST_TERMS]


def saying(rows: Rows, text: str) -> Rows:
    """Of prompts and samples those that say `text`; of judgements those whose comment or prompt does. Nothing but blanks: all."""
    if not text.strip():
        return rows
    wanted = terms(text)
    if not wanted:
        return rows.none()
    if rows.model is Judgement:
        by_comment = Judgement.objects.filter(pk__in=_ids(Judgement, wanted))
        by_prompt = Judgement.objects.filter(task__prompt__in=_ids(Prompt, wanted))
        return rows.filter(pk__in=by_comment.values("pk").union(by_prompt.values("pk")))
    return rows.filter(pk__in=_ids(rows.model, wanted))


def _ids(model: type[Model], wanted: list[Term]) -> RawSQL:
    """The ids of the rows of `model` that hold the terms, as a subquery."""
    return (_sqlite if connection.vendor == "sqlite" else _postgres)(model, wanted)


def _sqlite(model: type[Model], wanted: list[Term]) -> RawSQL:
    table = model._meta.db_table
    kept = " AND ".join(map(_quoted, (term for term in wanted if not term.excluded)))
    without = " OR ".join(map(_quoted, (term for term in wanted if term.excluded)))
    matching = f"SELECT rowid FROM {table}_words WHERE {table}_words MATCH %s"
    if not kept:
        return RawSQL(f"SELECT id FROM {table} WHERE id NOT IN ({matching})", [without])
    return RawSQL(matching, [f"({kept}) NOT ({without})" if without else kept])


def _quoted(term: Term) -> str:
    """A term as FTS5 reads it: between quotes nothing has a meaning of its own."""
    text = term.text.replace('"', '""')
    return f'"{text}"*' if term.prefix else f'"{text}"'


def _postgres(model: type[Model], wanted: list[Term]) -> RawSQL:
    query = " && ".join(map(_tsquery, wanted))
    return RawSQL(f"SELECT id FROM {model._meta.db_table} WHERE words @@ ({query})", [term.text for term in wanted])


def _tsquery(term: Term) -> str:
    """A term's place in the query: PostgreSQL folds and cuts it as it did what it indexed."""
    query = "phraseto_tsquery('simple', annotation_folded(%s))"
    if term.prefix:
        query = f"(nullif({query}::text, '') || ':*')::tsquery"
    return f"!!({query})" if term.excluded else query
