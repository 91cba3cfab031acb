"""The studio moves a machine: by hand, through a drawing, and out of every way that it may end."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("starlette", reason="the studio is an extra: pip install 'strokebot[studio]'")

from firmware_bridge.journal import job_paths, read_journal
from tests.support.studio_server import PATIENCE_S, ROOT, Visitor, served, told

PICTURE = ROOT / "examples" / "flourish.png"
FAST = "sim://grbl?speed=40"
SLOW = "sim://grbl?speed=2"
STEADY = "sim://grbl?speed=0.4"


@pytest.fixture(scope="module")
def holder():
    with served(str(PICTURE)) as running:
        visitor = Visitor(running)
        visitor.do("/api/recipe", fit_mm=[50, 40], polish=False)
        visitor.planned()
        yield visitor


def connect(visitor: Visitor, port: str) -> None:
    visitor.do("/api/machine/connect", port=port)
    visitor.until(lambda s: s["machine"]["connected"] and s["machine"]["state"] == "Idle", "not connected")


def begin(visitor: Visitor) -> None:
    before = [job["id"] for job in visitor.state()["jobs"]]
    ready = visitor.do("/api/draw/prepare")
    visitor.do("/api/draw/start", confirm=ready["confirm"])
    visitor.until(lambda s: [job["id"] for job in s["jobs"]] != before, "no journal is begun")


def drawing(state) -> object:
    job = state["machine"]["job"]
    return job is not None and job["share"] > 0.05


def at_rest(state) -> object:
    jobs = state["jobs"]
    return state["machine"]["job"] is None and jobs and not any(job["drawing"] for job in jobs)


def done(state) -> object:
    return at_rest(state) and state["jobs"][0]["done"]


# -- by hand -------------------------------------------------------------------------------------


def test_who_connects_while_it_connects_waits_for_the_same(holder):
    with ThreadPoolExecutor(3) as visitors:
        asked = [visitors.submit(holder.post, "/api/machine/connect", port=FAST) for _ in range(3)]
        assert [one.result()[0] for one in asked] == [200] * 3
    holder.do("/api/machine/disconnect")


def test_without_a_machine_everything_says_so(holder):
    for path in ("jog", "home", "unlock", "touch_off", "frame", "status"):
        status, answer = holder.post(f"/api/machine/{path}", dx_mm=1)
        assert status == 422
        assert "No machine is connected" in answer["error"]
    assert "virtual one" in holder.post("/api/draw/prepare")[1]["error"]


def test_the_virtual_machines_come_first_among_the_ports(holder):
    ports = holder.get("/api/ports")["ports"]
    assert [port["url"] for port in ports[:2]] == ["sim://grbl?speed=1", "sim://grbl?speed=10"]


@pytest.mark.parametrize("port", ["", "a\nb", "x" * 300, 7, None])
def test_what_is_no_port_is_refused(holder, port):
    assert holder.post("/api/machine/connect", port=port)[0] == 422


def test_a_port_that_is_not_there_is_told(holder):
    for port in ("sim://nothing?speed=1", "sim://grbl?speed=0", "sim://"):
        status, answer = holder.post("/api/machine/connect", port=port)
        assert status == 422, port
        assert "\n" not in answer["error"]
    assert not holder.state()["machine"]["connected"]


@pytest.mark.parametrize(
    "port", ["/etc/passwd", "/dev/null", "/dev/tty", "socket://127.0.0.1:22", "what://x"]
)
def test_a_page_opens_no_file_and_no_address_that_is_not_in_the_list(holder, port):
    status, answer = holder.post("/api/machine/connect", port=port)
    assert status == 422
    assert "one of the list" in answer["error"]


def test_a_machine_is_moved_by_hand_along_the_paper(holder):
    connect(holder, FAST)
    machine = holder.state()["machine"]
    assert (machine["virtual"], machine["place_lost"], machine["sentence"]) == (True, False, "It is ready.")
    x_mm, y_mm = machine["at_mm"]
    holder.do("/api/machine/jog", dx_mm=12, dy_mm=7)
    assert holder.state()["machine"]["at_mm"] == pytest.approx([x_mm + 12, y_mm + 7], abs=0.02)
    holder.do("/api/machine/pen", to="down")
    touch = holder.state()["machine"]["pen"]
    holder.do("/api/machine/jog", x_mm=40, y_mm=50, feed_mm_s=100)  # lifts it first
    machine = holder.state()["machine"]
    assert machine["at_mm"] == pytest.approx([40, 50], abs=0.02)
    assert machine["pen"] > touch
    holder.do("/api/machine/pen", to=1.5)
    assert holder.state()["machine"]["pen"] == 1.5
    status, answer = holder.post("/api/machine/jog", dx_mm=9000)
    assert (status, "outside" in answer["error"]) == (422, True)
    for wrong in ({"dx_mm": "1"}, {"x_mm": 1}, {"dx_mm": 1, "feed_mm_s": -1}, {"dx_mm": True}):
        assert holder.post("/api/machine/jog", **wrong)[0] == 422
    assert holder.post("/api/machine/pen", to="sideways")[0] == 422


def test_the_corner_of_the_paper_is_where_the_tool_stands(holder):
    connect(holder, FAST)
    holder.do("/api/machine/jog", dx_mm=3)
    holder.do("/api/machine/touch_off")
    assert holder.state()["machine"]["at_mm"] == pytest.approx([0, 0], abs=0.01)
    holder.do("/api/machine/disconnect")
    connect(holder, FAST)  # it has stayed on
    assert holder.state()["machine"]["at_mm"] == pytest.approx([0, 0], abs=0.01)


def test_the_frame_is_walked_with_the_pen_up(holder):
    connect(holder, FAST)
    with holder.live() as socket:
        holder.do("/api/machine/frame")
        summary = holder.state()["plan"]["summary"]
        told(socket, "machine", lambda m: m["machine"]["job"] is None)
    x_mm, y_mm = holder.state()["machine"]["at_mm"]
    left, low = summary["at_mm"]
    assert left - 1 <= x_mm <= left + summary["size_mm"][0]
    assert low - 1 <= y_mm <= low + summary["size_mm"][1]
    assert not [job for job in holder.state()["jobs"] if job["name"] == "the frame"]


# -- a drawing -----------------------------------------------------------------------------------


def test_a_drawing_is_rehearsed_confirmed_once_and_drawn(holder):
    connect(holder, SLOW)
    ready = holder.do("/api/draw/prepare")
    assert "the virtual machine" in ready["sentence"]
    assert re.search(r"\d+(\.\d)? s, .* mm of line on a sheet of 210 x 297 mm", ready["sentence"])
    assert holder.post("/api/draw/start", confirm="guessed")[0] == 422
    assert holder.post("/api/draw/start")[0] == 422
    with holder.live() as socket:
        holder.do("/api/draw/start", confirm=ready["confirm"])
        assert holder.post("/api/draw/start", confirm=ready["confirm"])[0] == 422  # used
        told(socket, "machine", lambda m: ((m["machine"]["job"] or {}).get("drawn_mm") or 0) > 0)
        place = told(socket, "position", lambda m: m.get("t_s"))
        assert 0 <= place["x_mm"] <= 210
        told(socket, "log", lambda m: "done in" in m["text"])
    state = holder.until(done, "it does not end")
    assert state["jobs"][0]["share"] == 1.0


def test_a_rehearsal_of_another_drawing_draws_nothing(holder):
    connect(holder, FAST)
    ready = holder.do("/api/draw/prepare")
    holder.do("/api/recipe", fit_mm=[49, 40])
    holder.planned()
    status, answer = holder.post("/api/draw/start", confirm=ready["confirm"])
    assert (status, "changed" in answer["error"]) == (422, True)
    holder.do("/api/recipe", fit_mm=[50, 40])
    holder.planned()


def test_a_drawing_is_held_changed_cancelled_and_gone_on_with(holder):
    connect(holder, SLOW)
    watcher = Visitor(holder.studio, "watcher")
    begin(holder)
    holder.until(drawing, "it does not draw")
    assert holder.post("/api/machine/jog", dx_mm=1)[0] == 422
    watcher.do("/api/draw/hold")  # anybody may
    held = holder.until(lambda s: (s["machine"]["job"] or {}).get("paused"), "it is not held")
    assert held["machine"]["pen"] == held["plan"]["summary"]["pen"]["up"]
    assert "held" in held["machine"]["sentence"]
    assert watcher.state()["machine"]["job"]["paused"]
    holder.do("/api/draw/speed", percent=150)
    holder.do("/api/draw/pen_trim", mm=0.1)
    changed = holder.until(lambda s: s["machine"]["job"]["pen_trim"], "it is not trimmed")["machine"]["job"]
    assert (changed["speed_percent"], changed["pen_trim"]) == (150, pytest.approx(0.1))
    holder.do("/api/draw/resume")
    holder.until(lambda s: s["machine"]["job"] and not s["machine"]["job"]["paused"], "it does not go on")
    holder.do("/api/draw/cancel")
    state = holder.until(at_rest, "it is not cancelled")
    job = state["jobs"][0]
    assert not job["done"]
    assert 0 < job["share"] < 1
    assert holder.get(f"/api/jobs/{job['id']}/thumbnail")["strokes"]
    connect(holder, FAST)
    ready = holder.do(f"/api/jobs/{job['id']}/resume")
    assert job["where"] in ready["sentence"]
    holder.do("/api/draw/start", confirm=ready["confirm"])
    holder.until(done, "it is not finished")


def test_a_job_is_drawn_again_and_deleted(holder):
    connect(holder, FAST)
    begin(holder)
    before = holder.until(done, "it is not drawn")["jobs"][0]
    ready = holder.do(f"/api/jobs/{before['id']}/again")
    holder.do("/api/draw/start", confirm=ready["confirm"])
    state = holder.until(lambda s: s["jobs"][0]["id"] != before["id"] and done(s), "it is not drawn again")
    assert state["jobs"][0]["name"] == before["name"]
    assert holder.post(f"/api/jobs/{before['id']}/resume")[0] == 422  # it is done
    holder.do(f"/api/jobs/{before['id']}/delete")
    assert before["id"] not in [job["id"] for job in holder.state()["jobs"]]
    for name in ("v999", "..", "nothing"):
        assert holder.post(f"/api/jobs/{name}/delete")[0] in (404, 422)


def test_a_drawing_of_another_profile_is_not_sent_to_this_machine(holder):
    connect(holder, FAST)
    holder.do("/api/recipe", profile="marlin-printer")
    holder.planned()
    ready = holder.do("/api/draw/prepare")
    with holder.live() as socket:
        holder.do("/api/draw/start", confirm=ready["confirm"])
        assert "connect again" in told(socket, "problem", lambda m: True)["text"]
    holder.do("/api/recipe", profile="grbl-z")
    holder.planned()


# -- ends ----------------------------------------------------------------------------------------


def journals(home):
    return [read_journal(path) for path in job_paths(home / "state/strokebot/journals/virtual")]


def settle(home):
    """Waits until the machine's process has stopped the drawing, though the server is gone."""
    end_s = time.monotonic() + PATIENCE_S
    while journals(home)[0].last_event != "stopped" and time.monotonic() < end_s:
        time.sleep(0.1)


@pytest.mark.parametrize("presses", [1, 3])
def test_ctrl_c_stops_a_drawing_with_the_pen_up_and_keeps_its_journal(presses):
    with served(str(PICTURE), "--port", STEADY) as running:
        visitor = Visitor(running)
        visitor.planned()
        visitor.until(lambda s: s["machine"]["connected"], "not connected")
        begin(visitor)
        visitor.until(drawing, "it does not draw")
        for _ in range(presses - 1):  # somebody has no patience
            running.process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        code, said = running.end()
        if presses == 1:
            assert code == 0
            assert "was stopped, with the pen up" in said
            assert "Traceback" not in said
        settle(running.home)
        (state,) = journals(running.home)
    assert (state.done, state.lifted, state.last_event) == (False, True, "stopped")


def test_a_server_that_is_killed_leaves_the_pen_up():
    with served(str(PICTURE), "--port", STEADY) as running:
        visitor = Visitor(running)
        visitor.planned()
        visitor.until(lambda s: s["machine"]["connected"], "not connected")
        begin(visitor)
        visitor.until(drawing, "it does not draw")
        running.process.send_signal(signal.SIGKILL)
        running.process.communicate()
        settle(running.home)
        (state,) = journals(running.home)
    assert (state.done, state.lifted, state.last_event) == (False, True, "stopped")


def test_the_curl_example_of_the_page_draws(tmp_path):
    page = (ROOT / "docs" / "studio.md").read_text()
    (script,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with served() as running:
        script = script.replace("http://127.0.0.1:8765", running.origin).replace("TOKEN", running.token)
        script = script.replace("speed=10", "speed=40")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        visitor = Visitor(running)
        visitor.until(lambda s: s["jobs"] and s["jobs"][0]["done"], "it is not drawn")
        assert visitor.state()["picture"]["name"] == "hello.png"
