"""A real kill -9 of a process that draws, and strokebot resume after it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from calibration.profile import Profile
from firmware_bridge.journal import find_job
from firmware_bridge.simulator import RealTime, VirtualGrbl, serve_tcp
from tests.support.ink_cases import dense, drawn_mm, farthest_mm, ink, ink_mm, lines_of, program_of

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs signals")]

ZIGZAG = [[(20.0 + 0.5 * i, 40.0 + (15.0 if i % 2 else 0.0)) for i in range(60)]]


@pytest.mark.parametrize("after_s", [0.7, 1.3, 2.1])
def test_kill_9_and_resume(tmp_path: Path, after_s: float) -> None:
    machine = Profile.load("grbl-z").machine
    grbl, stop = VirtualGrbl(machine), threading.Event()
    ports: list[int] = []
    thread = threading.Thread(
        target=serve_tcp, args=(grbl, stop), kwargs={"clock": RealTime(4.0), "on_ready": ports.append}
    )
    thread.start()
    try:
        while not ports:
            time.sleep(0.01)
        file = tmp_path / "zigzag.gcode"
        file.write_text("\n".join(lines_of(program_of(ZIGZAG, 40.0), machine)))
        env = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
        send = [sys.executable, "-m", "strokebot.cli"]
        url = f"socket://127.0.0.1:{ports[0]}"
        child = subprocess.Popen([*send, "send", str(file), "--port", url, "--yes", "-q"], env=env)
        folder = tmp_path / "strokebot" / "journals"
        while not list(folder.glob("*.journal")):
            assert child.poll() is None
            time.sleep(0.02)
        time.sleep(after_s)
        child.send_signal(signal.SIGKILL)
        child.wait()
        assert not find_job(None, folder).done
        time.sleep(0.3)
        again = subprocess.run([*send, "resume", "--yes", "-q"], env=env, capture_output=True, timeout=60)
        assert again.returncode == 0, again.stderr
        assert find_job("1", folder).done
    finally:
        stop.set()
        thread.join()
    pieces = ink(grbl.recording())
    assert len(pieces) == 2
    assert farthest_mm(dense(ZIGZAG), pieces) < 0.05
    assert ink_mm(pieces) - drawn_mm(ZIGZAG) < 2.0 + 0.2
