"""Who is signed in: Django's sessions in the database, found by a query that is written once."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from annotation.prepared import Prepared


class SessionStore(db.SessionStore):
    """Every page of every rater begins with this question."""

    def _get_session_from_db(self) -> Session | None:
        for session in _alive.objects(key=self.session_key or "", now=timezone.now()):
            return session
        self._session_key = None
        return None


def _by_key(key: str, now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(session_key=key, expire_date__gt=now)


_alive = Prepared(_by_key, key=str, now=datetime)
