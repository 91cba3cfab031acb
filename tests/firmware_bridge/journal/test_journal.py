"""A journal is read back as far as it is sound, and nothing else is ever believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.gcode.sanitize import read_gcode
from firmware_bridge.journal import (
    Journal,
    JournalError,
    ProgressPoint,
    begin_job,
    find_job,
    job_paths,
    read_journal,
)
from firmware_bridge.journal import reader as disk
from firmware_bridge.machine import MachineProfile

LINES = ["G21 G90", "G0 Z5", *(f"G1 X{i} Y{i % 7} F600" for i in range(300)), "G0 Z5"]


def job(folder: Path, machine: MachineProfile, name: str = "cat.png", notes: int = 40) -> Path:
    with begin_job(LINES, machine, "/dev/ttyUSB0", name, folder) as journal:
        for i in range(notes):
            journal.may_send(i + 10, len(LINES))
            journal.progress(i * 0.1, i + 5, ProgressPoint(i, 0.25), (float(i), 0.0, 5.0))
    return journal.path


def one_line(error: JournalError) -> None:
    assert "\n" not in str(error)


def test_what_is_written_is_read(machine: MachineProfile, tmp_path: Path) -> None:
    state = read_journal(job(tmp_path, machine))
    assert state.lines == LINES
    assert state.machine == machine
    assert (state.bound, state.taken, state.position) == (ProgressPoint(39, 0.25), 44, (39.0, 0.0, 5.0))
    assert 49 <= state.may_sent < 49 + 32
    assert (state.done, state.torn, state.last_event) == (False, False, "")


def test_lines_keep_their_numbers_in_the_file(machine: MachineProfile, tmp_path: Path) -> None:
    texts = ["(a)", "G21 G90", "", "(b)", "G0 Z5", *(t for line in LINES[2:] for t in (line, "; c"))]
    path = tmp_path / "a.gcode"
    path.write_text("\n".join(texts))
    lines = read_gcode(path)
    with begin_job(lines, machine, "sim://grbl", "a", tmp_path) as journal:
        journal.event("stopped", 0.0, 2, ProgressPoint(1))
    state = read_journal(journal.path)
    assert state.lines == LINES
    assert [line.file_line for line in state.lines] == [line.file_line for line in lines]
    assert state.where == f"line 5 of {len(texts) - 1}"
    with Journal.reopen(state) as journal:
        journal.event("stopped", 1.0, len(LINES), ProgressPoint(len(LINES)))
    assert read_journal(journal.path).where == f"the end of line {len(texts) - 1}, the last one"


def test_numbers_that_are_not_whole_are_refused(machine: MachineProfile, tmp_path: Path) -> None:
    path = job(tmp_path, machine, notes=0)
    for numbers in (range(3), range(len(LINES) + 1)):
        path.write_bytes(path.read_bytes() + disk.numbers_record(list(numbers)))
        with pytest.raises(JournalError, match="numbers of its lines are not whole"):
            read_journal(path)


@settings(max_examples=60)
@given(cut=st.floats(0.0, 1.0))
def test_a_cut_journal_is_read_up_to_the_cut(
    cut: float, machine: MachineProfile, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    path = job(folder, machine)
    data = path.read_bytes()
    whole = read_journal(path)
    path.write_bytes(data[: int(cut * len(data))])
    try:
        read_journal(path)
    except JournalError as error:
        one_line(error)
        # only while the program itself is not whole, which is before anything was drawn
        early = int(cut * len(data)) < len(data) - 40 * 30
    else:
        early = False
    if early:
        return
    state = read_journal(path)
    assert state.lines == LINES
    assert state.bound <= whole.bound
    with Journal.reopen(state) as journal:
        journal.event("done", 1.0, 300, ProgressPoint(303))
    assert read_journal(path).done
    assert not read_journal(path).torn


@settings(max_examples=80)
@given(at=st.floats(0.0, 1.0, exclude_max=True), flip=st.integers(1, 255))
def test_a_changed_byte_never_leads_further(
    at: float, flip: int, machine: MachineProfile, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = job(tmp_path_factory.mktemp("flip"), machine)
    whole = read_journal(path)
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= flip
    path.write_bytes(bytes(data))
    try:
        state = read_journal(path)
    except JournalError as error:
        one_line(error)
        return
    assert state.lines == LINES
    assert state.bound <= whole.bound
    assert state.torn


@settings(max_examples=60)
@given(
    data=st.binary(max_size=400), honest=st.booleans(), kind=st.sampled_from([b"H", b"L", b"W", b"P", b"E"])
)
def test_noise_is_one_line(
    data: bytes, honest: bool, kind: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("noise") / "x.journal"
    path.write_bytes(disk.MAGIC + disk.record(kind, data) if honest else data)
    with pytest.raises(JournalError) as caught:
        read_journal(path)
    assert "\n" not in str(caught.value)


def test_a_bomb_and_a_foreign_order_are_refused(machine: MachineProfile, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="too large"):
        disk.read_lines(disk.lines_record(["G1 X1"] * 100_000)[9:], 1000)
    path = tmp_path / "000001-x.journal"
    with Journal.create(path, ["G1 X1 F60", "$110=1"], machine, "sim://grbl", "x"):
        pass
    with pytest.raises(JournalError, match="setting"):
        read_journal(path)


def test_jobs_are_numbered_pruned_and_found(machine: MachineProfile, tmp_path: Path) -> None:
    for i in range(9):
        with begin_job(LINES, machine, "p", f"../../etc/{i}\n", tmp_path) as journal:
            if i != 3:
                journal.event("done", 0.0, 1, ProgressPoint(1))
        assert journal.path.parent == tmp_path
    names = [p.name for p in job_paths(tmp_path)]
    assert len(names) == 7  # the open one, the last five that were done before, and the newest
    assert find_job(None, tmp_path).path.name.startswith("000004")
    assert find_job("9", tmp_path).done
    for bad in ("77", "../../etc/passwd", "nothing", "000001-gone.journal"):
        with pytest.raises(JournalError):
            find_job(bad, tmp_path)
    if os.name == "posix":
        (tmp_path / "000099-link.journal").symlink_to("/etc/passwd")
        assert all("link" not in p.name for p in job_paths(tmp_path))
        assert oct(journal.path.stat().st_mode & 0o777) == "0o600"


@pytest.mark.skipif(os.name != "posix", reason="needs flock")
def test_a_running_job_is_left_alone(machine: MachineProfile, tmp_path: Path) -> None:
    with begin_job(LINES, machine, "p", "x", tmp_path), pytest.raises(JournalError, match="still runs"):
        Journal.reopen(find_job(None, tmp_path))


def test_a_full_disk_does_not_stop_the_drawing(
    machine: MachineProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with begin_job(LINES, machine, "p", "x", tmp_path) as journal:
        monkeypatch.setattr(os, "write", full)
        journal.may_send(5, 300)
        journal.progress(1.0, 1, ProgressPoint(1))
        assert "No space" in journal.failed
        monkeypatch.undo()


def test_trims_are_kept_apart_from_how_it_ended(machine: MachineProfile, tmp_path: Path) -> None:
    with begin_job(LINES, machine, "sim://", "cat", tmp_path) as journal:
        journal.event("stopped", 1.0, 10, ProgressPoint(5), reason="key")
        journal.trim(7, -0.05)
        journal.trim(7, -0.1)
        journal.trim(20, 0.25)
    state = read_journal(journal.path)
    assert state.trims == ((7, -0.05), (7, -0.1), (20, 0.25))
    assert (state.last_event, state.reason) == ("stopped", "key")


@pytest.mark.parametrize(
    ("line", "trim"),
    [(3, 0.1), (-1, 0.1), (True, 0.1), ("8", 0.1), (10**7, 0.1), (9, "x"), (9, None), (9, True)],
)
def test_a_trim_that_makes_no_sense_is_refused(
    line: object, trim: object, machine: MachineProfile, tmp_path: Path
) -> None:
    with begin_job(LINES, machine, "sim://", "cat", tmp_path) as journal:
        journal.trim(7, -0.05)
        journal.trim(line, trim)  # type: ignore[arg-type]
    with pytest.raises(JournalError, match="trim") as found:
        read_journal(journal.path)
    one_line(found.value)
