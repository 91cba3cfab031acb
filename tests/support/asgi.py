"""Asks an ASGI application without a server: one request, one answer, to the letter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.support.event_loop import run


@dataclass(frozen=True)
class Answer:
    """What came back: of a socket, the status is 101 where it was let in, and 403 where not."""

    status: int
    headers: dict[str, str]
    text: str


class Asker:
    """Somebody with a cookie, perhaps, and with headers of their own."""

    def __init__(self, app: Any, base: str, **headers: str) -> None:
        self._app = app
        self._host = urlsplit(base).netloc
        self._headers = {key.lower(): value for key, value in headers.items()}
        self.cookie = ""

    def ask(self, method: str, target: str, kind: str = "http", **headers: str) -> Answer:
        """One request; ``host=...`` and others take the place of its own headers."""
        path, _, query = target.partition("?")
        sent = {"host": self._host, **self._headers}
        if self.cookie:
            sent["cookie"] = self.cookie
        sent |= {key.lower(): value for key, value in headers.items()}
        scope: dict[str, Any] = {
            "type": kind,
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "http_version": "1.1",
            "headers": [(key.encode(), value.encode("utf-8")) for key, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
        }
        messages: list[dict[str, Any]] = []
        first = {"type": "http.request"} if kind == "http" else {"type": "websocket.connect"}
        inbox = [first]

        async def receive() -> dict[str, Any]:
            return inbox.pop(0) if inbox else {"type": f"{kind}.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            messages.append(dict(message))

        run(self._app(scope, receive, send))
        return self._answer(messages)

    def _answer(self, messages: list[dict[str, Any]]) -> Answer:
        if messages[0]["type"].startswith("websocket"):
            said = "".join(message.get("text", "") for message in messages)
            return Answer(101 if messages[0]["type"] == "websocket.accept" else 403, {}, said)
        headers = {key.decode().lower(): value.decode() for key, value in messages[0]["headers"]}
        if "set-cookie" in headers:
            self.cookie = headers["set-cookie"].partition(";")[0]
        body = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(messages[0]["status"], headers, body.decode())

    def get(self, target: str, **headers: str) -> Answer:
        """Looks."""
        return self.ask("GET", target, **headers)

    def post(self, target: str, **headers: str) -> Answer:
        """Changes."""
        return self.ask("POST", target, **headers)

    def socket(self, target: str, **headers: str) -> Answer:
        """Opens a socket."""
        return self.ask("GET", target, "websocket", **headers)
