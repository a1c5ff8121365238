"""How the doors describe themselves in OpenAPI: who may call, with which scope, and what a refusal looks like."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from annotation.api_access import access_needed
from annotation.doors import RefusalSerializer
from annotation.people import Role
from annotation.tokens import scope_needed


class TokenScheme(OpenApiAuthenticationExtension):
    """The bearer token of `annotation/tokens.py`."""

    target_class = "annotation.tokens.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "crisol_…", "description": "Made on the page “API”."}


class DoorSchema(AutoSchema):
    """Adds to each operation the role and the scope that it needs, and the refusals that it may answer."""

    def get_summary(self) -> str:
        """The first sentence, which lists show beside the path."""
        return super().get_description().split(". ")[0].split("\n")[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        return f"{super().get_description()}\n\n{self._needs()}"

    def get_tags(self) -> list[str]:
        """The thing that the path is about, so that `projects/{id}/prompts/` stands with prompts."""
        words = [word for word in self.path.removeprefix("/api/").split("/") if word and not word.startswith("{")]
        return [next((TAGS[word] for word in reversed(words) if word in TAGS), words[0])]

    def _needs(self) -> str:
        word = access_needed(self.view, self.method)
        if word == "public":
            return "Anybody may call this."
        who = f"role **{word.value}**" if isinstance(word, Role) else "an account"
        return f"Needs {who}; of a token, scope **{scope_needed(self.view, self.method).value}**."

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self.method == "GET" and getattr(self.view, "lists", False)

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if direction == "response":
            for code in self._refusals(bodies):
                bodies[code] = self._get_response_for_code(RefusalSerializer, code) | {"description": REFUSALS[code]}
        return bodies

    def _refusals(self, bodies: Any) -> list[str]:
        """The refusals that any such call may meet and that the door does not describe itself."""
        met = {"401": True, "403": True, "404": bool(self.path.count("{")), "400": self.method not in {"GET", "DELETE"}}
        return [code for code, may in met.items() if may and code not in bodies]


TAGS = {
    "projects": "projects",
    "members": "projects",
    "invitations": "projects",
    "prompts": "prompts",
    "imports": "prompts",
    "samples": "samples",
    "scores": "samples",
    "tasks": "tasks",
    "flags": "tasks",
    "seats": "seats",
    "judgements": "judgements",
    "snapshots": "snapshots",
    "links": "snapshots",
    "corpora": "corpora",
    "recipes": "runs",
    "runs": "runs",
    "checkpoints": "checkpoints",
    "evaluations": "evaluations",
}
REFUSALS = {
    "400": "Bad input; `errors` names each field.",
    "401": "No token or session, or a token that is unknown, revoked or expired.",
    "403": "The caller's role or the token's scopes are not enough.",
    "404": "There is no such thing among those that the caller may see.",
}
