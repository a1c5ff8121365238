"""Who may call a view. Every view wears exactly one of these; `tests/test_access.py` fails on a URL whose view does not."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase

from annotation.accounts import is_at_least
from annotation.models import Member, Role

MOST_ID = 2**63 - 1  # of what a database can look up
View = Callable[..., HttpResponseBase]


def caller(request: HttpRequest) -> User:
    """Who calls, where a view does not admit strangers."""
    assert isinstance(request.user, User)  # LoginRequiredMiddleware has turned everybody else away.
    return request.user


def public(view: View) -> View:
    """Anybody, signed in or not."""
    view = login_not_required(view)
    view.access = "public"  # type: ignore[attr-defined]
    return view


def signed_in(view: View) -> View:
    """Anybody with an account; the view scopes its own querysets with `visible_to(request.user)`."""
    view.access = "signed_in"  # type: ignore[attr-defined]
    return view


def role_required(role: Role) -> Callable[[View], View]:
    """Those with at least `role` in some project; objects are still fetched with `visible_to(request.user, role)`.

    A view with a `project_id` in its URL answers 404 to strangers of that project and 403 to members of a lower role.
    """

    def wear(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            check_role(request.user, role, kwargs.get("project_id"))
            return view(request, *args, **kwargs)

        guarded.access = role  # type: ignore[attr-defined]
        return guarded

    return wear


def check_role(user: Any, role: Role, project_id: int | None = None) -> None:
    """Lets a superuser and whoever has at least `role` pass: in that project if one is named, else in any.

    Raises Http404 for a stranger of the named project, PermissionDenied for everybody else who may not.
    """
    if user.is_superuser:
        return
    if project_id is None:
        if not is_at_least(user, role):
            raise PermissionDenied
        return
    mine = Member.objects.filter(user_id=user.pk, project_id=project_id) if project_id <= MOST_ID else Member.objects.none()
    word = mine.values_list("role", flat=True).first()
    if word is None:
        raise Http404
    if word not in Role.at_least(role):
        raise PermissionDenied
