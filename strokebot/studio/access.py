"""Who may ask the studio for anything: a page that was opened with the token, at an address of ours.

Nouns:
    token    in the address that the program prints; whoever has it may come in
    cookie   what a browser gets for it, and shows from then on; never sent along by another site
             (``SameSite=Strict``)
    host     the name in the address bar: one of a list that is known at the start. A name that an
             attacker points at this computer (DNS rebinding) is not in it
    origin   the page that a request comes from: an address of the same list

What changes something, and the socket, needs all of them; to look needs host and cookie.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TOKEN_BYTES = 32
# Browsers that may be in at a time; the oldest one has to come in anew.
_MOST_SESSIONS = 200
_HTTP_PORT = 80
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_LOOKS = ("GET", "HEAD")
_COME_IN = "Open the address that strokebot studio has printed: it lets this browser in.\n"


class Doorkeeper:
    """Knows the token, the addresses of the studio and the browsers that are in.

    Attributes:
        token: see above.
        port: that the studio listens on.
        hosts: values of ``Host`` that are ours.
        origins: values of ``Origin`` that are ours.
    """

    def __init__(self, names: Iterable[str], port: int, token: str | None = None) -> None:
        """Keeps the door of a studio.

        Args:
            names: host names and addresses of this computer under which it may be reached.
            port: that it listens on.
            token: None for a new one.
        """
        self.token = token or secrets.token_urlsafe(_TOKEN_BYTES)
        self.port = port
        hosts = set()
        for name in names:
            shown = f"[{name}]" if ":" in name else name.lower()
            hosts.add(f"{shown}:{port}")
            if port == _HTTP_PORT:
                hosts.add(shown)
        self.hosts = frozenset(hosts)
        self.origins = frozenset(f"http://{host}" for host in hosts)
        self._sessions: dict[str, None] = {}

    @property
    def cookie(self) -> str:
        """The name of the cookie; browsers do not tell ports apart, so it holds the port."""
        return f"strokebot_{self.port}"

    def let_in(self, token: str) -> str | None:
        """A new session for whoever has the token, or None."""
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            return None
        while len(self._sessions) >= _MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(_TOKEN_BYTES)
        self._sessions[session] = None
        return session

    def session_of(self, headers: Headers) -> str | None:
        """The session whose cookie a request shows, or None."""
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except CookieError:
            return None
        shown = jar.get(self.cookie)
        return shown.value if shown is not None and shown.value in self._sessions else None

    def objection(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Why a request is not answered, as a status and a sentence; None where it is."""
        if headers.get("host", "").lower() not in self.hosts:
            return 421, "This is not an address of the studio: open the one that it has printed.\n"
        changes = scope["type"] == "websocket" or scope["method"] not in _LOOKS
        if changes and headers.get("origin", "") not in self.origins:
            return 403, "This request comes from another page.\n"
        open_to_all = scope["type"] == "http" and not changes and scope["path"].startswith("/page/")
        if not open_to_all and scope.get("session") is None:
            return 403, _COME_IN
        return None


class Access:
    """Lets through what ``Doorkeeper`` has no objection to; every answer gets the headers of a safe page.

    What is let through finds its session in ``scope["session"]``.
    """

    def __init__(self, app: ASGIApp, keeper: Doorkeeper) -> None:
        self._app = app
        self._keeper = keeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["session"] = self._keeper.session_of(headers)

        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [(k, v) for k, v in message["headers"] if k.decode().lower() not in _HEADERS]
                message["headers"] = [*kept, *((k.encode(), v.encode()) for k, v in _HEADERS.items())]
            await send(message)

        token = self._shown_token(scope, headers)
        if token is not None:
            session = self._keeper.let_in(token)
            if session is None:
                await PlainTextResponse("This token is not that of the studio.\n", 403)(
                    scope, receive, safely
                )
                return
            answer = RedirectResponse("/", 303)
            answer.set_cookie(self._keeper.cookie, session, httponly=True, samesite="strict", path="/")
            await answer(scope, receive, safely)
            return
        objection = self._keeper.objection(scope, headers)
        if objection is None:
            await self._app(scope, receive, safely)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse(objection[1], objection[0])(scope, receive, safely)

    def _shown_token(self, scope: Scope, headers: Headers) -> str | None:
        """The token of a request that wants to come in; None for any other request."""
        from urllib.parse import parse_qs

        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return None
        if headers.get("host", "").lower() not in self._keeper.hosts:
            return None
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        return None if shown is None else shown[0]
