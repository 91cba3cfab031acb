"""What a drawing loads: each of these modules costs a tenth of a second or more, and a word needs none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
UNUSED = (
    "torch", "matplotlib", "networkx", "sklearn", "pandas", "scipy.optimize", "scipy.interpolate",
    "scipy.stats", "scipy.signal", "scipy.integrate", "urllib.request", "http.client", "asyncio", "serial",
    "strokebot.training", "strokebot.studio",
)  # fmt: skip
PROGRAM = """
import sys
from pathlib import Path
sys.argv = ["strokebot", "draw", {picture!r}, "--quiet", "-o", {folder!r}]
from strokebot.cli import main
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
print(*(name for name in {unused} if name in sys.modules))
"""


def test_a_word_is_drawn_without_what_it_does_not_need(tmp_path):
    code = PROGRAM.format(picture=str(EXAMPLES / "hello.png"), folder=str(tmp_path / "out"), unused=UNUSED)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
    assert (tmp_path / "out" / "report.json").is_file()
