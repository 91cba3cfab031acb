"""The studio's server: its addresses, its start, its end."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from strokebot.errors import StrokebotError
from strokebot.options import DrawOptions
from strokebot.studio import api
from strokebot.studio.access import Access, Doorkeeper
from strokebot.studio.hub import Studio

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = ("0.0.0.0", "::")
# Pages that hang are not waited for longer at the end.
_END_S = 3
# What a page sends on its socket is a word or two.
_MOST_MESSAGE_BYTES = 4096


@dataclass(frozen=True)
class Wanted:
    """What a studio begins with.

    Attributes:
        picture: a file, or None.
        options: of the drawing.
        port: of the machine to connect to, or None.
        host: to listen on; None for this computer alone.
        http_port: to listen on; 0 for any free one.
    """

    picture: Path | None = None
    options: DrawOptions = field(default_factory=DrawOptions)
    port: str | None = None
    host: str | None = None
    http_port: int = 0


def application(keeper: Doorkeeper, wanted: Wanted) -> Starlette:
    """The studio as an ASGI application."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        studio = app.state.studio = Studio(wanted.options)
        if wanted.picture is not None:
            studio.begin(studio.open(wanted.picture))
        if wanted.port is not None:
            studio.begin(studio.connect_at_start(wanted.port))
        try:
            yield
        finally:
            await studio.close()

    app = Starlette(routes=api.routes(), lifespan=lifespan, exception_handlers=api.ERRORS)
    app.add_middleware(Access, keeper=keeper)
    return app


def names_of(host: str | None) -> list[str]:
    """The names and addresses under which a studio on a host may be reached, the best one first.

    Args:
        host: that it listens on; None for this computer alone.
    """
    if host is None:
        return list(LOOPBACK)
    if host not in _EVERYWHERE:
        return list(dict.fromkeys([host, *LOOPBACK]))
    name = socket.gethostname()
    found = [_outward_address(), *_addresses_of(name), name, f"{name}.local"]
    return list(dict.fromkeys([*(entry for entry in found if entry), *LOOPBACK]))


def _outward_address() -> str:
    """The address that other computers of this network see; nothing is sent to find it."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # for documentation alone: nobody is there
        return str(probe.getsockname()[0])
    return ""


def _addresses_of(name: str) -> list[str]:
    with contextlib.suppress(OSError):
        return [str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
    return []


def listen(host: str | None, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        StrokebotError: if it cannot.
    """
    where = host or LOOPBACK[0]
    try:
        family = socket.AF_INET6 if ":" in where else socket.AF_INET
        return socket.create_server((where, port), family=family, backlog=64)
    except OSError as error:
        raise StrokebotError(
            f"Cannot listen on {where}:{port} ({error.strerror or error}): "
            "choose another --http-port or --host."
        ) from None


class _Server(uvicorn.Server):
    """Tells its address once it answers, and stops the machine as soon as the end is wanted."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready, self._ending = ready, ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._ending()
        super().handle_exit(sig, frame)


def run(wanted: Wanted, ready: Callable[[list[str]], None]) -> str:
    """Serves a studio until Ctrl-C; then a drawing under way is stopped, with the pen up.

    Args:
        wanted: what it begins with.
        ready: is told its addresses, token and all, the best one first.

    Returns:
        What a person should know at the end, or nothing.

    Raises:
        StrokebotError: if it cannot listen.
    """
    listener = listen(wanted.host, wanted.http_port)
    with listener:
        port = listener.getsockname()[1]
        names = names_of(wanted.host)
        keeper = Doorkeeper(names, port)
        shown = [name for name in names if name not in LOOPBACK] or [LOOPBACK[0]]
        urls = [f"http://{_in_url(name)}:{port}/?token={keeper.token}" for name in shown]
        app = application(keeper, wanted)
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=_MOST_MESSAGE_BYTES,
            timeout_graceful_shutdown=_END_S,
        )
        # Both are raised again by the server when all is in order.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            _Server(config, lambda: ready(urls), lambda: _stop(app)).run(sockets=[listener])
    return str(app.state.studio.farewell) if hasattr(app.state, "studio") else ""


def _stop(app: Starlette) -> None:
    if hasattr(app.state, "studio"):
        app.state.studio.stop_soon()


def _in_url(name: str) -> str:
    return f"[{name}]" if ":" in name else name
