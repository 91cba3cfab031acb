"""Single small motions that a person asks for: a jog, and the pen alone; checked against the envelope."""

from __future__ import annotations

from firmware_bridge.errors import PreflightError
from firmware_bridge.kinematics.joints import joint_step
from firmware_bridge.link import Link
from firmware_bridge.machine import MachineProfile

# A slow pen axis over its whole way, for a firmware that answers when it has arrived.
_PEN_TIMEOUT_S = 30.0


def jog(link: Link, machine: MachineProfile, step: tuple[float, float, float], feed_mm_s: float) -> None:
    """Sends a small step of x and y (mm) and the pen (its unit); see ``Device.jog``."""
    dx_mm, dy_mm, dpen = step
    if dpen and machine.pen_actuator == "servo":
        raise PreflightError("A servo pen cannot be jogged: move it to a value instead.")
    link.poll()
    here, box = link.position, machine.envelope
    if here is not None:
        _check_jog("x", here.x_mm, dx_mm, box.x_min_mm, box.x_max_mm)
        _check_jog("y", here.y_mm, dy_mm, box.y_min_mm, box.y_max_mm)
        _check_jog("the pen", here.pen, dpen, box.pen_min, box.pen_max)
    if machine.raw_joints and (dx_mm or dy_mm):
        if here is None:
            raise PreflightError("The machine does not say where it stands: it cannot be jogged in mm.")
        dx_mm, dy_mm, feed_mm_s = joint_step((here.x_mm, here.y_mm), (dx_mm, dy_mm), feed_mm_s, machine)
    for line in link.dialect.jog_lines(dx_mm, dy_mm, dpen, feed_mm_s):
        link.command(line, _PEN_TIMEOUT_S)


def move_pen(link: Link, machine: MachineProfile, value: float) -> None:
    """Sends the pen to a value of its axis; see ``Device.move_pen``."""
    box = machine.envelope
    if not box.pen_min <= value <= box.pen_max:
        raise PreflightError(
            f"The pen value {value:g} is outside {box.pen_min:g} to {box.pen_max:g}: choose one inside."
        )
    link.poll()
    for line in link.dialect.pen_lines(value, machine, here=link.position):
        link.command(line, _PEN_TIMEOUT_S)


def _check_jog(axis: str, now: float, step: float, low: float, high: float) -> None:
    """Refuses a step that ends outside the envelope and leads further out."""
    goal = now + step
    outside = max(low - goal, goal - high)
    if step and outside > 0 and outside > max(low - now, now - high):
        raise PreflightError(
            f"The jog takes {axis} to {goal:.2f}, outside {low:g} to {high:g}: take a smaller step."
        )
