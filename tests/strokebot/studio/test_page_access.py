"""Other people's pages in the same browser get nowhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.support.studio_page import REBOUND_HOST, follow_positions, heap_mb, opened, synthetic_path
from tests.support.studio_server import Served, Visitor


@pytest.fixture
def foreign() -> Iterator[str]:
    """The address of a page of somebody else, on this computer too."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<p>another page")

        def log_message(self, *values: object) -> None:
            del values

    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


_ATTACK = """async (studio) => {
  const tried = [];
  const attempts = [
    ["api/state", {}],
    ["api/state", {mode: "no-cors"}],
    ["api/recipe", {method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"},
                    body: JSON.stringify({fit_mm: [17, 17]})}],
  ];
  for (const [path, more] of attempts) {
    const answer = await fetch(studio + path, {credentials: "include", ...more}).catch(() => null);
    tried.push(answer ? await answer.text() : "");
  }
  tried.push(await new Promise((done) => {
    const socket = new WebSocket(studio.replace("http", "ws") + "api/live?client=x");
    socket.onmessage = (event) => done(event.data);
    socket.onerror = socket.onclose = () => done("");
  }));
  return tried}"""


def test_a_foreign_page_reads_and_changes_nothing(chrome: Any, studio: Served, foreign: str) -> None:
    context = chrome.new_context()
    opened(context, studio)  # the browser has the cookie now
    page = context.new_page()
    page.goto(foreign)
    assert page.evaluate(_ATTACK, studio.address) == ["", "", "", ""]
    assert Visitor(studio).state()["recipe"]["fit_mm"] is None
    context.close()


def test_the_same_attempts_from_the_page_itself_succeed(chrome: Any, studio: Served) -> None:
    """The test above can fail."""
    context = chrome.new_context()
    page = opened(context, studio)
    tried = page.evaluate(_ATTACK.replace("fit_mm: [17, 17]", "seed: 0"), studio.address)
    assert all(tried)
    context.close()


def test_a_wrong_token_and_a_rebound_name_bring_no_page(chrome: Any, studio: Served) -> None:
    context = chrome.new_context()
    page = context.new_page()
    assert page.goto(studio.address + "?token=wrong").status == 403
    assert page.query_selector("#draw") is None
    rebound = studio.url.replace("127.0.0.1", REBOUND_HOST)
    assert rebound != studio.url
    assert page.goto(rebound).status in (400, 403, 421)
    assert page.query_selector("#draw") is None
    context.close()


def test_the_memory_of_the_page_stays_flat_over_a_long_drawing(chrome: Any, studio: Served) -> None:
    """A drawing of two minutes, in fast time; the benchmark has one of thirty."""
    context = chrome.new_context(viewport={"width": 800, "height": 600})
    page = opened(context, studio)
    synthetic_path(page, 20_000)
    follow_positions(page, 0.0, 0.4, 1000)
    before = heap_mb(page)
    follow_positions(page, 0.4, 1.0, 1500)
    assert heap_mb(page) - before < 1.0
    context.close()
