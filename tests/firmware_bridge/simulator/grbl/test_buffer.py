"""Lines that are read at once, against the same read byte for byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator.grbl.buffer import ReceiveBuffer
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.flavours import FLUIDNC, GRBL, GRBLHAL, GrblOptions

_PIECES = [
    b"G1 X1 F600", b"g1x2", b"G0 Z-1.5", b"(a comment) X3", b"X4 ; to the end", b"X 5 / Y 6", b"$X",
    b"$110=90", b"", b" ", b"\r", b"\n", b"\r\n", b"?", b"!", b"~", b"\x18", b"\x85", b"\x7f", b"X" * 85,
    b"G4 P0.1", b"(", b")",
]  # fmt: skip


class SlowBuffer(ReceiveBuffer):
    def extend(self, data: bytes) -> None:
        for byte in data:
            self.push(byte)

    def pop_line(self, most: int) -> str | None:
        return None


@pytest.mark.parametrize("options", [GRBL, GRBLHAL, FLUIDNC], ids=["grbl", "grblhal", "fluidnc"])
@given(
    sent=st.lists(
        st.tuples(st.lists(st.sampled_from(_PIECES) | st.binary(max_size=4)), st.floats(0, 0.5)), max_size=12
    )
)
def test_lines_at_once_do_what_bytes_do(
    machine: MachineProfile, options: GrblOptions, sent: list[tuple[list[bytes], float]]
) -> None:
    fast, slow = VirtualGrbl(machine, None, options), VirtualGrbl(machine, None, options)
    slow.rx = SlowBuffer(slow.rx.size)
    for pieces, pause_s in sent:
        heard = []
        for grbl in (fast, slow):
            grbl.receive(b"\n".join(pieces) + b"\n" * (len(pieces) % 2))
            grbl.advance(grbl.now_s + pause_s)
            rx, unheard = grbl.rx, grbl.deafness.unheard
            heard.append((grbl.take_output(), grbl.position_mm(), rx.overruns, rx.peak, len(rx), unheard))
        assert heard[0] == heard[1]


@pytest.mark.parametrize("size", [1, 5, 8])
def test_a_full_buffer_drops_the_rest(size: int) -> None:
    fast, slow = ReceiveBuffer(size), SlowBuffer(size)
    for buffer in (fast, slow):
        buffer.extend(b"abc")
        buffer.extend(b"defgh")
    assert (
        (fast.overruns, fast.peak, len(fast))
        == (slow.overruns, slow.peak, len(slow))
        == (8 - size, size, size)
    )
    assert bytes(fast.pop() for _ in range(size)) == b"abcdefgh"[:size]
