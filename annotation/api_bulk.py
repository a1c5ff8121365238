"""Many rows in one call: each line's fate is told, and nothing is half-imported unless the caller says `skip_bad`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.response import Response

from annotation.doors import BadInput, Exact

MOST = 10_000


class BulkSerializer(Exact):
    skip_bad = serializers.BooleanField(default=False, help_text="Import the good lines although others are bad.")


class LineSerializer(serializers.Serializer):
    """What became of one line."""

    index = serializers.IntegerField(help_text="Its place in what was sent, from 0.")
    fate = serializers.ChoiceField(["created", "known", "bad"], help_text="`known`: it was there already, and was left as it is.")
    id = serializers.IntegerField(required=False, help_text="Of the row created or known.")
    problem = serializers.CharField(required=False, help_text="What is wrong with a bad line.")


class BulkResultSerializer(serializers.Serializer):
    """What became of the lines, in their order."""

    created = serializers.IntegerField()
    known = serializers.IntegerField()
    bad = serializers.IntegerField()
    lines = LineSerializer(many=True)


Line = dict[str, Any]


def sorted_out(lines: list[Any], parse: Callable[[Any], Any], *, skip_bad: bool) -> tuple[dict[int, Any], dict[int, Line]]:
    """(good lines parsed, reports of bad ones), by index. Refuses the call when some are bad and `skip_bad` is not said."""
    good: dict[int, Any] = {}
    bad: dict[int, Line] = {}
    for index, line in enumerate(lines):
        try:
            good[index] = parse(line)
        except ValueError as error:
            bad[index] = {"index": index, "fate": "bad", "problem": str(error)}
    if bad and not skip_bad:
        counts = {"bad": len(bad), "all": len(lines)}
        sentence = _("Nothing was imported: %(bad)d of %(all)d lines are bad. Correct them, or send skip_bad to leave them out.")
        errors = {str(index): report["problem"] for index, report in bad.items()}
        raise BadInput(errors, sentence % counts, lines=list(bad.values()))
    return good, bad


def report(lines: dict[int, Line]) -> Response:
    """201 when something was created, 200 when all was known or bad."""
    fates = [line["fate"] for line in lines.values()]
    counts = {fate: fates.count(fate) for fate in ("created", "known", "bad")}
    body = {**counts, "lines": [lines[index] for index in sorted(lines)]}
    return Response(body, status.HTTP_201_CREATED if counts["created"] else status.HTTP_200_OK)


def fates(keys: dict[int, Any], known: dict[Any, int], now: dict[Any, int]) -> dict[int, Line]:
    """A report for each good line by its key; a key that comes twice in one call is created once."""
    seen = set(known)
    lines = {}
    for index, key in keys.items():
        lines[index] = {"index": index, "fate": "known" if key in seen else "created", "id": now[key]}
        seen.add(key)
    return lines
