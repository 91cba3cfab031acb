"""A serial port is opened as its profile wants it."""

from __future__ import annotations

import dataclasses
import os

import pytest

from firmware_bridge.machine import MachineProfile
from firmware_bridge.transports.serial_port import SerialTransport

pytestmark = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")


@pytest.mark.parametrize("reset_on_open", [True, False])
def test_dtr_stays_up_where_opening_must_not_restart_the_board(
    machine: MachineProfile, reset_on_open: bool
) -> None:
    import termios

    master, slave = os.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[2] |= termios.HUPCL
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    wanted = dataclasses.replace(machine, reset_on_open=reset_on_open)
    transport = SerialTransport(os.ttyname(slave), wanted)
    try:
        assert bool(termios.tcgetattr(slave)[2] & termios.HUPCL) is reset_on_open
        assert (transport.boot_s > 1.0) is reset_on_open
        os.write(master, b"ok\r\n")
        assert transport.read_line(1.0) == "ok"
    finally:
        transport.close()
        os.close(master)
        os.close(slave)
