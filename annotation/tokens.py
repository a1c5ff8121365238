"""How a program proves who it is, and what its token lets it do.

A token travels as `Authorization: Bearer crisol_…`. It acts as its owner, within its scopes; a session has every scope.
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from annotation.people import ApiToken, Scope, digest_of


class TokenAuthentication(BaseAuthentication):
    """Finds the token by the hash of its secret; refuses one that is unknown, revoked, expired, or whose owner is inactive."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """The owner and the token, or None where the request carries no bearer token (a session may then speak)."""
        scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = ApiToken.objects.select_related("user").filter(digest=digest_of(secret.strip())).first()
        if token is None or not token.user.is_active:
            raise AuthenticationFailed(_("This token is not known. Make one on the page “API”, and send it whole."))
        if token.revoked is not None:
            raise AuthenticationFailed(_("This token was revoked. Make another on the page “API”."))
        if token.expires is not None and token.expires <= timezone.now():
            raise AuthenticationFailed(_("This token has expired. Make another on the page “API”."))
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Makes a refusal a 401 that says how to sign in."""
        return 'Bearer realm="crisol"'


def scope_needed(view: Any, method: str) -> Scope:
    """The scope for this call: the view's own `scope` where it names one, else read for safe methods and write for the others."""
    return getattr(view, "scope", None) or (Scope.READ if method in SAFE_METHODS else Scope.WRITE)


class ScopePermission(BasePermission):
    """Somebody is signed in, and their token (if they came with one) has the scope that the call needs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if getattr(view, "access", None) == "public":
            return True
        if not (request.user and request.user.is_authenticated):
            return False
        if not isinstance(request.auth, ApiToken):
            return True
        needed = scope_needed(view, request.method or "GET")
        self.message = _("This token lacks the scope “%(scope)s”. Make one that has it on the page “API”.") % {
            "scope": needed.value
        }
        return needed.value in request.auth.scopes
