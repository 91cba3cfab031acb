"""How well G-code is streamed: throughput, faults, load and memory, beside other senders.

    python -m benchmarks.stream [--quick] [--json FILE]

    window_overruns                     bytes over the window, or over the board's buffer, in
                                        streams with drawn delays, windows and line lengths
    faults_run, _lost, _hung            faults (``tests/support``): kinds x dialects x seeds
    faults_unseen                       wrong ink that the firmware gives no way to notice
    kill_resume_runs, _incomplete       drawings cut off and resumed (``tests/support``), and those
                                        with ink missing
    kill_resume_beyond_overlap_mm       the most that is drawn twice beyond the overlap
    throughput_vs_character_counting    time of character counting at its best / ours, same board
    throughput_vs_send_response         time of send-response / ours
    min_planner_blocks_steady           the fewest of 15 blocks while lines are left
    host_cpu_fraction                   of one core, at 300 lines a second over a real pty
    unplug_message_s                    from the end of a pty to the error
    memory_growth_mb_per_million_lines  of a G-code file that is read, judged (run on the virtual
                                        machine) and streamed

The sender from PyPI is grbl-streamer (GPL, hence no dependency): it is skipped with a line that
says how to install it. It runs in real time over a pty, and so do we beside it.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.harness import options, save
from benchmarks.senders import PLANNER_BLOCKS, SENDERS, Run, Table, board, curve
from benchmarks.served import served
from firmware_bridge.checks import preflight
from firmware_bridge.checks.controller_settings import requirements
from firmware_bridge.dialects.base import Facts, WindowSize
from firmware_bridge.dialects.grbl import Grbl
from firmware_bridge.errors import PortError
from firmware_bridge.gcode.sanitize import read_gcode
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.job.resume import OVERLAP_MM
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import virtual_controller
from firmware_bridge.simulator.faults import KINDS, fault
from firmware_bridge.simulator.serve import serve_pty
from firmware_bridge.stream.link import Link
from firmware_bridge.stream.streamer import Streamer
from firmware_bridge.transports.faulty import FaultyTransport
from firmware_bridge.transports.serial_port import SerialTransport
from tests.support.fault_trials import DIALECTS, End, trial
from tests.support.kill_trials import kill

_SEEDS, _QUICK_SEEDS = 50, 3
_KILLS, _QUICK_KILLS = 200, 20
_OVERRUN_RUNS, _QUICK_OVERRUN_RUNS = 300, 30
_CURVE_LINES, _QUICK_CURVE_LINES = 5000, 1000
_PTY_LINES, _QUICK_PTY_LINES = 1500, 300
_MEMORY_LINES, _QUICK_MEMORY_LINES = 1_000_000, 50_000
_FAST_BLOCK_S = 0.0015
_FAST_LINES_PER_S = 300.0
_STEP_MM = 0.2
# A sender that needs longer for a line has stopped.
_RIVAL_LINE_S = 0.03
_MB = 1024.0
# Delays do not change what a window is; these kinds change nothing but times.
_DELAYS = ("late answer", "split answers", "slow reader", "long pause", "odd line ends")


def main() -> None:
    """Runs all and prints the tables."""
    chosen = options(__doc__ or "")
    quick = chosen.quick
    flat: dict[str, float] = {}
    # First, since the peak of the process only ever grows.
    flat |= memory(_QUICK_MEMORY_LINES if quick else _MEMORY_LINES)
    flat |= throughput(_QUICK_CURVE_LINES if quick else _CURVE_LINES)
    flat |= overruns(_QUICK_OVERRUN_RUNS if quick else _OVERRUN_RUNS)
    flat |= matrix(_QUICK_SEEDS if quick else _SEEDS)
    flat |= kills(_QUICK_KILLS if quick else _KILLS)
    flat |= unplugged()
    flat |= on_a_pty(_QUICK_PTY_LINES if quick else _PTY_LINES)
    flat |= load(_QUICK_PTY_LINES if quick else _PTY_LINES)
    print()
    for name, value in flat.items():
        print(f"{name:38} {value:10.4g}")
    save(flat, chosen)


def throughput(count: int) -> dict[str, float]:
    """Virtual time of one curve by each way of sending."""
    lines, machine = curve(count), board()
    runs = {name: send(lines, machine) for name, send in SENDERS.items()}
    _print_runs(f"{count} lines of {_STEP_MM} mm, AVR model, virtual time", runs)
    ours = runs["strokebot"]
    return {
        "throughput_vs_character_counting": runs["character counting"].seconds / ours.seconds,
        "throughput_vs_send_response": runs["send-response"].seconds / ours.seconds,
        "min_planner_blocks_steady": float(ours.least_blocks),
    }


def _print_runs(title: str, runs: dict[str, Run]) -> None:
    print(f"\n{title}\n{'':28}  seconds  least of {PLANNER_BLOCKS} blocks  overruns  lines")
    for name, run in runs.items():
        print(f"{name:28}  {run.seconds:7.2f}  {run.least_blocks:18}  {run.overruns:8}  {run.answers:5}")


def overruns(runs: int) -> dict[str, float]:
    """Bytes over the window in streams with drawn windows, lines and delays."""
    machine, over = board(), 0
    for seed in range(runs):
        draw = random.Random(seed)
        table = Table(machine)
        transport = FaultyTransport(machine, table.wire)
        transport.arm(fault(draw.choice(_DELAYS), seed), 2.0)
        window = draw.randint(40, 127)
        lines = [f"G1 X{draw.uniform(0, 9):.{draw.randint(0, 8)}f} F3000" for _ in range(120)]
        streamer = Streamer(Link(transport, Grbl(), machine), WindowSize(bytes=window))
        try:
            streamer.stream(lines)
        except Exception as error:  # a pause may end the stream; the window holds until then
            if type(error).__name__ != "ResponseTimeout":
                raise
        over += max(streamer.send_window.peak_bytes - window, 0) + table.controller.rx.overruns
    print(f"\n{runs} streams with drawn delays: {over} bytes over the window")
    return {"window_overruns": float(over)}


def matrix(seeds: int) -> dict[str, float]:
    """Every kind of fault on every dialect with some seeds."""
    total = dict.fromkeys(End, 0)
    print(f"\nfaults, {seeds} seeds each: drawn/stopped/strayed/unseen/lost/hung")
    print(f"{'':26}" + "".join(f"{name:>20}" for name in DIALECTS))
    for kind in KINDS:
        row = []
        for dialect in DIALECTS:
            counts = dict.fromkeys(End, 0)
            for seed in range(seeds):
                counts[trial(kind, dialect, seed).end] += 1
            row.append("/".join(str(counts[end]) for end in End))
            for end in End:
                total[end] += counts[end]
        print(f"{kind:26}" + "".join(f"{text:>20}" for text in row))
    print(f"{'all':26}" + "  ".join(f"{end.value} {n}" for end, n in total.items()))
    return {
        "faults_run": float(sum(total.values())),
        "faults_drawn": float(total[End.DRAWN]),
        "faults_unseen": float(total[End.UNSEEN]),
        "faults_lost": float(total[End.LOST]),
        "faults_hung": float(total[End.HUNG]),
    }


def kills(runs: int) -> dict[str, float]:
    """Drawings that are cut off at a drawn moment and go on from their journal."""
    ends = [kill(seed) for seed in range(runs)]
    incomplete = sum(not end.complete for end in ends)
    beyond_mm = max(max(end.doubled_mm for end in ends) - OVERLAP_MM, 0.0)
    print(
        f"\n{runs} drawings cut off and resumed: {incomplete} incomplete, "
        f"at most {beyond_mm:.1f} mm twice beyond the overlap"
    )
    return {
        "kill_resume_runs": float(runs),
        "kill_resume_incomplete": float(incomplete),
        "kill_resume_beyond_overlap_mm": beyond_mm,
    }


def unplugged() -> dict[str, float]:
    """Time from the end of a pty to the error, while a line is awaited."""
    machine = board()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tty"
        stop, ready = threading.Event(), threading.Event()
        thread = threading.Thread(
            target=serve_pty,
            args=(path, virtual_controller("grbl", machine), stop, None, lambda _: ready.set()),
            daemon=True,
        )
        thread.start()
        ready.wait()
        transport = SerialTransport(str(path), machine)
        gone_s = time.monotonic()
        threading.Timer(0.5, stop.set).start()
        try:
            while True:
                try:
                    transport.read_line(0.25)
                except PortError:
                    break
                except Exception as error:
                    if type(error).__name__ != "ResponseTimeout":
                        raise
                gone_s = time.monotonic() if not stop.is_set() else gone_s
            took_s = time.monotonic() - gone_s
        finally:
            transport.close()
            thread.join()
    print(f"\nunplugged: noticed after {took_s:.2f} s")
    return {"unplug_message_s": took_s}


def _over_pty(lines: list[str], machine: MachineProfile, window: WindowSize) -> tuple[Run, float]:
    """Our streamer on a real pty; also its share of one core."""
    with served(machine) as served_board:
        transport = SerialTransport(str(served_board.path), machine)
        link = Link(transport, Grbl(), machine)
        link.pause(0.5)  # the board restarts when its port is opened
        cpu, wall = time.process_time(), time.monotonic()
        Streamer(link, window).stream(parse_lines([*lines, "G4 P0.01"]))
        share = (time.process_time() - cpu) / (time.monotonic() - wall)
        transport.close()
        return served_board.result(), share


def on_a_pty(count: int) -> dict[str, float]:
    """In real time over a pty: ours, send-response, and a sender from PyPI."""
    lines, machine = curve(count), board()
    full = Grbl().window(machine, Facts(rx_bytes=machine.rx_buffer_bytes))
    runs = {"strokebot": _over_pty(lines, machine, full)[0]}
    runs["send-response"] = _over_pty(lines, machine, WindowSize(lines=1))[0]
    flat: dict[str, float] = {}
    rival = _grbl_streamer(lines, machine)
    if rival is not None:
        runs["grbl-streamer (PyPI)"] = rival
        if rival.answers >= len(lines):  # else it has lost lines and is no comparison
            flat["throughput_vs_grbl_streamer"] = rival.seconds / runs["strokebot"].seconds
    _print_runs(f"{count} lines over a real pty, real time", runs)
    return flat


def _grbl_streamer(lines: list[str], machine: MachineProfile) -> Run | None:
    try:
        from grbl_streamer import GrblStreamer
    except ImportError:
        print("\ngrbl-streamer is not installed: pip install grbl-streamer")
        return None
    with served(machine) as served_board:
        sender = GrblStreamer(lambda *event: None)
        sender.cnect(str(served_board.path), 115200)
        time.sleep(2.0)
        sender.job_new()
        sender.write("\n".join(lines))
        sender.job_run()
        give_up_s = time.monotonic() + _RIVAL_LINE_S * len(lines) + 10.0
        while not sender.streaming_complete and time.monotonic() < give_up_s:
            time.sleep(0.1)
        time.sleep(1.0)  # what is in the planner by then
        sender.disconnect()
        return served_board.result()


def load(count: int) -> dict[str, float]:
    """Share of one core at 300 lines a second."""
    lines = curve(2 * count, _STEP_MM * _FAST_LINES_PER_S)
    run, share = _over_pty(lines, board(_FAST_BLOCK_S), WindowSize(bytes=127))
    print(f"\n{len(lines) / run.seconds:.0f} lines/s over a pty: {share:.1%} of a core")
    return {"host_cpu_fraction": share, "host_lines_per_s": len(lines) / run.seconds}


class _Taker:
    """A transport that takes every line at once."""

    name = "taker"
    boot_s = 0.0

    def __init__(self) -> None:
        self._now_s = 0.0
        self._left = 0

    def write(self, data: bytes) -> None:
        self._left += data.count(b"\n")

    def read_line(self, timeout_s: float) -> str:
        self._now_s += 1e-5
        if self._left:
            self._left -= 1
            return "ok"
        self._now_s += timeout_s
        return "<Idle|MPos:0.000,0.000,0.000|FS:0,0>"

    def now_s(self) -> float:
        return self._now_s

    def close(self) -> None:
        return


def memory(count: int) -> dict[str, float]:
    """Growth of the process while a file is read, run on the virtual machine and streamed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "big.gcode"
        with path.open("w", encoding="ascii") as file:
            file.write("G21 G90\nG1 F1800\n")
            file.writelines(f"X{i % 2000 / 10:.3f} Y{i % 1700 / 10:.3f} ; point {i}\n" for i in range(count))
        machine = board()
        before = _peak_mb()
        begin = time.process_time()
        lines = read_gcode(path)
        preflight.require_lines(lines, machine)
        requirements(parse_lines(lines), machine)
        Streamer(Link(_Taker(), Grbl(), machine), WindowSize(bytes=127)).stream(parse_lines(lines))
        seconds = time.process_time() - begin
        growth = (_peak_mb() - before) * 1e6 / count
    print(
        f"\n{count} lines read, judged, streamed in {seconds:.1f} s of a processor: {growth:.1f} MB a million"
    )
    return {"memory_growth_mb_per_million_lines": growth, "host_us_per_line": seconds / count * 1e6}


def _peak_mb() -> float:
    unit = _MB if sys.platform != "darwin" else _MB * _MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
