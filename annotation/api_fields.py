"""Fields that many doors share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

MESSAGES = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["role"],
        "properties": {
            "role": {"enum": ["system", "user", "assistant", "tool"]},
            "content": {"type": "string"},
            "name": {"type": "string"},
            "tool_calls": {"type": "array", "items": {"type": "object"}},
            "tool_call_id": {"type": "string"},
        },
    },
    "examples": [[{"role": "user", "content": "What is the capital of France?"}]],
}


@extend_schema_field(MESSAGES)
class MessagesField(serializers.JSONField):
    """Chat messages in OpenAI's shape. `annotation/chat.py` checks those that come in."""


@extend_schema_field({"type": "array", "items": {"type": "object"}})
class ToolsField(serializers.JSONField):
    """Function tools in OpenAI's shape."""


@extend_schema_field({"type": "object", "additionalProperties": True})
class ObjectField(serializers.JSONField):
    """A JSON object."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Must be a JSON object.")
        return super().to_internal_value(data)


class IdField(serializers.IntegerField):
    """An id, within what a database can look up."""

    def __init__(self, **kwargs: Any):
        super().__init__(**{"min_value": 1, "max_value": 2**63 - 1} | kwargs)


class SearchField(serializers.CharField):
    """Words to search for (`annotation/search.py`); any text will do."""

    def __init__(self, **kwargs: Any):
        super().__init__(required=False, max_length=1000, **kwargs)
