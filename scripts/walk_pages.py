"""Runs every command that the pages show, literally, in a fresh home: what is written must work.

    page      README.md, examples/README.md and docs/*.md
    command   a line of a code block that calls the program; what follows two spaces is its comment
    synopsis  a command with placeholders: what is in brackets is left out, of a|b the first is taken, and
              a word in capitals gets the stand-in of ``STAND_INS``
    promise   a comment ``<!-- exits 1 -->`` above a block: its last command ends so

Each page has a home and a folder of its own. The machine at /dev/ttyUSB0 is a virtual one that does not wait
for the clock and keeps its place; the ports of ``serve-simulator`` are replaced by free ones. A terminal that
says yes stands before each command; the studio opens no browser. A page fails at an exit code that it does
not promise, and at any traceback.

Left out, each with its reason: ``LEFT_OUT``. Pages run side by side.

``python scripts/walk_pages.py [PAGE...]``
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORT = "/dev/ttyUSB0"
_CALLS = ("strokebot ", "scripts/draw ", "python -m strokebot ")
# What a terminal answers to every question: yes, or what stands in brackets.
_ANSWERS = b"y\n" + b"\n" * 12
_TIMEOUT_S = 600.0
_READY_S = 60.0

STAND_INS = {
    "IMAGE": "examples/flourish.png",
    "PICTURE": "examples/flourish.png",
    "URL": PORT,
    "PORT": PORT,
    "FILE": "any.gcode",
    "LOG": "session.log",
    "NAME": "mine",
    "SCAN": "scan.png",
}
# The beginning of a command, and why it is not run here.
LEFT_OUT = {
    "strokebot resume [JOB]": "needs a drawing that was stopped; tests/strokebot/commands stops one",
    "strokebot data fetch": "needs the network; tests/strokebot/training/data has a stand-in",
    "strokebot train": "needs data sets; tests/strokebot/training trains on small ones",
    "strokebot evaluate": "needs data sets; see there",
    "strokebot cluster": "needs data sets; see there",
}
# Shown on several pages, and long: where else it is run.
_STYLES = "strokebot styles examples/still_life.jpg --fit 60x45"
RUN_ELSEWHERE = {
    ("README.md", "strokebot calibrate --simulate"): "docs/calibration.md",
    ("README.md", _STYLES): "docs/tutorial.md",
    ("docs/lesson.md", _STYLES): "docs/tutorial.md",
    ("examples/README.md", "strokebot draw examples/hello.png"): "README.md",
}
GCODE = "G21 G90\nG0 Z3\nG0 X20 Y20\nG1 Z-0.5 F600\nG1 X60 Y30 F1800\nG1 X60 Y60\nG0 Z3\n"


@dataclass(frozen=True)
class Command:
    """A command of a page.

    Attributes:
        line: its number on the page.
        shown: as the page shows it.
        run: what is run, without placeholders.
        exits: the promised exit code.
    """

    line: int
    shown: str
    run: str
    exits: int = 0


@dataclass
class Outcome:
    """What came of a page.

    Attributes:
        page: its path.
        lines: one for each command.
        failures: of them, those that did not go as promised.
    """

    page: str
    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def commands_of(text: str) -> list[Command]:
    """The commands that a page shows, in order."""
    found: list[Command] = []
    exits, fenced = 0, False
    for number, line in enumerate(text.splitlines(), start=1):
        if promise := re.fullmatch(r"<!-- exits (\d+) -->", line.strip()):
            exits = int(promise[1])
            continue
        if line.startswith("```"):
            fenced = not fenced
            continue
        block = re.fullmatch(r"    (\S.*)", line)
        shown = block[1] if block else line if fenced else ""
        shown = re.split(r"\s{2,}", shown)[0]
        if shown.startswith(_CALLS):
            found.append(Command(number, shown, shown if _left_out(shown) else concrete(shown), exits))
        elif line.strip() and not block and not fenced:
            exits = 0
    return found


def _left_out(command: str) -> str:
    """Why a command is not run here, or an empty text."""
    return next((why for start, why in LEFT_OUT.items() if command.startswith(start)), "")


def concrete(shown: str) -> str:
    """A command without placeholders.

    Raises:
        ValueError: for a placeholder that nothing stands in for.
    """
    text = shown.replace("scripts/draw ", "strokebot draw ").replace("python -m strokebot", "strokebot")
    while (inner := re.sub(r"\s*\[[^\[\]]*\]", "", text)) != text:
        text = inner
    text = re.sub(r"\s*\[.*", "", text)  # it goes on in the next line
    words = []
    for word in text.split():
        first = word.split("|")[0].removesuffix("...")
        if re.fullmatch(r"[A-Z]{2,}", first) and first not in STAND_INS:
            raise ValueError(f"nothing stands in for {first} in: {shown}")
        words.append(STAND_INS.get(first, first))
    return " ".join(words)


class Walk:
    """One page in a home of its own."""

    def __init__(self, page: Path, folder: Path) -> None:
        """Makes the home, and a folder with the examples."""
        self.page = page
        self.name = page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name
        self.folder = folder / "work"
        self.home = folder / "home"
        self.port = folder / "plotter"
        for made in (self.folder, self.home, folder / "bin"):
            made.mkdir(parents=True)
        (self.folder / "examples").symlink_to(ROOT / "examples")
        (self.folder / "any.gcode").write_text(GCODE, encoding="utf-8")
        program = folder / "bin" / "strokebot"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m strokebot "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("XDG_")},
            "HOME": str(self.home),
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        self.tcp = {}
        self.services: list[subprocess.Popen[str]] = []

    def go(self) -> Outcome:
        """Runs the page's commands."""
        outcome = Outcome(self.name)
        try:
            commands = commands_of(self.page.read_text(encoding="utf-8"))
        except ValueError as error:
            return Outcome(self.name, [], [str(error)])
        makes_mine = any(re.match(r"strokebot profile (new|read) mine", c.run) for c in commands)
        with self.machine() if any(PORT in c.run for c in commands) else _nothing():
            if not makes_mine and any("mine" in c.run.split() for c in commands):
                self.run("strokebot profile new mine")
            try:
                for command in commands:
                    self.take(command, outcome)
            finally:
                for service in self.services:
                    if _end(service):
                        outcome.failures.append(f"{self.name}: {' '.join(service.args[:3])} did not end well")
        return outcome

    def take(self, command: Command, outcome: Outcome) -> None:
        """Runs one command and notes what came of it."""
        where = f"{self.name}:{command.line}: {command.shown}"
        left_out = _left_out(command.run)
        if elsewhere := RUN_ELSEWHERE.get((self.name, command.run)):
            left_out = f"run on {elsewhere}"
        if left_out:
            outcome.lines.append(f"left out  {where} ({left_out})")
            return
        begin = time.monotonic()
        problem = self.prepare_and_run(command)
        outcome.lines.append(f"{time.monotonic() - begin:6.1f} s  {where}")
        if problem:
            outcome.failures.append(f"{where}\n{problem}")

    def prepare_and_run(self, command: Command) -> str:
        """Makes what the page takes for granted, and runs; what is wrong, or an empty text."""
        if "serve-simulator" in command.run:
            return self.serve(command.run)
        if command.run.startswith("strokebot studio"):
            return self.serve(f"{command.run} --no-browser")
        if "scan.png" in command.run.split():
            self.scan(command.run)
        if "widths.txt" in command.run:
            self.widths()
        if command.run.startswith("strokebot replay"):
            self.run("strokebot send any.gcode --port sim://grbl --log session.log")
        done = self.run(command.run)
        said = done.stdout + done.stderr
        if "Traceback (most recent call last)" in said or "internal error" in said:
            return f"a traceback:\n{said[-2000:]}"
        if done.returncode != command.exits:
            return f"exit code {done.returncode}, not {command.exits}:\n{said[-2000:]}"
        return ""

    def run(self, command: str, answers: bytes = _ANSWERS) -> subprocess.CompletedProcess[str]:
        """Runs a command at a terminal that answers every question."""
        words = [self.replaced(word) for word in shlex.split(command)]
        master, slave = os.openpty()
        try:
            os.write(master, answers)
            return subprocess.run(
                words, stdin=slave, capture_output=True, text=True, errors="replace", cwd=self.folder,
                env=self.environment, timeout=_TIMEOUT_S, check=False,
            )  # fmt: skip
        finally:
            os.close(master)
            os.close(slave)

    def replaced(self, word: str) -> str:
        """A word of a command with the machine of this page, and ports that nobody else uses."""
        word = word.replace(PORT, str(self.port)).replace("/tmp/plotter", str(self.port) + "-2")

        def free(match: re.Match[str]) -> str:
            return f"127.0.0.1:{self.tcp.setdefault(match[1], _free_port())}"

        return re.sub(r"127\.0\.0\.1:(\d+)", free, word)

    def serve(self, command: str) -> str:
        """Starts a service, which runs until the page ends."""
        words = [self.replaced(word) for word in shlex.split(command)]
        service = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self.folder,
            env=self.environment,
        )  # fmt: skip
        self.services.append(service)
        assert service.stdout is not None
        said = service.stdout.readline()
        if "listens on" in said or "the studio is open" in said:
            return ""
        return f"it does not listen: {said}{service.stdout.read()}"

    @contextmanager
    def machine(self) -> Iterator[None]:
        """The machine behind ``PORT``: GRBL on a pty."""
        from calibration.profile import Profile
        from firmware_bridge.simulator import FreeRunning, virtual_controller
        from firmware_bridge.simulator.serve import serve_pty

        stop, ready = threading.Event(), threading.Event()
        machine = Profile.load(str(ROOT / "calibration" / "profiles" / "grbl-z.toml")).machine
        controller = virtual_controller("grbl", machine)
        controller.receive(b"$22=1\n")  # it has switches, so that it can be homed
        controller.advance(1.0)
        thread = threading.Thread(
            target=serve_pty,
            args=(
                self.port,
                controller,
                stop,
                FreeRunning(),
                lambda path: ready.set(),
            ),
        )
        thread.start()
        try:
            if not ready.wait(_READY_S):
                raise RuntimeError("the virtual machine does not start")
            yield
        finally:
            stop.set()
            thread.join()

    # -- what a page takes for granted -------------------------------------------------------------

    def scan(self, command: str) -> None:
        """A sheet was drawn and scanned: the chart of the command's folder, by a pen that nobody knows."""
        what = "geometry" if "geometry" in command else "pen"
        code = (
            "import sys; from pathlib import Path; from PIL import Image\n"
            "from calibration.profile import Profile; from strokebot import calibrating as c\n"
            "c._SCAN_DPI = 300.0; c._SHEET_PX_PER_MM = 15.0\n"
            "what, name = sys.argv[1:]; profile = Profile.load(name)\n"
            "sheet = c.make_chart(what, profile, Path('drawn'), 0, what == 'geometry')\n"
            "Image.open(c.virtual_scan(sheet, profile, Path('drawn'), 1)).save('scan.png', dpi=(300, 300))\n"
        )
        name = "mine" if "mine" in command else "grbl-z"
        subprocess.run(
            [sys.executable, "-c", code, what, name], cwd=self.folder, env=self.environment, check=True
        )

    def widths(self) -> None:
        """Some lines were measured with a loupe."""
        lines = [f"pressure-up-{k} {0.35 + 0.07 * k:.2f}" for k in range(1, 11)]
        (self.folder / "widths.txt").write_text("\n".join(lines), encoding="utf-8")


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _end(service: subprocess.Popen[str]) -> bool:
    """Ends a service as a person does; whether it went wrong."""
    service.send_signal(signal.SIGINT)
    try:
        return service.wait(_READY_S) != 0
    except subprocess.TimeoutExpired:
        service.kill()
        service.wait()
        return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def walk(pages: Sequence[Path]) -> list[Outcome]:
    """Runs pages side by side, those with the most commands first."""
    with tempfile.TemporaryDirectory() as folder:
        order = sorted(pages, key=lambda page: -page.read_text(encoding="utf-8").count("    strokebot"))
        walks = [Walk(page, Path(folder) / str(number)) for number, page in enumerate(order)]
        with ThreadPoolExecutor(max(1, os.cpu_count() or 1)) as pool:
            return list(pool.map(Walk.go, walks))


def main(arguments: Sequence[str]) -> int:
    """Walks the pages and prints what came of each command; 1 if anything went wrong."""
    sys.path.insert(0, str(ROOT))
    # A shell starts what it puts into the background with this signal ignored, and its children inherit that:
    # services could not be ended as a person ends them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pages = [Path(name).resolve() for name in arguments]
    outcomes = walk(
        pages or [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    )
    for outcome in outcomes:
        for line in outcome.lines:
            print(line)
    failures = [failure for outcome in outcomes for failure in outcome.failures]
    for failure in failures:
        print(f"\nFAILED {failure}")
    commands = sum(not line.startswith("left out") for outcome in outcomes for line in outcome.lines)
    print(f"\n{commands} commands of {len(outcomes)} pages, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
