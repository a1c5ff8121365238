"""A rater as the server sees them: signed in, reading each question's form and sending it as htmx or as a plain browser does."""

from __future__ import annotations

import html
import random
import re
import secrets
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User

from annotation.models import Project
from annotation.sessions import SessionStore
from bench.wire import Reply, Wire

FORM = re.compile(r'<form id="answer"[^>]* action="([^"]+)".*?</form>', re.S)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
SELECT = re.compile(r'<select[^>]* name="([^"]+)".*?</select>', re.S)
OPTION = re.compile(r'<option value="([^"]+)"')
REDIRECTS = (301, 302, 303)


class Trouble(Exception):
    """The server answered with something that a rater should never see."""


@dataclass
class Rater:
    """One browser. `acknowledged` holds the keys of the judgements that the server said it had saved."""

    wire: Wire
    project: int
    htmx: bool = True
    draws: random.Random = field(default_factory=random.Random)
    page: str = ""
    acknowledged: list[str] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    async def start(self) -> None:
        """From the desk's page to the first question."""
        reply = await self.wire.get(f"/projects/{self.project}/desk/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', reply.body.decode())
        if token is None:
            raise Trouble(f"the desk's page has no form; it answered {reply.status}")
        await self._follow(await self.wire.post(f"/projects/{self.project}/next/", {"csrfmiddlewaretoken": token[1]}))

    @property
    def asked(self) -> bool:
        """Whether there is a question on the page."""
        return FORM.search(self.page) is not None

    async def judge(self) -> tuple[float, float]:
        """Sends an answer to the question on the page; seconds until it was acknowledged and until the next question was there."""
        form = FORM.search(self.page)
        assert form, "nothing is asked"
        fields = {name: html.unescape(value) for name, value in HIDDEN.findall(form[0])}
        fields |= {found[1]: self.draws.choice(OPTION.findall(found[0])) for found in SELECT.finditer(form[0])}
        key = fields.setdefault("key", secrets.token_hex(16))
        began = perf_counter()
        self.replies = []
        reply = await self.wire.post(html.unescape(form[1]), fields | {"comment": "", "seconds": "20"}, **self._htmx(form[1]))
        if reply.status not in (200, *REDIRECTS):
            raise Trouble(f"{form[1]} answered {reply.status}")
        self.acknowledged.append(key)
        saved = perf_counter() - began
        await self._follow(reply)
        return saved, perf_counter() - began

    async def _follow(self, reply: Reply) -> None:
        """To the page that the reply is, or leads to."""
        self.replies.append(reply)
        target = reply.header("Location") if reply.status in REDIRECTS else reply.header("HX-Redirect")
        if target:
            self.replies.append(reply := await self.wire.get(urlsplit(target).path))
        if reply.status != 200:
            raise Trouble(f"{target or 'the next page'} answered {reply.status}")
        self.page = reply.body.decode()

    def _htmx(self, action: str) -> dict[str, str]:
        if not self.htmx:
            return {}
        return {"HX-Request": "true", "HX-Target": "question", "HX-Current-URL": f"http://127.0.0.1:{self.wire.port}{action}"}


def signed_in(user: User, project: Project, port: int, *, htmx: bool = True) -> Rater:
    """A browser that holds a session of this user, as after signing in."""
    session = SessionStore()
    session[SESSION_KEY], session[HASH_SESSION_KEY] = str(user.pk), user.get_session_auth_hash()
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session.create()
    wire = Wire(port, {settings.SESSION_COOKIE_NAME: session.session_key})
    return Rater(wire, project.pk, htmx, random.Random(user.pk))
