"""GRBL's check mode (``$C``): the controller reads every line and answers it, and nothing moves.

It finds what no model of the firmware can promise: lines that this build refuses, and targets
beyond its soft limits. Leaving it resets the controller, which forgets a shift of the origin (G92)
and the chosen frame; where one is in force the check is refused, since the drawing would then lie
elsewhere.

Source: GRBL 1.1 commands documentation (gnea/grbl, doc/markdown/commands.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from firmware_bridge.control import grbl_facts
from firmware_bridge.dialects.base import Window
from firmware_bridge.errors import DeviceAlarm, PreflightError
from firmware_bridge.events import Event
from firmware_bridge.link import Link
from firmware_bridge.streamer import Streamer


def check_mode(link: Link, lines: Sequence[str], window: Window, leave: Callable[[], None]) -> bool:
    """Lets the machine read all lines; see ``Control.check_mode``.

    Args:
        link: the conversation; the machine is idle.
        lines: the drawing.
        window: what may be under way.
        leave: brings the machine back.
    """
    # Answers to the questions around it are no news for anybody.
    told, link.listener = link.listener, _nobody
    before = grbl_facts.work_offset_mm(link)
    if any(grbl_facts.places(link).get("G92", ())):
        raise PreflightError(
            "The origin is shifted by G92, which check mode would forget: store it with G10 L20 P1."
        )
    link.command(link.dialect.commands["check"])
    streamer = Streamer(link, window)
    try:
        link.listener = told
        streamer.stream(lines)
    except DeviceAlarm as error:
        at = min(streamer.outbox.acknowledged, len(lines) - 1)
        raise DeviceAlarm(f"Line {at + 1} '{lines[at][:40]}': {error}") from error
    finally:
        link.listener = _nobody
        leave()
    if grbl_facts.work_offset_mm(link) != before:
        raise PreflightError(
            "The work frame is another after check mode: choose G54, or store the origin with G10 L20 P1."
        )
    return True


def _nobody(event: Event) -> None:
    del event
