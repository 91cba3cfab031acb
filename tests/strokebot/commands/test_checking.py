"""``send --check``: what is said, and that nothing is drawn after a refused line."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_bridge.errors import DeviceRejected
from strokebot.commands.stream import send

LINES = "G21 G90\nG0 Z5\nG0 X20 Y20\nG1 Z0 F600\nG1 X60 Y30 F1800\nG0 Z5\n"


@pytest.mark.parametrize(
    ("port", "profile", "words"),
    [
        ("sim://grbl", "grbl-z", "checked: the controller takes every line"),
        ("sim://grblhal", "grbl-z", "checked: the controller takes every line"),
        ("sim://marlin", "marlin-printer", "marlin firmware has no check mode"),
    ],
)
def test_the_controller_reads_all_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], port: str, profile: str, words: str
) -> None:
    file = tmp_path / "a.gcode"
    file.write_text(LINES)
    send(file, port, profile, check=True)
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith(words)
    assert "6 of 6 lines" in out
    if port != "sim://marlin":  # whose last probe is told as a warning
        assert err == ""


def test_a_line_that_only_the_machine_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware_bridge.checks import preflight

    monkeypatch.setattr(preflight, "require_lines", lambda lines, machine: pytest.fail("it went on"))
    file = tmp_path / "a.gcode"
    file.write_text(LINES + "G7 X1\n")
    with pytest.raises(DeviceRejected, match="Line 7 'G7 X1'"):
        send(file, "sim://grbl", "grbl-z", check=True, quiet=True)
