"""The virtual machine in step with the clock: the same machine, neither sooner nor later."""

from __future__ import annotations

import contextlib

import pytest

from calibration.profile import Profile
from firmware_bridge.errors import PortError, ResponseTimeout
from firmware_bridge.job.device import open_device
from firmware_bridge.transports import open_transport
from firmware_bridge.transports.paced import PacedTransport, split_speed

MACHINE = Profile.load("grbl-z").machine


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds


def paced(speed: float, clock: Clock, controller=None) -> PacedTransport:
    return PacedTransport("grbl", MACHINE, speed, controller, clock, clock.sleep)


def moved(transport) -> tuple[float, float]:
    """Moves 60 mm at 20 mm/s; the machine's own time for it, and its place."""
    device = open_device(MACHINE, transport=transport)
    begin_s = transport.now_s()
    device.jog(60.0, 0.0, feed_mm_s=20.0)
    took_s = transport.now_s() - begin_s
    assert device.place is not None
    x_mm = device.place.x_mm
    device.close()
    return took_s, x_mm


@pytest.mark.parametrize("speed", [0.5, 1.0, 10.0])
def test_its_time_is_that_of_the_clock_times_the_speed(speed):
    clock = Clock()
    transport = paced(speed, clock)
    begin_s, virtual_s = clock.now_s, transport.now_s()
    took_s, x_mm = moved(transport)
    assert x_mm == pytest.approx(60.0)
    assert took_s == pytest.approx(moved(open_transport("sim://grbl", MACHINE))[0], abs=0.3)
    assert 3.0 < took_s < 4.0
    passed_s = (clock.now_s - begin_s) * speed
    assert transport.now_s() - virtual_s == pytest.approx(passed_s, abs=0.02 * speed + 0.02)


def test_a_machine_that_was_left_alone_has_gone_on_meanwhile():
    clock = Clock()
    transport = paced(1.0, clock)
    device = open_device(MACHINE, transport=transport)
    before_s = transport.now_s()
    clock.now_s += 3600.0
    device.look()
    assert transport.now_s() - before_s == pytest.approx(3600.0, abs=1.0)


def test_silence_is_told_after_the_machines_own_time():
    clock = Clock()
    transport = paced(4.0, clock)
    begin_s = clock.now_s
    with contextlib.suppress(ResponseTimeout):
        while True:  # what it says when it is switched on
            transport.read_line(0.1)
    with pytest.raises(ResponseTimeout):
        transport.read_line(2.0)
    assert clock.now_s - begin_s < 2.0


def test_it_stays_on_for_the_next_connection():
    clock = Clock()
    first = paced(10.0, clock)
    moved(first)
    again = open_device(MACHINE, transport=paced(1.0, clock, first.controller))
    again.look()
    assert again.place is not None
    assert again.place.x_mm == pytest.approx(60.0)


def test_the_speed_stands_in_the_address():
    assert split_speed("grbl") == ("grbl", None)
    assert split_speed("grbl?speed=2.5") == ("grbl", 2.5)
    assert isinstance(open_transport("sim://grbl?speed=50", MACHINE), PacedTransport)
    for wrong in ("0", "-1", "nan", "fast", "1e9", ""):
        with pytest.raises(PortError):
            open_transport(f"sim://grbl?speed={wrong}", MACHINE)
