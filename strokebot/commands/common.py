"""What all commands share: output, options, numbers from text, progress."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

if TYPE_CHECKING:
    from firmware_bridge.job.connection import Origin
    from firmware_bridge.job.device import Device


def profile_names(incomplete: str) -> list[str]:
    """Names of profiles that begin so, for the completion of a shell."""
    from calibration.profile import Profile

    return [name for name in Profile.names() if name.startswith(incomplete)]


def port_names(incomplete: str) -> list[str]:
    """Serial ports that begin so, and the virtual machines, for the completion of a shell."""
    from firmware_bridge.simulator import CONTROLLERS
    from firmware_bridge.transports import list_ports

    names = [port.device for port in list_ports()] + [f"sim://{name}" for name in sorted(CONTROLLERS)]
    return [name for name in names if name.startswith(incomplete)]


QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing on success.")]
ProfileOption = Annotated[
    str | None,
    typer.Option(
        "--profile",
        "-p",
        help="Profile: a name, or a TOML file.",
        show_default="grbl-z",
        autocompletion=profile_names,
    ),
]
PortOption = Annotated[
    str | None,
    typer.Option(
        "--port",
        help="Machine: /dev/ttyUSB0, COM3, usb:1a86:7523, socket://host:port or sim://grbl.",
        autocompletion=port_names,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the machine moves.")]
LogOption = Annotated[
    Path | None, typer.Option("--log", help="Keep all that passes, with times, for strokebot replay.")
]
HomeOption = Annotated[bool, typer.Option("--home", help="First run the homing cycle.")]
UnlockOption = Annotated[
    bool, typer.Option("--unlock", help="First leave an alarm; the machine stands where it believes to be.")
]
OriginOption = Annotated[
    str | None,
    typer.Option(
        "--origin",
        metavar="here|machine|X,Y",
        help="What the place where the pen stands is: the paper's 0,0, machine's own, or X,Y in mm.",
        show_default="the machine's work frame",
    ),
]
CheckOption = Annotated[
    bool,
    typer.Option("--check", help="First let the controller read all of it in its check mode, pen still."),
]
ReconnectOption = Annotated[
    float,
    typer.Option(
        "--reconnect",
        min=0.0,
        max=86400.0,
        help="After an unplugged cable: wait so many seconds, and go on if the place was kept.",
        show_default="do not wait",
    ),
]
OutOption = Annotated[Path | None, typer.Option("--out-dir", "-o", help="Folder for the results.")]
WeightsArgument = Annotated[Path | None, typer.Argument(help="Weights file; the shipped one by default.")]
DataOption = Annotated[Path, typer.Option("--data", help="Folder with the data sets.")]

OUT_ROOT = Path("strokebot-out")

# Names to install, where they are not those to import.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}
_OURS = ("strokebot", "calibration", "firmware_bridge")


class Advance(Protocol):
    """Tells a progress bar how far the work is."""

    def __call__(self, done: float, total: float, text: str | None = None) -> None:
        """``done`` of ``total``, and what is being done."""


def say(text: str, quiet: bool = False) -> None:
    """Prints a line, unless quiet."""
    if not quiet:
        print(text)


def note(text: str) -> None:
    """Prints a line for the user on the error stream, where it is in no result's way."""
    print(f"strokebot: {text}", file=sys.stderr)


def one_line(error: BaseException) -> str:
    """An error as one line."""
    return " ".join(str(error).split()) or type(error).__name__


def needs(*modules: str) -> None:
    """Passes if packages are installed; asked first, since long work would find it out too late.

    Raises:
        StrokebotError: names those that are missing, and the command that installs them.
    """
    from strokebot.errors import StrokebotError

    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise StrokebotError(_install(*missing))


def missing_package(error: Exception) -> str | None:
    """What to do about an error of an import; None if it is none, or a module of ours."""
    if not isinstance(error, ImportError):
        return None
    module = (error.name or "").partition(".")[0]
    if module in _OURS:
        return None
    if isinstance(error, ModuleNotFoundError) and module:
        return _install(module)
    return f"A package that this command needs cannot be loaded: {one_line(error)}."


def _install(*modules: str) -> str:
    names = [_DISTRIBUTIONS.get(module, module) for module in modules]
    cure = f"{sys.executable} -m pip install {' '.join(names)}"
    what, verb = ("package", "is") if len(names) == 1 else ("packages", "are")
    return f"This command needs the {what} {', '.join(names)}, which {verb} not installed: {cure}"


def ready_for(
    home: bool, unlock: bool, origin: str | None, zero_mm: tuple[float, float] = (0.0, 0.0)
) -> Callable[[Device], None] | None:
    """What brings a connected machine into the state that the options ask for; None for nothing.

    Args:
        home: the option ``--home``.
        unlock: the option ``--unlock``.
        origin: the option ``--origin``, as it was given.
        zero_mm: where the paper's 0,0 is, machine mm.

    Raises:
        typer.BadParameter: if they contradict each other, or the origin cannot be read.
    """
    if home and unlock:
        raise typer.BadParameter("give either --home or --unlock.")
    place: Origin | None = None
    if origin == "machine":
        place = "machine"
    elif origin == "here":
        place = zero_mm
    elif origin is not None:
        try:
            x_mm, y_mm = (float(part) for part in origin.split(","))
            if not math.isfinite(x_mm + y_mm):
                raise ValueError
        except ValueError:
            raise typer.BadParameter(
                f"'{origin}' is not here, machine or X,Y in mm.", param_hint="--origin"
            ) from None
        place = (x_mm, y_mm)
    if not (home or unlock or place):
        return None
    return lambda device: device.make_ready(home, unlock, place)


def confirm(question: str, yes: bool) -> None:
    """Asks before a machine moves.

    Raises:
        StrokebotError: if nobody can be asked.
        typer.Exit: if the answer is no; nothing has moved.
        KeyboardInterrupt: for Ctrl-C.
    """
    require_somebody(yes)
    if yes:
        return
    try:
        answer = typer.confirm(question, err=True)
    except typer.Abort as end:
        if isinstance(end.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt("nothing was sent") from None
        answer = False  # the end of the input
    if not answer:
        note("stopped; nothing was sent.")
        raise typer.Exit(1)


def require_somebody(yes: bool) -> None:
    """Passes if ``confirm`` can be answered: asked before the work that leads to the question.

    Raises:
        StrokebotError: if nobody can be asked.
    """
    from strokebot.errors import StrokebotError

    if not yes and not _somebody_is_there():
        raise StrokebotError("Nobody is here to confirm that the machine may move: add --yes.")


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


@contextmanager
def progress_bar(text: str, quiet: bool, guess_left: bool = True) -> Iterator[Advance]:
    """A bar on the error stream; nothing if quiet or not a terminal.

    Args:
        text: what is being done.
        quiet: whether to show nothing.
        guess_left: whether to guess the time left from the share that is done.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, text=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.text import Text

    class Times(ProgressColumn):
        """How long it has taken, and how long it will."""

        def render(self, task: Task) -> Text:
            return Text(times_text(task.elapsed, task.time_remaining if guess_left else None))

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), Times())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=None)

        def advance(done: float, total: float, text: str | None = None) -> None:
            bar.update(task, completed=done, total=total, description=text)

        yield advance


def times_text(elapsed_s: float | None, left_s: float | None) -> str:
    """Both times of a progress bar, each with its word; what is not known is left out."""
    words = [] if elapsed_s is None else [f"{clock_text(elapsed_s)} so far"]
    if left_s is not None:
        words.append(f"about {clock_text(left_s)} left")
    return ", ".join(words)


def clock_text(seconds: float) -> str:
    """A time that counts: minutes and seconds, and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def line_reporter(quiet: bool) -> Callable[[str], None]:
    """Prints each stage of long work on the error stream, unless quiet."""
    return (lambda text: None) if quiet else note
