"""Faults of what the host says: bytes and lines damaged, lost, doubled, noisy, slow, half written."""

from __future__ import annotations

from firmware_bridge.dialects import dialect_of
from firmware_bridge.simulator.faults.base import Fault, is_line
from firmware_bridge.simulator.wire import Piece

_NOISE_BYTES = (1, 8)
_SLOW_BYTES_PER_S = (50.0, 800.0)
_SLOW_SHARE = 0.4  # of the drawing's time
_RESEND = b"Resend:"


class DamagedLine(Fault):
    """Bits of a line turn over on the way to the machine."""

    damages_lines = True

    def _to_machine(self, data: bytes) -> list[Piece]:
        if not self.struck and self._due() and is_line(data):
            self.struck += 1
            return [(0.0, self._flipped(data, self.random.choice([1, 1, 1, 2])))]
        return [(0.0, data)]


class LostBytes(Fault):
    """A run of bytes is lost on the way to the machine, line ends included."""

    damages_lines = True

    def _armed(self, span_s: float) -> None:
        self.left = self.random.choice([1, 1, 2, 3, self.random.randint(4, 30)])

    def _to_machine(self, data: bytes) -> list[Piece]:
        if not (self.left and self._due() and (self.struck or is_line(data))):
            return [(0.0, data)]
        cut = self.random.randrange(len(data)) if not self.struck else 0
        end = min(cut + self.left, len(data))
        self.left -= end - cut
        self.struck += 1
        return [(0.0, data[:cut] + data[end:])]


class LostLine(Fault):
    """A whole line is lost on the way to the machine."""

    def _to_machine(self, data: bytes) -> list[Piece]:
        if not self.struck and self._due() and is_line(data):
            self.struck += 1
            return []
        return [(0.0, data)]


class DoubledLine(Fault):
    """A line arrives twice."""

    def _to_machine(self, data: bytes) -> list[Piece]:
        if not self.struck and self._due() and is_line(data):
            self.struck += 1
            return [(0.0, data), (0.0, data)]
        return [(0.0, data)]


class NoiseToMachine(Fault):
    """Bytes that nobody sent arrive at the machine, realtime ones perhaps."""

    damages_lines = True

    def _to_machine(self, data: bytes) -> list[Piece]:
        if self.struck or not self._due() or not is_line(data):
            return [(0.0, data)]
        self.struck += 1
        noise = self.random.randbytes(self.random.randint(*_NOISE_BYTES))
        at = self.random.randrange(len(data))
        return [(0.0, data[:at] + noise + data[at:])]


class SlowReader(Fault):
    """For a while the machine takes only few bytes a second."""

    def _armed(self, span_s: float) -> None:
        self.rate = self.random.uniform(*_SLOW_BYTES_PER_S)
        self.end_s = self.begin_s + _SLOW_SHARE * span_s

    def _to_machine(self, data: bytes) -> list[Piece]:
        if not self._due() or self.wire.now_s > self.end_s:
            return [(0.0, data)]
        self.struck += 1
        return [(len(data) / self.rate, data)]


class PartialWrite(Fault):
    """The port takes a part of a line and then fails once."""

    def _write(self, data: bytes) -> int:
        if self.struck or not self._due() or not is_line(data):
            return len(data)
        self.struck += 1
        return self.random.randrange(len(data))


class WrongResend(DamagedLine):
    """A damaged line makes the machine ask for a wrong number."""

    def _armed(self, span_s: float) -> None:
        self.shift = self.random.choice([-40, -2, -1, 1, 2, 40])
        self.asked = False

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self.struck or self.asked:
            return [(0.0, line)]
        if not dialect_of(self.wire.controller.machine.dialect).manners.asks_again:
            self.asked = True
            return [(0.0, b"Resend: %d\r\n" % self.random.randint(0, 99)), (0.0, line)]
        if not line.startswith(_RESEND):
            return [(0.0, line)]
        self.asked = True
        return [(0.0, b"Resend: %d\r\n" % max(int(line.split()[1]) + self.shift, 0))]


class ResendWithoutOk(DamagedLine):
    """A damaged line makes the machine ask again, and the ``ok`` that follows that is missing."""

    def _armed(self, span_s: float) -> None:
        self.asked = 0

    def _to_host(self, line: bytes) -> list[Piece]:
        if line.startswith(_RESEND) and self.struck:
            self.asked = 1
        elif self.asked == 1 and line.startswith(b"ok"):
            self.asked = 2
            return []
        return [(0.0, line)]


class IgnoredResend(DamagedLine):
    """A damaged line makes the machine ask again, and then it does not hear the line that it asked for."""

    def _armed(self, span_s: float) -> None:
        self.asked = 0

    def _to_host(self, line: bytes) -> list[Piece]:
        if line.startswith(_RESEND) and self.struck and not self.asked:
            self.asked = 1
        return [(0.0, line)]

    def _to_machine(self, data: bytes) -> list[Piece]:
        if self.asked == 1:
            self.asked = 2
            return []
        return super()._to_machine(data)
