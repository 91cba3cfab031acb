"""A logged session is played again to the byte, whatever went wrong in it; a log survives a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_bridge.dialects import dialect_of
from firmware_bridge.errors import BridgeError, Cancelled
from firmware_bridge.events import Event, Progress
from firmware_bridge.job.device import Device, open_device
from firmware_bridge.job.replay import replay
from firmware_bridge.journal import Journal, begin_job, find_job
from firmware_bridge.simulator.faults import fault
from firmware_bridge.stream.link import Link
from firmware_bridge.transports.faulty import FaultyTransport
from firmware_bridge.wirelog import recorder
from firmware_bridge.wirelog.log import LogError, WireLog, lines_of, read_log, table_of
from tests.support.fault_trials import clean, drawing, profile
from tests.support.ink_cases import plotter, program_of

KINDS = [
    "split answers",
    "late answer",
    "dropped answer",
    "damaged line",
    "restart",
    "alarm",
    "unplugged",
    "partial write",
    "long pause",
    "open door",
]


@pytest.mark.parametrize("dialect", ["grbl", "marlin", "uarm"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_faulty_session_goes_the_same_way_again(kind: str, dialect: str, tmp_path: Path) -> None:
    machine = profile(dialect)
    span_s, _ = clean(dialect)
    faulty = FaultyTransport(machine)
    logged = recorder.logged(faulty, tmp_path / "log", machine)
    device = Device(machine, Link(logged, dialect_of(dialect), machine))
    faulty.arm(fault(kind, 3), span_s)
    then = "done"
    try:
        device.run(drawing(machine))
    except BridgeError as error:
        then = f"{type(error).__name__} {error}"
    device.close()
    found = replay(tmp_path / "log")
    assert found.divergence == ""
    assert (found.then, found.now) == (then, then)
    assert found.same
    assert found.sent > 20
    assert found == replay(tmp_path / "log")


def test_what_somebody_wanted_is_wanted_again(tmp_path: Path) -> None:
    machine = plotter("grbl")
    program = program_of([[(20.0 + 0.5 * i, 20.0 + i % 2) for i in range(120)]], 30.0)
    count = 0
    with open_device(machine, "sim://grbl", tmp_path / "log") as device:
        wishes = {
            20: lambda: device.set_speed(150),
            30: lambda: device.trim_pen(-1),
            40: device.pause,
            60: device.go_on,
            90: device.cancel,
        }

        def on_event(event: Event) -> None:
            nonlocal count
            if isinstance(event, Progress):
                count += 1
                wishes.get(count, lambda: None)()

        with pytest.raises(Cancelled):
            device.run(program, on_event)
    heard: list[Event] = []
    found = replay(tmp_path / "log", heard.append)
    assert found.divergence == ""
    assert found.same
    assert found.now.startswith("Cancelled")
    assert {"Paused", "Resumed", "Adjusted"} <= {type(e).__name__ for e in heard}


def test_a_resumed_job_is_played_again(tmp_path: Path) -> None:
    machine = plotter("grbl")
    program = program_of([[(20.0 + 0.5 * i, 20.0 + i % 2) for i in range(120)]], 30.0)
    journals: list[Journal] = []

    def keep(lines: list[str]) -> Journal:
        journals.append(begin_job(lines, machine, "sim://", "job", tmp_path))
        return journals[-1]

    with open_device(machine, "sim://grbl") as device:

        def stop(event: Event) -> None:
            if isinstance(event, Progress) and event.lines_done > 60:
                device.cancel()

        with pytest.raises(Cancelled):
            device.run(program, stop, keep)
        state = find_job("1", tmp_path)
    with open_device(machine, "sim://grbl", tmp_path / "log") as again:
        again.run_rest(state, Journal.reopen(state), None, "here")
    found = replay(tmp_path / "log")
    assert (found.divergence, found.now) == ("", "done")


def test_another_program_than_then_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with open_device(plotter("grbl"), "sim://grbl", path) as device:
        device.run(program_of([[(20.0, 20.0), (30.0, 20.0), (30.0, 30.0)]], 30.0))
    text = path.read_text()
    path.write_text(text.replace("> X30", "> X31").replace("> G1 X30", "> G1 X31"))
    found = replay(path)
    assert not found.same
    assert "X30" in found.divergence.partition("where it sent")[0]
    assert "X31" in found.divergence.partition("where it sent")[2]


def test_a_log_is_whole_up_to_where_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = WireLog(path)
    log.write(5.5, ">", "G0 X1\n\x18\xff")
    log.program(6.0, ["G21", "G90"])
    log.write(6.25, "<", "ok")
    data = path.read_bytes()  # nothing is buffered: this is what a kill leaves
    path.write_bytes(data[:-3])
    records, gap = read_log(path)
    assert not gap
    assert [(r.t_s, r.kind) for r in records] == [(5.5, ">"), (6.0, "="), (6.0, "=")]
    assert records[0].text == "G0 X1\n\x18\xff"
    assert lines_of([table_of(records[2])]) == ["G21", "G90"]
    log.close()


def test_a_long_log_keeps_its_beginning_and_its_end_within_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = WireLog(path, limit_bytes=20_000)
    for i in range(3000):
        log.write(i * 0.01, ">", f"G1 X{i}\n")
    log.close()
    assert sum(p.stat().st_size for p in tmp_path.iterdir()) <= 20_000
    records, gap = read_log(path)
    assert gap
    assert records[0].text == "G1 X0\n"
    assert records[-1].text == "G1 X2999\n"
    with pytest.raises(LogError, match="shown, not replayed"):
        replay(path)


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\xff\xfe", b"strokebot log 1 part x\n"])
def test_what_is_no_log_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    with pytest.raises(LogError, match="no log"):
        replay(path)


def test_a_file_that_is_no_log_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    path.write_text("mine")
    with pytest.raises(LogError, match="choose another name"):
        open_device(plotter("grbl"), "sim://grbl", path)
    assert path.read_text() == "mine"
