"""Our driver on other people's simulators, where they are installed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys"),
]


@pytest.mark.filterwarnings("ignore")
def test_octoprints_virtual_printer_performs_each_move_once(tmp_path: Path) -> None:
    pytest.importorskip("octoprint")
    from benchmarks.peers import draw_on, octoprint_printer

    with octoprint_printer(tmp_path / "tty") as moves:
        sent, done, resends = draw_on(tmp_path / "tty", moves)
    assert done == sent
    assert resends > 0
