from __future__ import annotations

import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.errors import PortError
from firmware_bridge.job.device import open_device
from firmware_bridge.machine import MachineProfile
from firmware_bridge.simulator import FreeRunning, VirtualGrbl, serve_pty
from firmware_bridge.transports import list_ports, open_transport
from firmware_bridge.transports.usb import find_usb, usb_address

BOARDS = [
    ("/dev/ttyUSB1", 0x1A86, 0x7523, None, "USB Serial"),
    ("/dev/ttyUSB0", 0x1A86, 0x7523, None, "USB Serial"),
    ("/dev/ttyACM0", 0x2341, 0x0043, "8543:31", "Arduino\nUno"),
    ("/dev/ttyACM1", 0x2341, 0x0043, "9999", "Arduino Uno"),
    ("/dev/ttyACM2", 0x04D8, 0xFD92, "x", "EiBotBoard"),
    ("/dev/ttyS0", None, None, None, None),
]


@pytest.fixture
def boards(monkeypatch: pytest.MonkeyPatch) -> None:
    from serial.tools import list_ports as tools

    found = [
        SimpleNamespace(device=d, vid=v, pid=p, serial_number=s, description=t) for d, v, p, s, t in BOARDS
    ]
    monkeypatch.setattr(tools, "comports", lambda: found)


@pytest.mark.usefixtures("boards")
def test_ports_tell_their_usb_address() -> None:
    assert [(p.device, p.usb) for p in list_ports()] == [
        ("/dev/ttyACM0", "usb:2341:0043:8543:31"),
        ("/dev/ttyACM1", "usb:2341:0043:9999"),
        ("/dev/ttyACM2", "usb:04d8:fd92:x"),
        ("/dev/ttyS0", ""),
        ("/dev/ttyUSB0", "usb:1a86:7523"),
        ("/dev/ttyUSB1", "usb:1a86:7523"),
    ]
    assert list_ports()[0].description == "Arduino Uno"


@pytest.mark.usefixtures("boards")
@pytest.mark.parametrize(
    ("url", "device"),
    [
        ("usb:04d8:fd92", "/dev/ttyACM2"),
        ("usb:4D8:FD92", "/dev/ttyACM2"),
        ("usb:2341:43:9999", "/dev/ttyACM1"),
        ("usb:2341:0043:8543:31", "/dev/ttyACM0"),
    ],
)
def test_one_match_is_the_port(url: str, device: str) -> None:
    assert find_usb(url) == device


@pytest.mark.usefixtures("boards")
@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("usb:1a86:7523", r"Several ports .*choose one of /dev/ttyUSB0 .*, /dev/ttyUSB1"),
        ("usb:2341:0043", r"Several ports .*ttyACM0 \(usb:2341:0043:8543:31\)"),
        ("usb:2341:0043:99", r"No port has .*plug the machine in.*usb:2341:0043:9999"),
        ("usb:dead:beef", "No port has"),
        ("usb:", "is not usb:VID:PID"),
        ("usb:12345:1", "is not usb:VID:PID"),
        ("usb:zz:1", "is not usb:VID:PID"),
        ("usb:1:2:", "is not usb:VID:PID"),
    ],
)
def test_none_or_several_are_told(machine: MachineProfile, url: str, words: str) -> None:
    with pytest.raises(PortError, match=words) as caught:
        open_transport(url, machine)
    assert "\n" not in str(caught.value)


def test_without_any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    from serial.tools import list_ports as tools

    monkeypatch.setattr(tools, "comports", list)
    with pytest.raises(PortError, match=r"those found \(none\)"):
        find_usb("usb:1:2")


@given(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.text(max_size=20))
def test_an_address_that_is_told_can_be_given(vid: int, pid: int, serial: str) -> None:
    address = usb_address(vid, pid, serial)
    with pytest.MonkeyPatch.context() as patch:
        from serial.tools import list_ports as tools

        port = SimpleNamespace(device="COM7", vid=vid, pid=pid, serial_number=serial, description="x")
        patch.setattr(tools, "comports", lambda: [port])
        assert find_usb(address) == "COM7"


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no ptys")
def test_a_machine_is_opened_by_its_usb_address(
    machine: MachineProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from serial.tools import list_ports as tools

    path, stop, ready = tmp_path / "tty", threading.Event(), threading.Event()
    grbl = VirtualGrbl(machine)
    thread = threading.Thread(target=serve_pty, args=(path, grbl, stop, FreeRunning(), lambda _: ready.set()))
    thread.start()
    try:
        assert ready.wait(10.0)
        port = SimpleNamespace(device=str(path), vid=1, pid=2, serial_number="", description="")
        monkeypatch.setattr(tools, "comports", lambda: [port])
        with open_device(machine, "usb:0001:0002") as device:
            device.jog(dx_mm=5.0)
        assert grbl.position_mm()[0] == 5.0
    finally:
        stop.set()
        thread.join()
