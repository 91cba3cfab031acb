"""What the virtual controller says of its state and place: the answer to ``?``.

Offset and overrides stand in one report of so many, as in the firmware, to keep reports short.

Source: GRBL 1.1's interface documentation (``doc/markdown/interface.md`` in gnea/grbl).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware_bridge.simulator.planner import Vector

if TYPE_CHECKING:
    from firmware_bridge.simulator.grbl.controller import VirtualGrbl

_SECONDS_PER_MINUTE = 60.0
_MM_PER_INCH = 25.4
_SHOW_MACHINE, _SHOW_BUFFERS = 1, 2
# Offset and overrides come only now and then, to keep reports short: one report in so many while the
# machine is busy, and while it is not (REPORT_WCO_REFRESH_*, REPORT_OVR_REFRESH_*).
_OFFSET_EVERY = (30, 10)
_OVERRIDES_EVERY = (20, 10)
_BUSY = ("Run", "Jog", "Home", "Hold", "Door")
# Digits of places and of speeds, in mm and in inches.
PLACE_DIGITS = (3, 4)
_RATE_DIGITS = (0, 1)


def status_report(controller: VirtualGrbl) -> str:
    """The answer to ``?``: state, position, buffers, feed and, now and then, offset and overrides."""
    values = controller.settings.values
    mask, inches = int(values[10]), bool(values[13])
    unit = 1.0 / _MM_PER_INCH if inches else 1.0
    position, speed = controller.motion.state()
    offset = controller.interpreter.offset_mm
    if mask & _SHOW_MACHINE:
        parts = [f"MPos:{vector_text(position, inches)}"]
    else:
        work = (position[0] - offset[0], position[1] - offset[1], position[2] - offset[2])
        parts = [f"WPos:{vector_text(work, inches)}"]
    if mask & _SHOW_BUFFERS:
        parts.append(f"Bf:{controller.planner.free},{controller.rx.free}")
    rate = f"{speed * _SECONDS_PER_MINUTE * unit:.{_RATE_DIGITS[inches]}f}"
    parts.append(f"FS:{rate},{controller.spindle_speed:.0f}")
    idle = int(controller.state.value not in _BUSY)
    if controller.offset_changed:
        controller.offset_changed, controller.reports_to_offset = False, 0
    if controller.reports_to_offset:
        controller.reports_to_offset -= 1
    else:
        controller.reports_to_offset = _OFFSET_EVERY[idle] - 1
        controller.reports_to_overrides = max(controller.reports_to_overrides, 1)  # in the next report
        parts.append(f"WCO:{vector_text(offset, inches)}")
    if controller.reports_to_overrides:
        controller.reports_to_overrides -= 1
    else:
        controller.reports_to_overrides = _OVERRIDES_EVERY[idle] - 1
        planner = controller.planner
        parts.append(f"Ov:{planner.feed_override * 100:.0f},{planner.rapid_override * 100:.0f},100")
    return f"<{state_label(controller)}|{'|'.join(parts)}>"


def state_label(controller: VirtualGrbl) -> str:
    """The state with its substate: Hold:0 stands still, Hold:1 is slowing down; doors likewise."""
    state = controller.state.value
    moving = controller.motion.running
    if state == "Hold":
        return "Hold:1" if moving else "Hold:0"
    if state == "Door":
        return "Door:2" if moving else "Door:0"
    return state


def vector_text(mm: Vector, inches: bool) -> str:
    """A place as reports write it."""
    unit = 1.0 / _MM_PER_INCH if inches else 1.0
    return ",".join(f"{v * unit + 0.0:.{PLACE_DIGITS[inches]}f}" for v in mm)
