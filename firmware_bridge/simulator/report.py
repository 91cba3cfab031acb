"""The status report of the virtual controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware_bridge.simulator.controller import VirtualGrbl

_SECONDS_PER_MINUTE = 60.0
_MM_PER_INCH = 25.4
_SHOW_MACHINE, _SHOW_BUFFERS = 1, 2
# Offset and overrides come only now and then, to keep reports short.
_OFFSET_EVERY = 10
_OVERRIDES_EVERY = 20


def status_report(controller: VirtualGrbl) -> str:
    """The answer to ``?``: state, position, buffers, feed and, now and then, offset and overrides."""
    values = controller.settings.values
    mask = int(values[10])
    unit = 1.0 / _MM_PER_INCH if values[13] else 1.0
    position, speed = controller.motion.state()
    offset = controller.interpreter.offset_mm
    if mask & _SHOW_MACHINE:
        parts = [f"MPos:{_vector(position, unit)}"]
    else:
        work = (position[0] - offset[0], position[1] - offset[1], position[2] - offset[2])
        parts = [f"WPos:{_vector(work, unit)}"]
    if mask & _SHOW_BUFFERS:
        parts.append(f"Bf:{controller.planner.free},{controller.rx.free}")
    parts.append(f"FS:{speed * _SECONDS_PER_MINUTE * unit:.0f},{controller.spindle_speed:.0f}")
    turn = controller.reports
    controller.reports += 1
    if turn % _OFFSET_EVERY == 0 or controller.offset_changed:
        controller.offset_changed = False
        parts.append(f"WCO:{_vector(offset, unit)}")
    elif turn % _OVERRIDES_EVERY == 1:
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


def _vector(mm: tuple[float, float, float], unit: float) -> str:
    return ",".join(f"{v * unit + 0.0:.3f}" for v in mm)
