"""The door to the recipes, and how a recipe's Config and inputs read as JSON Schema."""

from __future__ import annotations

import dataclasses
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotation.doors import Door
from annotation.parts import names, part
from training import schema
from training.forms import sentence_of

JSON_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string"}


def config_schema(config: type) -> dict[str, Any]:
    """JSON Schema (2020-12) of a Config: unknown names are refused, as `schema.parse` refuses them."""
    options = schema.options(config)
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {option.name: option_schema(option) for option in options},
        "required": [option.name for option in options if option.default is dataclasses.MISSING],
    }


def option_schema(option: schema.Option) -> dict[str, Any]:
    """JSON Schema of one field; `x-unit` and `x-advanced` are ours."""
    word = JSON_TYPES[option.type]
    limits = {"minimum": option.min, "maximum": option.max, "x-unit": option.unit or None, "x-advanced": option.advanced or None}
    found: dict[str, Any] = {"type": [word, "null"] if option.optional else word, "description": option.help}
    if option.choices:
        found["enum"] = [*option.choices, *([None] if option.optional else [])]
    if option.default is not dataclasses.MISSING:
        found["default"] = option.default
    return found | {name: value for name, value in limits.items() if value is not None}


class RecipeInputSerializer(serializers.Serializer):
    """Something that a run of the recipe starts from."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(["checkpoint", "snapshot", "corpus"])
    role = serializers.CharField(help_text="Of a checkpoint: `causal-lm`, `reward` or `tokenizer`; empty: any.")
    required = serializers.BooleanField()  # type: ignore[assignment]
    help = serializers.CharField()


class RecipeSerializer(serializers.Serializer):
    """A way to make or use a model."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    makes = serializers.ChoiceField(["checkpoint", "samples", "scores"])
    inputs = RecipeInputSerializer(many=True)
    config = serializers.DictField(help_text="JSON Schema of `config` of a run.")


def described(name: str) -> dict[str, Any]:
    recipe = part("RECIPES", name)
    return {
        "name": name,
        "title": str(recipe.TITLE),
        "description": sentence_of(recipe),
        "makes": recipe.OUTCOME,
        "inputs": [dataclasses.asdict(wanted) for wanted in recipe.INPUTS],
        "config": config_schema(recipe.Config),
    }


class Recipes(Door):
    """The recipes of this installation."""

    access = "signed_in"
    pagination_class = None

    @extend_schema(responses=RecipeSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every recipe with its inputs and the JSON Schema of its config."""
        return Response([described(name) for name in names("RECIPES")])
