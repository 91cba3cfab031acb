"""Faults of what the machine says: answers dropped, merged, late, doubled, split, damaged."""

from __future__ import annotations

from firmware_bridge.simulator.faults.base import Fault, is_answer
from firmware_bridge.simulator.wire import Piece

_NOISE_BYTES = (1, 12)
_STORM_LINES = (1, 20)
_STORM_SHARE = 0.5  # of the drawing's time
_LATE_S = (0.02, 8.0)
_SPLIT_S = (0.001, 0.5)


class DroppedAnswer(Fault):
    """One to three answers never arrive."""

    def _armed(self, span_s: float) -> None:
        self.left = self.random.randint(1, 3)

    def _to_host(self, line: bytes) -> list[Piece]:
        if self.left and self._due() and is_answer(line):
            self.left -= 1
            self.struck += 1
            return []
        return [(0.0, line)]


class MergedAnswers(Fault):
    """Two answers lose the line end between them: ``okok``."""

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self.struck and self._due() and is_answer(line):
            self.struck += 1
            return [(0.0, line.rstrip(b"\r\n"))]
        return [(0.0, line)]


class LateAnswer(Fault):
    """One answer, and all that is said after it, comes late."""

    def _armed(self, span_s: float) -> None:
        self.delay_s = self.random.uniform(*_LATE_S)

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self.struck and self._due() and is_answer(line):
            self.struck += 1
            return [(self.delay_s, line)]
        return [(0.0, line)]


class DoubledAnswer(Fault):
    """One answer comes twice."""

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self.struck and self._due() and is_answer(line):
            self.struck += 1
            return [(0.0, line), (0.0, line)]
        return [(0.0, line)]


class SplitAnswers(Fault):
    """From a time on, answers arrive in two reads."""

    def _to_host(self, line: bytes) -> list[Piece]:
        if self._due() and is_answer(line):
            self.struck += 1
            cut = self.random.randrange(1, len(line))
            return [(0.0, line[:cut]), (self.random.uniform(*_SPLIT_S), line[cut:])]
        return [(0.0, line)]


class DamagedAnswer(Fault):
    """Bits of one to three lines of the machine turn over."""

    def _armed(self, span_s: float) -> None:
        self.left = self.random.randint(1, 3)

    def _to_host(self, line: bytes) -> list[Piece]:
        if self.left and self._due() and line.strip():
            self.left -= 1
            self.struck += 1
            return [(0.0, self._flipped(line, self.random.randint(1, 2)))]
        return [(0.0, line)]


class LostAnswerBytes(Fault):
    """A run of bytes of the machine is lost, line ends included."""

    def _armed(self, span_s: float) -> None:
        self.left = self.random.randint(1, 30)

    def _to_host(self, line: bytes) -> list[Piece]:
        if not (self.left and self._due()):
            return [(0.0, line)]
        cut = self.random.randrange(len(line)) if not self.struck else 0
        end = min(cut + self.left, len(line))
        self.left -= end - cut
        self.struck += 1
        return [(0.0, line[:cut] + line[end:])]


class NoiseToHost(Fault):
    """Bytes that nobody sent arrive at the host."""

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self.struck and self._due():
            self.struck += 1
            noise = self.random.randbytes(self.random.randint(*_NOISE_BYTES))
            return (
                [(0.0, noise + line)] if self.random.random() < 0.5 else [(0.0, noise + b"\n"), (0.0, line)]
            )
        return [(0.0, line)]


class OddLineEnds(Fault):
    """Lines of the machine end otherwise than usual."""

    def _armed(self, span_s: float) -> None:
        self.end = self.random.choice([b"\n", b"\r\r\n", b"\n\r", b"\r\n\n", b" \r\n"])

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self._due():
            return [(0.0, line)]
        self.struck += 1
        return [(0.0, line.rstrip(b"\r\n") + self.end)]


class GarbledReports(Fault):
    """From a time on, every report of place has damaged bytes."""

    def _to_host(self, line: bytes) -> list[Piece]:
        if self._due() and (line.startswith((b"<", b"X:")) or b" X" in line):
            self.struck += 1
            return [(0.0, self._flipped(line, 2))]
        return [(0.0, line)]


class Storm(Fault):
    """Many messages that nobody asked for, between the answers."""

    messages: tuple[bytes, ...] = (
        b"[MSG:Check Door]",
        b"echo:SD card inserted",
        b"[GC:G0 G54 G17 G21 G90 G94 M5 M9 T0 F0 S0]",
        b"@4 B0 V1",
        b"// action:notification hello",
        b" T:21.0 /0.0 B:21.0 /0.0 @:0 B@:0",
        b"",
    )

    def _armed(self, span_s: float) -> None:
        self.end_s = self.begin_s + self.random.random() * _STORM_SHARE * span_s

    def _to_host(self, line: bytes) -> list[Piece]:
        if not self._due() or self.wire.now_s > self.end_s:
            return [(0.0, line)]
        self.struck += 1
        many = self.random.randint(*_STORM_LINES)
        return [*((0.0, self.random.choice(self.messages) + b"\r\n") for _ in range(many)), (0.0, line)]


class BusyStorm(Storm):
    """The machine says that it is busy again and again."""

    messages: tuple[bytes, ...] = (
        b"echo:busy: processing",
        b"echo:busy: paused for user",
        b"busy: processing",
    )


class ErrorReply(Fault):
    """A good line that was carried out is answered with an error."""

    def _to_host(self, line: bytes) -> list[Piece]:
        if self.struck or not self._due() or not is_answer(line):
            return [(0.0, line)]
        self.struck += 1
        return [(0.0, self.wire.controller.refusal(self.random, line))]
