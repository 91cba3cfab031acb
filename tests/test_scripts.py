"""The setup script's decisions, with a stand-in for Python so that nothing is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the scripts are for bash")

# Takes the place of python: "-m venv" puts itself into .venv, "-m pip" notes its arguments.
FAKE_PYTHON = """#!/bin/bash
case "$*" in
  --version) echo "Python 3.99" ;;
  -c*) exit {version_check} ;;
  "-m venv --clear "*) mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
  "-m pip install"*) echo "$*" >>"{log}"; exit {pip} ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    """A copy of what the setup reads, in a folder whose name has a space."""
    root = tmp_path / "a project"
    (root / "scripts").mkdir(parents=True)
    for name in ("scripts/setup", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, root / name)
    return root


def fake_python(project, version_check=0, pip=0):
    path = project.parent / "fake python"
    path.write_text(FAKE_PYTHON.format(version_check=version_check, pip=pip, log=project.parent / "pip.log"))
    path.chmod(0o755)
    return path


def setup(project, python, *arguments):
    return subprocess.run(
        ["bash", project / "scripts" / "setup", *arguments],
        env={**os.environ, "PYTHON": str(python)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


def installs(project):
    log = project.parent / "pip.log"
    return log.read_text().splitlines() if log.exists() else []


def test_setup_installs_once_and_again_when_its_inputs_change(project):
    python = fake_python(project)
    assert setup(project, python).returncode == 0
    assert setup(project, python).returncode == 0
    (first,) = installs(project)
    assert first.endswith(f"--constraint {project}/constraints.txt --editable {project}")
    (project / "constraints.txt").write_text("numpy==2.0\n")
    setup(project, python)
    assert len(installs(project)) == 2


def test_the_tests_need_more_than_drawing_and_drawing_nothing_more_than_the_tests(project):
    python = fake_python(project)
    setup(project, python)
    setup(project, python, "dev")
    assert [line.endswith("[dev]") for line in installs(project)] == [False, True]
    setup(project, python)
    assert len(installs(project)) == 2


def test_a_failed_installation_is_tried_again(project):
    assert setup(project, fake_python(project, pip=1)).returncode != 0
    shutil.rmtree(project / ".venv")
    assert setup(project, fake_python(project)).returncode == 0
    assert len(installs(project)) == 2


@pytest.mark.parametrize("old", [True, False])
def test_an_old_or_missing_python_is_one_clear_line(project, old):
    python = fake_python(project, version_check=1) if old else "/nowhere/python"
    done = setup(project, python)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "3.11" in line
    assert str(python) in line
    assert not (project / ".venv").exists()


def test_every_pin_is_exact_and_covers_the_declared_packages():
    import re
    import tomllib

    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = dict(line.split("==") for line in lines)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.match(r"[A-Za-z0-9-]+", entry)[0].lower() for entry in wanted}
    assert names <= {name.lower().replace("_", "-") for name in pins}
    assert not any("+" in version for version in pins.values())
