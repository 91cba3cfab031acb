"""Ways to send G-code to a GRBL board, in virtual time, against a model of the AVR controller.

The board: 5 ms of processor time for each block, a receive buffer of 128 bytes, 15 planner blocks,
115200 baud in both directions, 1 ms for the adapter and the system each way.

    character counting  all lines that fit into the buffer are under way; the sender itself takes
                        no time, so this is the best that the method can do
    send-response       one line under way
    strokebot           ``Streamer`` with the window that the board tells

The line rate of a drawing is set so that the board can just keep up: blocks of 0.2 mm.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from firmware_bridge.dialects.grbl import Grbl
from firmware_bridge.gcode.words import parse_lines
from firmware_bridge.machine import MachineProfile
from firmware_bridge.program import Envelope
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.wire import Wire
from firmware_bridge.stream.link import Link
from firmware_bridge.stream.streamer import Streamer
from firmware_bridge.transports.faulty import FaultyTransport

BAUD_RATE = 115200
LATENCY_S = 0.001
RX_BYTES = 128
PLANNER_BLOCKS = 15
BLOCK_S = 0.005
STEP_MM = 0.2
FEED_MM_S = 30.0  # 150 lines a second
# How often the planner is looked at.
_SAMPLE_S = 0.005
_GIVE_UP_S = 10.0


@dataclass(frozen=True, slots=True)
class Run:
    """One way of sending.

    Attributes:
        seconds: from the first byte to the end of the motion.
        least_blocks: the fewest blocks in the planner between its first filling and the last line.
        overruns: bytes that the receive buffer had no room for.
        answers: lines that the board has answered.
        mean_blocks: blocks in the planner in the mean of the same time.
    """

    seconds: float
    least_blocks: int
    overruns: int
    answers: int
    mean_blocks: float = 0.0


def board(block_s: float = BLOCK_S) -> MachineProfile:
    """The machine that all senders drive."""
    return MachineProfile(
        name="avr",
        dialect="grbl",
        envelope=Envelope(-5, 410, -5, 410, -3, 10),
        max_speed_mm_s=(100.0, 100.0),
        max_acceleration_mm_s2=(1000.0, 1000.0),
        pen_max_speed=15.0,
        pen_max_acceleration=300.0,
        rx_buffer_bytes=RX_BYTES,
        planner_blocks=PLANNER_BLOCKS,
        line_rate_per_s=1.0 / block_s,
    )


def curve(count: int, feed_mm_s: float = FEED_MM_S) -> list[str]:
    """A smooth curve of short lines, without lifts."""
    lines = ["G21 G90 G94", f"G1 F{feed_mm_s * 60:.0f}"]
    angle, radius = 0.0, 100.0
    for _ in range(count):
        angle += STEP_MM / radius
        lines.append(f"X{radius * math.sin(angle):.3f} Y{radius * (1.0 - math.cos(angle)):.3f}")
    return lines


class Table:
    """The board on its wire, and what is seen of it."""

    def __init__(self, machine: MachineProfile) -> None:
        self.controller = VirtualGrbl(machine)
        self.controller.take_output()
        self.wire = Wire(self.controller, BAUD_RATE, LATENCY_S)
        self.samples: list[int] = []
        self._answered: list[int] = []
        self._watching = True
        self.wire.at(0.0, self._sample)

    def _sample(self) -> None:
        self.samples.append(len(self.controller.planner.blocks))
        self._answered.append(self.controller.acknowledged)
        if self._watching:
            self.wire.at(self.wire.now_s + _SAMPLE_S, self._sample)

    def finish(self) -> Run:
        """Lets the motion end, once the last line has been taken."""
        self._watching = False
        while self.controller.planner.blocks or not self.controller.idle():
            self.wire.advance(self.wire.now_s + _SAMPLE_S)
        overruns, answers = self.controller.rx.overruns, self.controller.acknowledged
        return Run(self.wire.now_s, self.least(), overruns, answers, self.mean())

    def least(self) -> int:
        """The fewest blocks between the first filling of the planner and the last answer but one.

        The last may be that of a line that waits for the end of all motion.
        """
        return min(self._while_streaming(), default=0)

    def mean(self) -> float:
        """Blocks in the planner in the mean of that time."""
        found = self._while_streaming()
        return sum(found) / max(len(found), 1)

    def _while_streaming(self) -> list[int]:
        first = next((i for i, n in enumerate(self.samples) if n >= PLANNER_BLOCKS - 1), 0)
        last = next((i for i, n in enumerate(self._answered) if n >= self._answered[-1] - 1), 0)
        return self.samples[first : max(last, first + 1)]


def plain_sender(lines: list[str], machine: MachineProfile, window_bytes: int | None) -> Run:
    """Character counting with a window, or send-response without one; it is told nothing else."""
    table = Table(machine)
    wire, heard = table.wire, b""
    pending: deque[int] = deque()
    at = 0
    silent_s = 0.0
    while at < len(lines) or pending:
        while at < len(lines):
            data = lines[at].encode("ascii") + b"\n"
            if pending and (window_bytes is None or sum(pending) + len(data) > window_bytes):
                break
            wire.receive(data)
            pending.append(len(data))
            at += 1
        begin_s = wire.now_s
        wire.advance(begin_s + 1.0, stop_at_output=True)
        *answers, heard = (heard + wire.take_output()).split(b"\n")
        for answer in answers:
            if answer.strip() == b"ok":
                pending.popleft()
        silent_s = 0.0 if answers else silent_s + wire.now_s - begin_s
        if silent_s > _GIVE_UP_S:
            raise RuntimeError("the plain sender waits for ever")
    return table.finish()


def our_sender(lines: list[str], machine: MachineProfile) -> Run:
    """The streamer of this package."""
    table = Table(machine)
    transport = FaultyTransport(machine, table.wire)
    link = Link(transport, Grbl(), machine)
    dialect = Grbl()
    facts = link.state.facts.__class__(rx_bytes=machine.rx_buffer_bytes)
    Streamer(link, dialect.window(machine, facts)).stream(parse_lines(lines))
    return table.finish()


SENDERS: dict[str, Callable[[list[str], MachineProfile], Run]] = {
    "character counting": lambda lines, machine: plain_sender(lines, machine, RX_BYTES - 1),
    "send-response": lambda lines, machine: plain_sender(lines, machine, None),
    "strokebot": our_sender,
}
