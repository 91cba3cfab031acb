from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
import firmware_bridge.job.device, firmware_bridge.gcode.sanitize
import firmware_bridge.checks.preflight, firmware_bridge.simulator
heavy = {"serial", "scipy", "torch", "matplotlib", "typer", "PIL"} & set(sys.modules)
assert not heavy, heavy
"""


def test_the_bridge_loads_only_numpy_and_the_standard_library() -> None:
    """A small computer that only streams must not pay for the rest; pyserial comes with the first port."""
    subprocess.run([sys.executable, "-c", CODE], check=True)
