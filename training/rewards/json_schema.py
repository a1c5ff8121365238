"""Whether an answer is JSON that fits `metadata["json_schema"]` (a JSON Schema, draft 2020-12 unless its "$schema" says another).

The answer is the whole text, or one fenced code block around it. References lead nowhere but into the schema itself, and
`pattern` is searched with the time limit of the reward `regex`: schema and answer may both come from strangers.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from training.rewards.regex import found

if TYPE_CHECKING:
    from training.rewards import Answer

TITLE = "JSON schema"
FENCE = re.compile(r"\A```(?:json)?[^\S\n]*\n?(.*?)\n?```\Z", re.IGNORECASE | re.DOTALL)


def check(metadata: dict[str, Any]) -> None:
    """ValueError where the schema is missing or is none."""
    if not isinstance(metadata.get("json_schema"), (dict, bool)):
        raise ValueError("metadata.json_schema must be a JSON Schema: an object")
    _validator(_spelled(metadata["json_schema"]))


def reward(answer: Answer) -> float:
    """1 where the answer is JSON that fits the schema, else 0."""
    try:
        value = read(answer.text)
    except ValueError:
        return 0.0
    try:
        return float(_validator(_spelled(answer.metadata["json_schema"])).is_valid(value))
    except RecursionError:
        return 0.0


def read(text: str) -> Any:
    """The JSON value that a text is, a code fence around it or not. ValueError where it is none, NaN and Infinity included."""
    bare = text.strip()
    fenced = FENCE.match(bare)
    try:
        return json.loads(fenced[1] if fenced else bare, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _spelled(schema: Any) -> str:
    return json.dumps(schema, sort_keys=True)


@functools.lru_cache(maxsize=1024)
def _validator(spelled: str) -> Any:
    """A validator of the schema. ValueError where it is no schema, or refers to what it does not hold."""
    import jsonschema
    from referencing import Registry

    schema = json.loads(spelled)
    base = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        base.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise ValueError(f"metadata.json_schema is not a JSON Schema: {error.message}") from None
    for ref in _references(schema):
        _refuse_elsewhere(schema, ref)
    # An empty registry holds no retriever: the default one would fetch what "$ref" names.
    return jsonschema.validators.extend(base, {"pattern": _pattern})(schema, registry=Registry())


def _references(schema: Any) -> Iterator[str]:
    """Every "$ref" in a schema, however deep."""
    for name, value in schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ():
        if name == "$ref" and isinstance(value, str):
            yield value
        yield from _references(value)


def _refuse_elsewhere(schema: Any, ref: str) -> None:
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    try:
        Registry().resolver_with_root(DRAFT202012.create_resource(schema)).lookup(ref)
    except Unresolvable:
        raise ValueError(f"metadata.json_schema refers to {ref}, which it does not hold") from None


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Any:
    import jsonschema

    if validator.is_type(value, "string") and not found(pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")
