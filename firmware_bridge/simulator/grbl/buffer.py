"""The serial receive buffer: a small ring that drops what does not fit, as the real one does.

An AVR serves no interrupt while it writes a byte of its EEPROM, and what arrives then is lost but for
what its UART holds by itself.
"""

from __future__ import annotations

import re

# A line without a comment or anything else that the firmware would drop, blanks apart.
_PLAIN_LINE = re.compile(rb"([ -'*-.0-:<-~]*)[\r\n]")

# While the AVR writes a byte of its EEPROM, it serves no interrupt.
EEPROM_BYTE_S = 0.0034
# The UART holds so many bytes while no interrupt is served.
_UART_BYTES = 2
# Times closer than this are one instant.
_INSTANT_S = 1e-9


class ReceiveBuffer:
    """Bytes that have arrived and that the firmware has not read yet.

    Attributes:
        size: how many bytes fit.
        overruns: how many bytes were dropped because the buffer was full.
        peak: the most bytes that ever waited.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.overruns = 0
        self.peak = 0
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    @property
    def free(self) -> int:
        """Bytes that still fit."""
        return self.size - len(self._bytes)

    def push(self, byte: int) -> None:
        """Takes one byte, or counts an overrun and drops it."""
        if len(self._bytes) >= self.size:
            self.overruns += 1
            return
        self._bytes.append(byte)
        self.peak = max(self.peak, len(self._bytes))

    def extend(self, data: bytes) -> None:
        """Takes bytes as ``push`` takes each of them."""
        kept = data[: max(self.free, 0)]
        self.overruns += len(data) - len(kept)
        self._bytes += kept
        self.peak = max(self.peak, len(self._bytes))

    def pop(self) -> int:
        """The oldest byte; the buffer must not be empty."""
        return self._bytes.pop(0)

    def pop_line(self, most: int) -> str | None:
        """A whole line without its end and blanks, in upper case; None if byte for byte must be looked at.

        That is so where no line is complete, or it is longer than ``most``, or holds a comment.
        """
        match = _PLAIN_LINE.match(self._bytes)
        if match is None:
            return None
        line = match[1].replace(b" ", b"")
        if len(line) > most:
            return None
        del self._bytes[: match.end()]
        return line.decode("ascii").upper()

    def clear(self) -> None:
        """Forgets what waits; the counters stay."""
        self._bytes.clear()


class Deafness:
    """When nothing is heard, since the EEPROM is written.

    Attributes:
        unheard: bytes that were lost.
    """

    def __init__(self) -> None:
        self.unheard = 0
        self._writes: list[tuple[float, int]] = []  # when each ends, and what the UART still holds

    def begin(self, now_s: float, changed_bytes: int) -> float:
        """Some bytes are written from now on, or after those before; returns how long they take."""
        begin_s = max([now_s, *(end for end, _ in self._writes)])
        self._writes = [(begin_s + (i + 1) * EEPROM_BYTE_S, _UART_BYTES) for i in range(changed_bytes)]
        return changed_bytes * EEPROM_BYTE_S

    @property
    def over(self) -> bool:
        """Whether everything is heard, as far as ``hears`` has found out."""
        return not self._writes

    def hears(self, now_s: float) -> bool:
        """Whether a byte that arrives now is read."""
        if not self._writes:
            return True
        self._writes = [(end, left) for end, left in self._writes if end > now_s + _INSTANT_S]
        if not self._writes:
            return True
        end, left = self._writes[0]
        if end - now_s > EEPROM_BYTE_S or not left:
            self.unheard += 1
            return False
        self._writes[0] = (end, left - 1)
        return True
