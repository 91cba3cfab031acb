"""A studio in a process of its own, and a visitor who speaks to it as a page does."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parents[2]
# What a busy computer may take for a step that takes a second or two on a quiet one.
PATIENCE_S = 120.0
_URL = re.compile(r"http://\S+")


@dataclass(frozen=True)
class Served:
    """A running studio.

    Attributes:
        url: with its token.
        process: its own.
        home: its folder: ``state`` holds its journals.
        visitors: whose connections are closed at the end.
    """

    url: str
    process: subprocess.Popen[str]
    home: Path
    visitors: list[httpx.Client] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The page without the token."""
        return self.url.partition("?")[0]

    @property
    def origin(self) -> str:
        """What a page of it calls itself."""
        return self.address.rstrip("/")

    @property
    def token(self) -> str:
        """The token of its start."""
        return self.url.partition("token=")[2]

    def end(self) -> tuple[int, str]:
        """Presses Ctrl-C; the exit code, and what was said since."""
        self.process.send_signal(signal.SIGINT)
        said, more = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, said + more


@contextlib.contextmanager
def served(*arguments: str) -> Iterator[Served]:
    """A studio with a home of its own, until the block ends.

    Args:
        arguments: after ``strokebot studio``.
    """
    with tempfile.TemporaryDirectory(prefix="studio-test-") as home:
        env = os.environ | {
            "XDG_STATE_HOME": f"{home}/state",
            "XDG_CONFIG_HOME": f"{home}/config",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "strokebot", "studio", "--no-browser", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
            cwd=home,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                if found := _URL.search(line):
                    running = Served(found[0], process, Path(home))
                    try:
                        yield running
                    finally:
                        for visitor in running.visitors:
                            visitor.close()
                    break
            else:
                raise RuntimeError(f"the studio did not start: {process.stderr.read()}")
        finally:
            if process.returncode is None:
                process.terminate()
                process.communicate(timeout=PATIENCE_S)


class Visitor:
    """Somebody who has come in, and speaks as a page does."""

    def __init__(self, studio: Served, name: str = "visitor") -> None:
        self.studio = studio
        self.name = name
        headers = {"Origin": studio.origin, "X-Client": name}
        self.http = httpx.Client(base_url=studio.origin, headers=headers, timeout=PATIENCE_S)
        studio.visitors.append(self.http)
        assert self.http.get(studio.url).status_code == 303

    def get(self, path: str) -> Any:
        """A JSON answer."""
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def state(self) -> dict[str, Any]:
        """The whole state."""
        return dict(self.get("/api/state"))

    def post(self, path: str, **said: Any) -> tuple[int, dict[str, Any]]:
        """Asks for a change; the status and the answer."""
        answer = self.http.post(path, json=said)
        return answer.status_code, answer.json()

    def do(self, path: str, **said: Any) -> dict[str, Any]:
        """Asks for a change that must be made."""
        status, answer = self.post(path, **said)
        assert status == 200, answer
        return answer

    def send(self, data: bytes, name: str = "picture.png") -> httpx.Response:
        """Sends a picture."""
        return self.http.post("/api/picture", files={"picture": (name, data)})

    def until(self, good: Callable[[dict[str, Any]], object], what: str) -> dict[str, Any]:
        """The state, once it is as it should be."""
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            state = self.state()
            if good(state):
                return state
            time.sleep(0.05)
        raise AssertionError(f"{what}: {self.state()['machine']}")

    def planned(self) -> dict[str, Any]:
        """The state, once nothing is being planned."""
        return self.until(
            lambda s: s["planning"] is None and (s["plan"] or s["problem"]), "it is not planned"
        )

    def live(self, **more: Any) -> ClientConnection:
        """The socket."""
        cookie = "; ".join(f"{key}={value}" for key, value in self.http.cookies.items())
        url = f"{self.studio.origin.replace('http', 'ws', 1)}/api/live?client={self.name}"
        origin = more.pop("origin", self.studio.origin)
        headers = {"Cookie": cookie} if cookie else {}
        return connect(url, origin=origin, additional_headers=headers, **more)


def told(socket: ClientConnection, kind: str, good: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The next message of a kind that is as it should be."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        message = json.loads(socket.recv(timeout=PATIENCE_S))
        if message["type"] == kind and good(message):
            return dict(message)
    raise AssertionError(f"no such {kind} came")
