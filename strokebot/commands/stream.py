"""``strokebot send``, ``simulate`` and ``serve-simulator``: G-code to a machine, real or virtual."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firmware_bridge.errors import StrokebotError
from strokebot.commands.common import (
    OUT_ROOT,
    CheckOption,
    HomeOption,
    LogOption,
    OriginOption,
    OutOption,
    PortOption,
    ProfileOption,
    QuietOption,
    ReconnectOption,
    UnlockOption,
    YesOption,
    confirm,
    needs,
    note,
    progress_bar,
    ready_for,
    require_somebody,
    say,
)
from strokebot.commands.watching import (
    check_first,
    keep_journal,
    require_log,
    require_somebody_for_stops,
    tell_trim,
    watched,
)
from strokebot.wording import count_text, duration_text, length_text

if TYPE_CHECKING:
    from firmware_bridge.job.device import Device, KeepJournal, PlaceOption
    from firmware_bridge.stream.link import Listener
    from firmware_bridge.stream.streamer import StreamReport

GcodeArgument = Annotated[Path, typer.Argument(help="The G-code file.")]

_LAST_PORT = 65535  # of TCP


def send(
    file: GcodeArgument,
    port: PortOption = None,
    profile: ProfileOption = None,
    journal: Annotated[
        bool, typer.Option("--journal/--no-journal", help="Keep what strokebot resume needs.")
    ] = True,
    check: CheckOption = False,
    home: HomeOption = False,
    unlock: UnlockOption = False,
    origin: OriginOption = None,
    log: LogOption = None,
    reconnect: ReconnectOption = 0.0,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Stream a G-code file to a machine.

    While it draws: p pauses, r goes on, q stops with the pen up, + and - change the speed (0: as
    planned), the arrow keys trim the pen. Where the file stops for a person (M0, M1, M6) the pen is up and
    r goes on.
    """
    from calibration.profile import Profile
    from firmware_bridge.gcode.sanitize import read_gcode
    from firmware_bridge.job.reconnect import draw_on
    from firmware_bridge.transports import require_port

    ready = ready_for(home, unlock, origin)
    if reconnect and not journal:
        raise typer.BadParameter("it needs the journal.", param_hint="--reconnect")
    loaded = Profile.load(profile)
    machine = loaded.machine
    target = port or machine.url
    real = not target.startswith("sim://")
    if real:
        loaded.require_real()
    require_somebody(yes or not real)
    require_log(log)
    require_port(target, machine)
    keep = keep_journal(machine, target, file.name) if journal else None
    lines = read_gcode(file)
    require_somebody_for_stops(lines)
    if real:
        confirm(f"Send {count_text(len(lines), 'line')} to {target}: pen up and paper in place?", yes)
    if check:
        check_first(machine, target, lines, quiet)
    with watched(file.name, quiet) as listener_of:
        report = draw_on(
            machine,
            target,
            lambda device, listen, keeping: device.run_gcode(lines, listen, keeping),
            listener_of,
            ready=ready,
            keep=keep,
            log=log,
            wait_s=reconnect,
        )
    tell_trim(report, quiet)
    say(
        f"{file.name}: {report.acknowledged} of {report.lines} lines in {duration_text(report.duration_s)}",
        quiet,
    )


def resume(
    job: Annotated[
        str | None, typer.Argument(help="Number of a job, or its journal; by default the last one not done.")
    ] = None,
    port: PortOption = None,
    home: Annotated[bool, typer.Option("--home", help="First home the machine: its place was lost.")] = False,
    unlock: Annotated[
        bool, typer.Option("--unlock", help="Leave an alarm: the machine stands where it believes to be.")
    ] = False,
    here: Annotated[
        bool, typer.Option("--here", help="If the place was lost: believe the controller as it stands.")
    ] = False,
    lifted: Annotated[
        bool, typer.Option("--lifted", help="With --home: the pen was lifted by hand, home at once.")
    ] = False,
    overlap: Annotated[
        float, typer.Option("--overlap", min=0.0, max=50.0, help="Line that is drawn again, mm.")
    ] = 2.0,
    show: Annotated[bool, typer.Option("--list", help="List the jobs that are kept, and end.")] = False,
    log: LogOption = None,
    reconnect: ReconnectOption = 0.0,
    yes: YesOption = False,
    quiet: QuietOption = False,
) -> None:
    """Go on with a drawing that was stopped: by a key, an error, a pulled cable or a power cut."""
    from firmware_bridge.job.reconnect import draw_on
    from firmware_bridge.journal import Journal, find_job
    from firmware_bridge.transports import require_port

    if show:
        _list_jobs()
        return
    if home + here + unlock > 1:
        raise typer.BadParameter("give one of --home, --here and --unlock.")
    if lifted and not home:
        raise typer.BadParameter("it goes with --home.", param_hint="--lifted")
    state = find_job(job, url=port)
    if state.done:
        raise StrokebotError(f"The job {state.path.name} is done: there is nothing to go on with.")
    target = port or state.url
    line = state.where
    require_log(log)
    require_port(target, state.machine)
    if not target.startswith("sim://"):
        confirm(f"Go on with {state.name} on {target} at {line}: the same paper, in its place?", yes)
    place: PlaceOption = "home" if home else "here" if here or unlock else "ask"

    def go_on(device: Device, listen: Listener | None, keep: KeepJournal | None) -> StreamReport:
        del keep
        with Journal.reopen(state) as journal:
            return device.run_rest(state, journal, listen, place, overlap, lifted)

    with watched(state.name, quiet) as listener_of:
        report = draw_on(
            state.machine,
            target,
            go_on,
            listener_of,
            journal=state.path,
            log=log,
            wait_s=reconnect,
        )
    tell_trim(report, quiet)
    say(f"{state.name}: the last {report.acknowledged} lines in {duration_text(report.duration_s)}", quiet)


def _list_jobs() -> None:
    from firmware_bridge.journal import JournalError, job_paths, read_journal

    paths = job_paths()
    if not paths:
        say("no job is kept: draw and send keep one while a machine draws")
    for path in paths:
        number = int(path.name.partition("-")[0])
        try:
            state = read_journal(path)
        except JournalError as error:
            say(f"{number:6}  {error}")
            continue
        how = "done" if state.done else state.where
        why = "" if state.done else f"  {state.reason[:60]}"
        say(f"{number:6}  {state.started:25}  {state.name:30}  {how}{why}")


def simulate(
    file: GcodeArgument,
    profile: ProfileOption = None,
    out_dir: OutOption = None,
    pen_words: Annotated[
        str | None,
        typer.Option(
            "--pen-words",
            help="What moves the pen in the file, if not the profile's own word: z, spindle (M3 S, M5), "
            "m280 or m300.",
        ),
    ] = None,
    laser_mode: Annotated[
        bool,
        typer.Option(
            "--laser-mode", help="A pen servo on GRBL: the board has $32=1, so that each G0 sets S0."
        ),
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Run any G-code file on the virtual machine and plot what it drew.

    What the machine of the profile does not know is left out or told of, with the file's own line.
    """
    needs("PIL", "scipy")
    from calibration.profile import Profile
    from firmware_bridge.gcode.pen_words import PenWords
    from strokebot.files import require_writable
    from strokebot.simulating import simulate_file

    folder = out_dir or OUT_ROOT / file.stem
    require_writable(folder)
    loaded = Profile.load(profile)
    if pen_words is not None and pen_words not in list(PenWords):
        raise typer.BadParameter(
            f"'{pen_words}': choose one of {', '.join(PenWords)}.", param_hint="--pen-words"
        )
    with progress_bar(f"simulating {file.name}", quiet):
        trace, notes = simulate_file(
            file, loaded, None if pen_words is None else PenWords(pen_words), laser_mode
        )
        from strokebot import plots
        from strokebot.files import write_atomic
        from strokebot.plots.shown import ShownLimits

        facts = [
            duration_text(trace.duration_s),
            f"{length_text(trace.drawn_mm)} drawn",
            f"{length_text(trace.travel_mm)} travelled",
            count_text(trace.lifts, "lift"),
        ]
        figure = plots.simulation_figure(
            trace, loaded.paper.size_mm, ShownLimits.of(loaded), file.name, facts
        )
        picture = folder / "simulation.png"
        write_atomic(picture, plots.png_bytes(figure))
    if not quiet:
        for text in notes:
            note(f"{file.name}, {text}.")
    say(f"{file.name}: {', '.join(facts)}", quiet)
    say(f"  {picture}", quiet)


def serve_simulator(
    dialect: Annotated[
        str | None,
        typer.Option(
            "--dialect",
            help="Which controller: grbl, grblhal, fluidnc, marlin, uarm; by default the profile's.",
        ),
    ] = None,
    pty: Annotated[Path | None, typer.Option("--pty", help="Path of a pseudo terminal to make.")] = None,
    tcp: Annotated[str | None, typer.Option("--tcp", help="HOST:PORT to listen on.")] = None,
    profile: ProfileOption = None,
    reset_on_open: Annotated[
        bool,
        typer.Option(
            "--reset-on-open", help="Forget the place at each connection, as boards do that restart then."
        ),
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Put the virtual machine behind a port, for other programs. Ctrl-C ends it.

    It keeps its place from one connection to the next, until it ends.
    """
    import threading

    from calibration.profile import Profile
    from firmware_bridge.dialects import dialect_of
    from firmware_bridge.simulator import CONTROLLERS, virtual_controller
    from firmware_bridge.simulator.serve import serve_pty, serve_tcp

    if (pty is None) == (tcp is None):
        raise typer.BadParameter("give either --pty PATH or --tcp HOST:PORT.")
    machine = Profile.load(profile).machine
    name = dialect or dialect_of(machine.dialect).manners.simulator
    if name not in CONTROLLERS:
        known = ", ".join(sorted(CONTROLLERS))
        raise typer.BadParameter(f"'{name}': choose one of {known}.", param_hint="--dialect")
    controller, never = virtual_controller(name, machine), threading.Event()
    try:
        if pty is not None:
            serve_pty(
                pty,
                controller,
                never,
                on_ready=lambda path: _ready(str(path), quiet),
                reset_on_open=reset_on_open,
            )
        elif tcp is not None:
            host, number = _address(tcp)
            serve_tcp(
                controller,
                never,
                number,
                host,
                on_ready=lambda at: _ready(f"socket://{host}:{at}", quiet),
                reset_on_open=reset_on_open,
            )
    except KeyboardInterrupt:
        say("ended", quiet)  # the way to end a service, and no error


def _ready(where: str, quiet: bool) -> None:
    say(f"the virtual machine listens on {where} (Ctrl-C ends it)", quiet)
    sys.stdout.flush()  # whoever waits for this line may read it through a pipe


def _address(text: str) -> tuple[str, int]:
    host, _, number = text.rpartition(":")
    if not number.isdigit() or int(number) > _LAST_PORT:
        raise typer.BadParameter(f"'{text}' is not HOST:PORT.", param_hint="--tcp")
    return host or "127.0.0.1", int(number)


def replay(
    log: Annotated[Path, typer.Argument(help="A file that --log has written.")],
    show: Annotated[bool, typer.Option("--show", help="Print what passed, with its times, and end.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Play a logged session again, with the log as the machine: does this version do the same?

    No port is opened and nothing moves. Ends with 1 at the first difference.
    """
    from firmware_bridge.job.replay import replay as play
    from firmware_bridge.wirelog.log import read_log

    if show:
        records, gap = read_log(log)
        begin_s = records[0].t_s if records else 0.0
        for record in records:
            text = record.text.encode("unicode_escape").decode("ascii")
            say(f"{record.t_s - begin_s:12.6f} {record.kind} {text[:200]}")
        if gap:
            note("the middle of this log was given up for its size.")
        return
    with progress_bar(f"replaying {log.name}", quiet):
        found = play(log)
    if found.divergence:
        raise StrokebotError(f"This version goes another way than the log: {found.divergence}")
    if not found.same:
        raise StrokebotError(f"Then it ended with '{found.then}', now with '{found.now}'.")
    say(f"{log.name}: {found.sent} lines and orders as then; it ends: {found.now or 'without a word'}", quiet)
