"""Who may call a door: the words of `annotation/access.py`, asked of each method."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from annotation.access import check_role
from annotation.models import Role


def access_needed(view: Any, method: str) -> str | Role | None:
    """The word that this call needs: the door's `access`, or for a change its `write_access` where it has one."""
    word = getattr(view, "access", None)
    return word if method in SAFE_METHODS else getattr(view, "write_access", None) or word


class AccessPermission(BasePermission):
    """The caller's role is enough. A stranger of the project in the URL meets 404, a member of a lower role 403."""

    def has_permission(self, request: Request, view: Any) -> bool:
        word = access_needed(view, request.method or "GET")
        if not isinstance(word, Role):
            return word in {"public", "signed_in"}
        try:
            check_role(request.user, word, view.kwargs.get("project_id"))
        except PermissionDenied:
            raise exceptions.PermissionDenied(
                _("This needs the role “%(role)s” in the project. Ask one of its leads for it.") % {"role": word.label}
            ) from None
        return True
