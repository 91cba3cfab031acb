"""The second process that paints the dry run: the same bytes, whatever happens to it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from calibration.profile import Profile
from strokebot.plots import painter
from strokebot.plots.shown import ShownLimits
from strokebot.trace import Trace
from strokebot.trajectory.path.place import Placement

PROFILE = Profile.load(None)


@pytest.fixture
def dry_run(monkeypatch):
    """The arguments of a small dry run; a machine of two cores."""
    monkeypatch.setattr(painter, "cores", lambda: 2)
    t = np.linspace(0, 1, 50)
    points = np.column_stack([20 + 50 * t, 190 + 0 * t])
    trace = Trace.of(t, points, np.full(50, PROFILE.pen.full), PROFILE, "simulated")
    ink = np.zeros((40, 60), dtype=np.float32)
    ink[18:22] = 1.0
    return ink, Placement(60.0, 20.0, 210.0), trace, ShownLimits.of(PROFILE), "line.png", ["a fact"]


def test_another_process_paints_the_same_bytes(dry_run, monkeypatch):
    here = painter.paint(*dry_run)
    monkeypatch.setattr(painter, "paint", lambda *arguments: b"painted here")
    with painter.Painter() as other:
        process = other._process
        assert process is not None
        assert other.begin(*dry_run).png() == here
    assert process.poll() is not None


@pytest.mark.parametrize("program", ["", "raise SystemExit(1)", "print('no picture'); raise SystemExit(1)"])
def test_a_process_that_fails_is_replaced(dry_run, monkeypatch, program):
    monkeypatch.setattr(painter, "_PROGRAM", program)
    monkeypatch.setattr(painter, "paint", lambda *arguments: b"painted here")
    with painter.Painter() as other:
        assert other.begin(*dry_run).png() == b"painted here"


def test_it_is_painted_here_where_another_process_does_not_help(dry_run, monkeypatch):
    monkeypatch.setattr(painter, "paint", lambda *arguments: b"painted here")
    monkeypatch.setattr(painter, "MOST_PIXELS", 100)
    with painter.Painter() as large:
        process = large._process
        assert large.begin(*dry_run).png() == b"painted here"
        assert process is not None
        assert process.poll() is not None
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with painter.Painter() as missing:
        assert missing.begin(*dry_run).png() == b"painted here"
    monkeypatch.setattr(painter, "cores", lambda: 1)
    with painter.Painter() as alone:
        assert alone._process is None
        assert alone.begin(*dry_run).png() == b"painted here"


def test_the_process_ends_with_what_started_it(dry_run):
    other = painter.Painter()
    process = other._process
    assert process is not None

    def interrupted():
        with other:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert process.poll() is not None
