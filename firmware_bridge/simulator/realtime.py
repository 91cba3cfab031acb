"""Realtime bytes: what acts at once, past the receive buffer.

Hold decelerates and stops the main loop; resume goes on; a reset drops everything,
and raises alarm 3 if the machine was moving. Source: GRBL 1.1 commands
documentation (``doc/markdown/commands.md`` in gnea/grbl).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware_bridge.simulator.report import status_report
from firmware_bridge.simulator.states import DOOR, HOLD, JOG_CANCEL, RESET, RESUME, STATUS, State

if TYPE_CHECKING:
    from firmware_bridge.simulator.controller import VirtualGrbl

_FEED_RESET = 0x90
_FEED_STEPS = {0x91: 0.10, 0x92: -0.10, 0x93: 0.01, 0x94: -0.01}
_RAPID_LEVELS = {0x95: 1.0, 0x96: 0.5, 0x97: 0.25}
_FEED_OVERRIDE_RANGE = (0.1, 2.0)


def handle_realtime(grbl: VirtualGrbl, byte: int) -> None:
    """Carries out one realtime byte; unknown ones are dropped, as the firmware does."""
    if byte == RESET:
        grbl.soft_reset()
    elif grbl.dead:
        return
    elif byte == STATUS:
        if grbl.state is State.HOME:
            grbl.status_wanted = True  # homing listens to nothing but a reset
        else:
            grbl.say(status_report(grbl))
    elif byte in (HOLD, DOOR):
        _hold(grbl, State.DOOR if byte == DOOR else State.HOLD)
    elif byte == RESUME:
        grbl.resume()
    elif byte == JOG_CANCEL:
        if grbl.state is State.JOG:
            grbl.cancel_jog()
    else:
        _override(grbl, byte)


def _hold(grbl: VirtualGrbl, state: State) -> None:
    if grbl.state in (State.ALARM, State.CHECK, State.SLEEP, State.HOME):
        return
    if grbl.state is State.JOG:
        grbl.cancel_jog()
        return
    grbl.suspend(state)
    grbl.motion.hold()


def _override(grbl: VirtualGrbl, byte: int) -> None:
    planner = grbl.planner
    before = (planner.feed_override, planner.rapid_override)
    if byte == _FEED_RESET:
        planner.feed_override = 1.0
    elif byte in _FEED_STEPS:
        low, high = _FEED_OVERRIDE_RANGE
        planner.feed_override = min(max(planner.feed_override + _FEED_STEPS[byte], low), high)
    elif byte in _RAPID_LEVELS:
        planner.rapid_override = _RAPID_LEVELS[byte]
    if before != (planner.feed_override, planner.rapid_override):
        planner.refresh_speeds()
        grbl.motion.plan_changed()
