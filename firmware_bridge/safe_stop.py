"""Stopping a machine in the middle of anything and lifting the pen off the paper.

The order: feed hold, wait until the machine stands, reset (which keeps the position,
because nothing moves), unlock if an alarm is left, lift straight up in the machine
frame (a reset forgets a shifted work frame), wait until the pen is up.
"""

from __future__ import annotations

from firmware_bridge.dialects.base import Banner, Realtime
from firmware_bridge.errors import DeviceAlarm, ResponseTimeout
from firmware_bridge.link import POLL_S, Link
from firmware_bridge.streamer import NO_PROGRESS_S

# A machine at 2000 mm/s slows down from it in 2 s even at the least acceleration in use.
_HOLD_TIMEOUT_S = 10.0
_RESET_TIMEOUT_S = 5.0
# States in which the machine is still moving, or may be.
_SLOWING = ("Hold:1", "Run", "Jog", "Door:2", "Door:3")


def stop_and_lift(link: Link, pen: float) -> None:
    """Stops whatever runs and lifts the pen to a value of its axis.

    Raises:
        ResponseTimeout: if the machine does not answer.
        DeviceError: if it refuses to lift.
        PortError: if the port goes away.
    """
    link.send_realtime(Realtime.HOLD)
    _wait_for_stand(link)
    offset = link.offset_mm[2]
    reset(link)
    if link.poll().state == "Alarm":
        link.command(link.dialect.commands["unlock"])
    for line in link.dialect.pen_lines(pen, link.machine, offset):
        link.command(line)
    wait_idle(link)


def _wait_for_stand(link: Link) -> None:
    """Waits until a hold has come to rest; gives up quietly where only a reset helps."""
    deadline = link.now_s() + _HOLD_TIMEOUT_S
    while link.now_s() < deadline:
        try:
            status = link.poll(POLL_S * 4)
        except (ResponseTimeout, DeviceAlarm):
            return  # after some alarms the machine hears nothing but a reset
        if status.label not in _SLOWING:
            return
        link.pause(POLL_S / 5)


def reset(link: Link) -> None:
    """Resets the controller and waits for its greeting.

    Raises:
        ResponseTimeout: if it does not greet.
    """
    link.send_realtime(Realtime.RESET)
    deadline = link.now_s() + _RESET_TIMEOUT_S
    while True:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout as cause:
            raise ResponseTimeout(
                "The machine does not come back after a reset: switch it off and on."
            ) from cause
        if isinstance(reply, Banner):
            return


def wait_idle(link: Link) -> None:
    """Waits until the machine stands still.

    Raises:
        DeviceAlarm: if it is in an alarm.
        ResponseTimeout: if it neither moves nor becomes idle.
    """
    progress_s = link.now_s()
    position = link.position
    while True:
        status = link.poll()
        if status.state == "Idle":
            return
        if status.state == "Alarm":
            raise DeviceAlarm("The machine is in an alarm: find its cause, then home or unlock it.")
        if link.position != position or status.state in ("Hold", "Door"):
            position, progress_s = link.position, link.now_s()
        if link.now_s() - progress_s > NO_PROGRESS_S:
            raise ResponseTimeout(f"The machine stays in state {status.label} and does not move: reset it.")
        link.pause(POLL_S / 2)
