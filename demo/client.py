"""The demo's only way in: Crisol's REST door, called as any program would."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

AWAY = (requests.ConnectionError, requests.Timeout)


class Refused(RuntimeError):
    """The server understood and said no; the message holds its answer."""


class Client:
    """Calls one Crisol with one token. A server that is away (restarted, killed) is waited for, up to `patience` seconds."""

    def __init__(self, url: str, token: str, patience: float = 60):
        self.url, self.patience = url.rstrip("/"), patience
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at `path`, relative to /api/."""
        return self._patiently("GET", path, params=params).json()

    def every(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """All rows of a paged list."""
        page = self.get(path, **params)
        rows = list(page["results"])
        while page.get("next"):
            page = self.get(page["next"])
            rows += page["results"]
        return rows

    def put(self, path: str, data: dict[str, Any], method: str = "POST") -> Any:
        """Sends what may safely be sent twice, until it is answered: claims, judgements with their key, prompts."""
        answer = self._patiently(method, path, json=data)
        return answer.json() if answer.content else None

    def make(self, path: str, find: Callable[[], Any], **body: Any) -> Any:
        """Posts what must be made once: after an answer that was lost, `find()` tells whether it was made."""
        deadline = time.monotonic() + self.patience
        while True:
            if found := find():
                return found
            try:
                return self._once("POST", path, **body).json()
            except AWAY:
                self._wait(deadline)

    def _patiently(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return self._once(method, path, **kwargs)
            except AWAY:
                self._wait(deadline)

    def _once(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.url}/api/{path}"
        answer = self.session.request(method, url, timeout=60, **kwargs)
        if answer.status_code >= 400:
            raise Refused(f"{method} {url}: {answer.status_code} {answer.text[:2000]}")
        return answer

    def _wait(self, deadline: float) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{self.url} was away for more than {self.patience:g} s")
        time.sleep(0.2)


def signed_in(url: str, name: str, password: str) -> requests.Session:
    """A session of a person who signed in on the page."""
    session = requests.Session()
    session.get(f"{url}/login/", timeout=60)
    form = {"username": name, "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    session.post(f"{url}/login/", form, headers={"Referer": f"{url}/login/"}, timeout=60).raise_for_status()
    return session
