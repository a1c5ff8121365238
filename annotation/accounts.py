"""Who somebody is, read together with the highest role that they have in any project: every page asks for both."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Case, OuterRef, QuerySet, Subquery, Value, When

from annotation.people import Member, Role
from annotation.prepared import Prepared


class RoleBackend(ModelBackend):
    """Django's own, with one query fewer a page."""

    def get_user(self, user_id: Any) -> User | None:
        """The account of a session, if it may still sign in; `best_role` is the word of its highest role, or None."""
        user = next(_with_role.objects(user_id=int(user_id)), None)
        return user if user and self.user_can_authenticate(user) else None


def _highest_first(members: QuerySet[Member]) -> QuerySet[Member]:
    return members.order_by(Case(*(When(role=role, then=Value(role.rank)) for role in Role)).desc())


def _by_id(user_id: int) -> QuerySet[User]:
    mine = _highest_first(Member.objects.filter(user=OuterRef("pk")))
    return User.objects.filter(pk=user_id).annotate(best_role=Subquery(mine.values("role")[:1]))


_with_role = Prepared(_by_id, user_id=int)


def best_role(user: User | AnonymousUser) -> Role | None:
    """The highest role that this user has in any project; a superuser leads everywhere."""
    if user.is_superuser:
        return Role.LEAD
    if not hasattr(user, "best_role"):
        word = _highest_first(Member.objects.filter(user_id=user.pk or 0)).values_list("role", flat=True).first()
        user.best_role = word  # type: ignore[union-attr]
    return Role(user.best_role) if user.best_role else None  # type: ignore[union-attr]


def is_at_least(user: User | AnonymousUser, role: Role) -> bool:
    """Whether they have at least this role in some project."""
    best = best_role(user)
    return best is not None and best.rank >= role.rank
