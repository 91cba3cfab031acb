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

import re
from collections import deque
from dataclasses import dataclass
from functools import reduce
from typing import Protocol

from firmware_bridge.simulator.grbl.buffer import ReceiveBuffer

QUEUE_LINES = 4  # BUFSIZE
LINE_CHARS = 95  # MAX_CMD_SIZE less its end mark
_NUMBER = re.compile(r" *(-?[0-9]*)")
_CRITICAL = re.compile(r"(?:N-?[0-9]+ *)?(M112|M410|M108)(?![0-9])")


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
    """One line of the queue: its number, or None, and its text without number and checksum."""

    number: int | None
    text: str


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
        match, self._early = _CRITICAL.match(self._early), ""
        if match:
            self.host.critical(match[1])

    def _line(self, line: str) -> None:
        line = line.lstrip(" ")
        number: int | None = None
        if line.startswith("N"):
            read = self._numbered(line)
            if read is None:
                return
            number, line = read
        if not self.emergency_parser and number is None:
            match = _CRITICAL.match(line)
            if match:
                self.host.critical(match[1])
        self.queue.append(Command(number, line.split("*")[0].strip()))

    def _numbered(self, line: str) -> tuple[int, str] | None:
        """Number and text of a numbered line, or None if it is refused or swallowed."""
        renumbers = "M110" in line
        at = 1
        if renumbers and "N" in line[4:]:
            at = line.index("N", 4) + 1
        match = _NUMBER.match(line, at)
        number = int(match[1]) if match and match[1] not in ("", "-") else 0
        if number != self.last_number + 1 and not renumbers:
            if number in (self.last_number - 1, self.last_number):
                self.duplicates += 1
                return None
            self._refuse("Line Number is not Last Line Number+1")
            return None
        body, star, sum_text = line.rpartition("*")
        if not star:
            self._refuse("No Checksum with line number")
            return None
        if _leading_int(sum_text) != checksum(body):
            self._refuse("checksum mismatch")
            return None
        self.last_number = number
        return number, re.sub(r"^N-?[0-9]+ *", "", body)

    def _refuse(self, why: str) -> None:
        self.host.say(f"Error:{why}, Last Line: {self.last_number}")
        self.rx.clear()
        self.resends += 1
        self.host.say(f"Resend: {self.last_number + 1}")
        if self.resend_ok:
            self.host.say("ok")


def checksum(body: str) -> int:
    """All bytes combined by exclusive or."""
    return reduce(lambda a, b: a ^ b, body.encode("latin-1"), 0)


def _leading_int(text: str) -> int:
    match = re.match(r" *([0-9]+)", text)
    return int(match[1]) if match else 0
