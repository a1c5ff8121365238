"""A browser's side of HTTP/1.1 and nothing more: 64 of these share two cores with the server that they measure.

A connection is kept alive, and opened anew when the server has closed it, as a browser does.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

COOKIE = re.compile(rb"^set-cookie: *([^=]+)=([^;\r]*)", re.I | re.M)
LENGTH = re.compile(rb"^content-length: (\d+)", re.I | re.M)
CHUNKED = re.compile(rb"^transfer-encoding: chunked", re.I | re.M)
CLOSE = re.compile(rb"^connection: close", re.I | re.M)


@dataclass
class Reply:
    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        found = re.search(rb"^" + name.encode() + rb": ([^\r]*)", self.head, re.I | re.M)
        return found[1].decode() if found else ""


@dataclass
class Wire:
    """One connection to a server on this machine, with its cookies and the headers that each request carries."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> Reply:
        return await self.ask("GET", path, b"", {})

    async def post(self, path: str, form: dict[str, str], **headers: str) -> Reply:
        return await self.ask(
            "POST", path, urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"} | headers
        )

    async def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        """The reply; asked a second time when a connection that was kept alive turns out to be closed."""
        kept = self.streams is not None
        try:
            return await self._exchange(method, path, body, headers)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            if not kept:
                raise
            return await self._exchange(method, path, body, headers)

    def close(self) -> None:
        if self.streams:
            with contextlib.suppress(ConnectionError):
                self.streams[1].close()
        self.streams = None

    async def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Host": f"127.0.0.1:{self.port}", "Cookie": cookies, **self.headers, **headers, "Content-Length": str(len(body))}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        reply = Reply(int(head[9:12]), head, await _body(reader, head))
        self.cookies.update((name.decode(), value.decode()) for name, value in COOKIE.findall(head))
        if CLOSE.search(head) or not (LENGTH.search(head) or CHUNKED.search(head)):
            self.close()
        return reply


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    if length := LENGTH.search(head):
        return await reader.readexactly(int(length[1]))
    if not CHUNKED.search(head):
        return b"" if head[9:12] == b"204" else await reader.read()
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readline()
    return b"".join(parts)
