"""A whole studio, spoken to as a page does: picture, recipe, plan, and what it refuses."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the studio is an extra: pip install 'strokebot[studio]'")

from websockets.exceptions import InvalidStatus

from strokebot import pipeline, recipe
from strokebot.studio.api import MOST_PICTURE_BYTES
from tests.support.studio_server import ROOT, Visitor, served, told

PICTURE = ROOT / "examples" / "flourish.png"
HELLO = ROOT / "examples" / "hello.png"


@pytest.fixture(scope="module")
def studio():
    with served(str(PICTURE)) as running:
        yield running


@pytest.fixture(scope="module")
def holder(studio):
    """The page that holds the control; the others of this module watch."""
    visitor = Visitor(studio)
    visitor.do("/api/control/take")
    visitor.planned()
    return visitor


def png_of_size(width: int, height: int) -> bytes:
    """The head of a picture as large as that, and nothing in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


# -- plan and recipe -----------------------------------------------------------------------------


def test_the_plan_is_that_of_the_library_and_the_recipe_repeats_it(holder):
    holder.do("/api/recipe", fit_mm=[60, 40], at_mm=[20.5, 30], method="tour", speed="fast", polish=False)
    state = holder.planned()
    number = state["plan"]["id"]
    options = recipe.from_text(state["recipe_text"])
    assert (options.fit_mm, options.at_mm, options.speed) == ((60.0, 40.0), (20.5, 30.0), "fast")
    plan = pipeline.plan(PICTURE, options)
    gcode = holder.http.get(f"/api/plan/{number}/gcode").content
    assert gcode == ("\n".join(plan.gcode) + "\n").encode()
    assert state["plan"]["summary"]["drawn_mm"] == pytest.approx(plan.trajectory.drawn_mm)
    assert recipe.patched(replace(options, fit_mm=None), {"fit_mm": [60, 40]}) == options


def test_the_rows_of_a_plan_lie_on_the_paper_and_their_time_runs_on(holder):
    state = holder.planned()
    summary, path = state["plan"]["summary"], f"/api/plan/{state['plan']['id']}/path"
    rows = np.frombuffer(holder.http.get(path).content, "<f4").reshape(-1, 6)
    every = np.frombuffer(holder.http.get(f"{path}?full=1").content, "<f4").reshape(-1, 6)
    assert 100 < len(rows) <= 50_000
    assert len(every) >= len(rows)
    assert (np.diff(rows[:, 3]) >= 0).all()
    assert rows[0, 3] == 0
    assert rows[-1, 3] == pytest.approx(summary["duration_s"], rel=1e-4)
    down = rows[:, 2] > 0
    (left, low), (width, height) = summary["at_mm"], summary["size_mm"]
    assert (rows[down, 0] >= left - 1).all()
    assert (rows[down, 0] <= left + width + 1).all()
    assert (rows[down, 1] >= low - 1).all()
    assert (rows[down, 1] <= low + height + 1).all()
    length = np.hypot(*np.diff(every[:, :2].astype(float), axis=0).T)
    drawn = (length * ((every[1:, 2] > 0) & (every[:-1, 2] > 0))).sum()
    assert drawn == pytest.approx(summary["drawn_mm"], rel=0.01)
    assert (rows[~down, 5] <= summary["pen"]["up"] + 1e-5).all()
    assert holder.http.get(f"/api/plan/{state['plan']['id']}/seen.png").content.startswith(b"\x89PNG")
    assert holder.http.get("/api/plan/0/path").status_code == 404


def test_a_change_is_told_on_the_socket_and_the_newest_one_wins(holder):
    holder.planned()
    with holder.live() as socket:
        told(socket, "state", lambda m: m["state"]["plan"])
        for width in range(50, 60):
            holder.do("/api/recipe", fit_mm=[width, 40])
        last = told(socket, "plan", lambda m: m["plan"]["summary"]["size_mm"][0] > 58.9)
    assert holder.planned()["plan"]["id"] == last["plan"]["id"]
    assert recipe.from_text(holder.state()["recipe_text"]).fit_mm == (59.0, 40.0)


def test_a_plan_that_cannot_be_is_a_sentence_and_the_next_one_is_a_plan(holder):
    holder.do("/api/recipe", at_mm=[500, 500])
    state = holder.planned()
    assert state["plan"] is None
    assert "paper" in state["problem"]
    holder.do("/api/recipe", at_mm=None)
    state = holder.planned()
    assert state["problem"] is None
    assert state["plan"]["summary"]["drawn_mm"] > 0


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"style": "oil"}, "--style"),
        ({"fit_mm": [1]}, "--fit"),
        ({"nothing": 1}, "no option"),
        ({"profile": "/etc/passwd"}, "no profile"),
        ({"profile": "../../secret.toml"}, "no profile"),
        ({"weights": "/etc/passwd"}, "cannot choose"),
        ({"text": "recipe=1&weights=/etc/passwd&profile=/etc/passwd"}, "no profile"),
        ({"text": "hello"}, "no recipe"),
    ],
)
def test_a_wrong_recipe_changes_nothing(holder, patch, said):
    before = holder.state()["recipe_text"]
    status, answer = holder.post("/api/recipe", **patch)
    assert status == 422
    assert said in answer["error"]
    assert holder.state()["recipe_text"] == before


@pytest.mark.parametrize("body", [b"{", b"[]", b"nonsense", b"[" * 30_000])
def test_what_is_no_json_is_told(holder, body):
    assert holder.http.post("/api/recipe", content=body).status_code == 400
    assert holder.http.post("/api/recipe", content=b" " * 100_000).status_code == 413


def test_the_styles_of_a_picture_are_real_plans(holder):
    holder.do("/api/recipe", fit_mm=[40, 30])
    holder.planned()
    with holder.live() as socket:
        holder.get("/api/styles")
        styles = told(socket, "styles", lambda m: m["styles"]["done"])["styles"]["list"]
    assert len(styles) >= 3
    drawn = [style for style in styles if style["summary"]]
    assert all(style["summary"]["duration_s"] > 0 and len(style["rows"]) > 20 for style in drawn)
    assert all(style["summary"] or style["reason"] for style in styles)
    assert recipe.patched(pipeline.DrawOptions(), drawn[-1]["recipe"]) != pipeline.DrawOptions()


# -- pictures ------------------------------------------------------------------------------------


def test_a_picture_is_taken_and_drawn_and_its_name_leads_nowhere(holder):
    answer = holder.send(HELLO.read_bytes(), "../../../etc/hello world.png")
    assert answer.status_code == 200, answer.text
    state = holder.planned()
    assert state["picture"]["name"] == "hello world.png"
    assert (state["picture"]["width"], state["picture"]["height"]) == (600, 250)
    assert state["plan"]["summary"]["name"] == "hello world.png"
    assert holder.http.get("/api/picture.png").content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not a picture"),
        (b"no picture at all", "not a picture"),
        (HELLO.read_bytes()[:900], "damaged"),
        (png_of_size(20_000, 10_000), "too large"),  # 200 Mpx in a kilobyte
        (png_of_size(0, 10), "picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    ],
    ids=["empty", "text", "cut short", "200 Mpx", "no width", "eps", "svg"],
)
def test_a_file_that_is_no_picture_is_refused_and_the_one_before_stays(holder, data, said):
    before = holder.state()["picture"]
    answer = holder.send(data)
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert "/tmp" not in answer.text
    assert holder.state()["picture"] == before


def test_a_file_that_is_too_large_is_refused_before_it_is_read(holder):
    def begin(length: str) -> socket.socket:
        request = holder.http.build_request("POST", "/api/picture", content=b"")
        del request.headers["Content-Length"]
        head = "".join(f"{key}: {value}\r\n" for key, value in request.headers.items())
        kind = "Content-Type: multipart/form-data; boundary=x"
        wire = socket.create_connection(_address(holder), timeout=30)
        wire.sendall(f"POST /api/picture HTTP/1.1\r\n{head}{kind}\r\n{length}\r\n\r\n".encode())
        return wire

    with contextlib.closing(begin(f"Content-Length: {MOST_PICTURE_BYTES + 1}")) as wire:
        assert wire.recv(100).startswith(b"HTTP/1.1 413")
    # And one that does not say how much is coming, which is closed in its middle.
    with contextlib.closing(begin("Transfer-Encoding: chunked")) as wire:
        first = b"--x\r\nContent-Disposition: form-data; name=picture; filename=a.png\r\n\r\n"
        wire.sendall(b"%x\r\n%s\r\n" % (len(first), first))
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 3 * MOST_PICTURE_BYTES:
                wire.sendall(b"100000\r\n" + bytes(1 << 20) + b"\r\n")
                sent += 1 << 20
        assert sent < 3 * MOST_PICTURE_BYTES
        with contextlib.suppress(ConnectionResetError):
            assert wire.recv(100).startswith(b"HTTP/1.1 413")
    assert holder.state()["picture"] is not None


def test_a_form_without_a_picture_is_told(holder):
    assert holder.http.post("/api/picture", files={"other": b"x"}).status_code == 422
    assert holder.http.post("/api/picture", data={"picture": "text"}).status_code == 422
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert holder.http.post("/api/picture", headers=kind, content=b"--x\r\nbroken").status_code == 422
    assert holder.http.post("/api/picture", content=b"raw").status_code == 422


def _address(visitor: Visitor) -> tuple[str, int]:
    host, _, port = visitor.studio.origin.removeprefix("http://").partition(":")
    return host, int(port)


# -- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/page/../hub.py",
        "/page/%2e%2e/hub.py",
        "/page/..%2fhub.py",
        "/page//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/....//hub.py",
        "/page/index.html%00.js",
        "/page/",
        "/page/nothing.js",
        "/hub.py",
    ],
)
def test_no_path_leads_out_of_the_page(holder, path):
    with contextlib.closing(socket.create_connection(_address(holder))) as wire:
        cookie = "; ".join(f"{k}={v}" for k, v in holder.http.cookies.items())
        host = holder.studio.origin.removeprefix("http://")
        wire.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
        )
        wire.settimeout(20)
        answer = b""
        while piece := wire.recv(65536):
            answer += piece
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400", b"HTTP/1.1 307"))
    assert b"import" not in answer
    assert b"root:" not in answer


def test_the_page_is_there_with_its_kind(holder):
    answer = holder.http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text  # the policy would stop it
    assert "style=" not in answer.text


# -- control -------------------------------------------------------------------------------------


def test_a_watcher_changes_nothing_but_may_take_over(studio, holder):
    watcher = Visitor(studio, "watcher")
    assert watcher.state()["control"]["mine"] is False
    for path in (
        "/api/recipe",
        "/api/machine/connect",
        "/api/draw/start",
        "/api/draw/cancel",
        "/api/draw/resume",
    ):
        status, answer = watcher.post(path, port="sim://grbl", confirm="x")
        assert status == 409, path
        assert "control" in answer["error"]
    assert watcher.send(HELLO.read_bytes()).status_code == 409
    # To hold is for everybody who sees that something goes wrong.
    assert watcher.post("/api/draw/hold")[0] == 422  # nothing is drawn
    with holder.live() as socket:
        told(socket, "control", lambda m: m["control"]["mine"])
        watcher.do("/api/control/take")
        assert told(socket, "control", lambda m: not m["control"]["mine"])["control"]["held"]
    assert holder.post("/api/recipe", seed=1)[0] == 409
    holder.do("/api/control/take")
    holder.do("/api/recipe", seed=0)


def test_a_page_that_is_reloaded_keeps_the_control(studio, holder):
    with holder.live():
        pass
    with holder.live() as again:
        assert told(again, "state", lambda m: True)["state"]["control"]["mine"]


def test_a_name_with_strange_signs_is_refused(holder):
    assert holder.http.get("/api/state", headers={"X-Client": "a b"}).status_code == 400
    assert holder.http.get("/api/state", headers={"X-Client": "a" * 100}).status_code == 400


def test_the_socket_is_closed_to_other_pages(holder):
    with pytest.raises(InvalidStatus) as caught, holder.live(origin="http://evil.example"):
        pass
    assert caught.value.response.status_code == 403


# -- pages that are slow -------------------------------------------------------------------------


def test_a_page_that_reads_nothing_holds_up_nobody(studio, holder):
    deaf = Visitor(studio, "deaf")
    with deaf.live(compression=None, max_queue=1, close_timeout=0.1), holder.live() as socket:
        told(socket, "state", lambda m: True)
        begin_s = time.monotonic()
        for seed in range(40):
            holder.do("/api/recipe", seed=seed)
        told(socket, "recipe", lambda m: m["recipe"]["seed"] == 39)
        assert time.monotonic() - begin_s < 60
    holder.do("/api/recipe", seed=0)
    holder.planned()


def test_nothing_of_a_page_is_waited_for_on_its_socket(holder):
    with holder.live() as socket:
        socket.send(json.dumps({"type": "hello"}))
        assert told(socket, "state", lambda m: True)
    assert Path(holder.studio.home).is_dir()
