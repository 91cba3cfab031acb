"""How Marlin reads its serial line: characters to lines, line numbers, checksums, the command queue.

Nouns:
    N       line number: one more than that of the line before, or the line is refused
    cs      checksum: all bytes before the ``*`` combined by exclusive or
    resend  the request to send again from a line on; what has arrived since is dropped

    N<n> <command>*<cs>

A line that carries the number of the last one, or of the one before, is swallowed without a
word, since it is a repetition. A line without a number needs no checksum. Empty lines are not
answered. Lines are read only while the queue has room; what arrives meanwhile waits in the
receive buffer.

Source: Marlin 2.1 (Marlin/src/gcode/queue.cpp, read as facts; marlinfw.org, M110 and
"Line numbers and checksums").
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from firmware_bridge.dialects.base import checksum
from firmware_bridge.gcode.words import Line, parse
from firmware_bridge.simulator.grbl.buffer import ReceiveBuffer

QUEUE_LINES = 4  # BUFSIZE
LINE_CHARS = 95  # MAX_CMD_SIZE less its end mark
_CRITICAL = ("M112", "M410", "M108")


class Host(Protocol):
    """What the input needs of the controller."""

    def say(self, line: str) -> None:
        """Sends a line to the other side."""
        ...

    def critical(self, command: str) -> None:
        """Carries out M112, M410 or M108 at once."""
        ...


@dataclass(frozen=True, slots=True)
class Command:
    """One line of the queue: its number, if it counts, or None; and what was read."""

    number: int | None
    line: Line


class SerialInput:
    """The receive buffer, the line being read and the command queue."""

    def __init__(self, host: Host, rx_bytes: int, resend_ok: bool, emergency_parser: bool) -> None:
        self.host = host
        self.rx = ReceiveBuffer(rx_bytes)
        self.resend_ok = resend_ok
        self.emergency_parser = emergency_parser
        self.queue: deque[Command] = deque()
        self.resends = 0
        self.duplicates = 0
        self.reset()

    def reset(self) -> None:
        """What a restart does."""
        self.rx.clear()
        self.queue.clear()
        self.last_number = 0
        self._chars: list[str] = []
        self._comment = False
        self._early = ""

    def take(self, data: bytes) -> None:
        """Takes bytes that arrive now."""
        for byte in data:
            self.rx.push(byte)
            if self.emergency_parser:
                self._watch(chr(byte))

    def fill(self) -> None:
        """Reads lines into the queue while it has room."""
        while len(self.rx) and len(self.queue) < QUEUE_LINES:
            char = chr(self.rx.pop())
            if char in "\r\n":
                line, self._chars, self._comment = "".join(self._chars), [], False
                if line:
                    self._line(line)
            elif self._comment or char == ";":
                self._comment = True
            elif len(self._chars) < LINE_CHARS:
                self._chars.append(char)

    def _watch(self, char: str) -> None:
        """The emergency parser: sees a critical command though the queue is full."""
        if char not in "\r\n":
            self._early = (self._early + char)[:LINE_CHARS]
            return
        code, self._early = _code(parse(self._early, rs274=False)), ""
        if code in _CRITICAL:
            self.host.critical(code)

    def _line(self, text: str) -> None:
        line = parse(text, rs274=False)
        number: int | None = None
        if text.lstrip(" ").startswith("N"):
            number = self._numbered(line)
            if number is None:
                return
        elif not self.emergency_parser and (code := _code(line)) in _CRITICAL:
            self.host.critical(code)
        self.queue.append(Command(number, line))

    def _numbered(self, line: Line) -> int | None:
        """The number of a numbered line, or None if it is refused or swallowed."""
        number = line.margin.number or 0
        renumbers = line.has("M", 110.0)
        if renumbers:
            number = next((int(value) for a, value, _ in line.words if a == "N" and value == value), number)
        if number != self.last_number + 1 and not renumbers:
            if number in (self.last_number - 1, self.last_number):
                self.duplicates += 1
                return None
            self._refuse("Line Number is not Last Line Number+1")
            return None
        if line.margin.checksum is None:
            self._refuse("checksum mismatch" if "*" in line else "No Checksum with line number")
            return None
        if line.margin.checksum != checksum(line.rpartition("*")[0]):
            self._refuse("checksum mismatch")
            return None
        self.last_number = number
        return number

    def _refuse(self, why: str) -> None:
        self.host.say(f"Error:{why}, Last Line: {self.last_number}")
        self.rx.clear()
        self.resends += 1
        self.host.say(f"Resend: {self.last_number + 1}")
        if self.resend_ok:
            self.host.say("ok")


def _code(line: Line) -> str:
    """The command of a line, such as M112, or nothing."""
    return line.words[0].code if line.words else ""
