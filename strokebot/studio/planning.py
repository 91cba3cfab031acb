"""The process that plans: one warm session, one order at a time, stopped by the next change.

Nouns:
    order    what is wanted: look at a picture, plan, rehearse, sketch the styles, a step of a calibration
    word     what comes back meanwhile: progress, a style
    result   what comes back at the end, or the sentence that says why not

Pictures are decoded here and nowhere else: a file that makes a decoder fail ends this process at the worst,
and the server begins another.
"""

from __future__ import annotations

import io
import os
import pickle
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Literal, Protocol

from strokebot.errors import PlanningStopped, StrokebotError
from strokebot.options import DrawOptions
from strokebot.studio.wording import on_page

Kind = Literal["look", "plan", "rehearse", "styles", "calibrate"]

# Planning leaves the processor to whoever moves a machine.
_NICE = 5
# Progress is told at most so often.
_TELL_EVERY_S = 0.1
# Pixels of the longer side of what is shown: as much as a screen has.
_SHOWN_PX = 1600
# Rows of a style's thumbnail.
_THUMBNAIL_ROWS = 1500


class Number(Protocol):
    """A number that two processes share."""

    value: int


@dataclass(frozen=True)
class Order:
    """What is wanted.

    Attributes:
        number: grows from order to order.
        kind: see above.
        picture: the file.
        options: of the drawing.
        values: of a step of a calibration; see ``calibration.carry_out``.
        epoch: another one than before says that profiles may have changed: what was kept is forgotten.
    """

    number: int
    kind: Kind
    picture: Path
    options: DrawOptions
    values: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0


@dataclass(frozen=True, eq=False)
class Looked:
    """A picture that can be drawn: its size in px once upright, and a small one of it (PNG)."""

    width: int
    height: int
    png: bytes


@dataclass(frozen=True, eq=False)
class Planned:
    """What a page needs of a plan.

    Attributes:
        summary: what it comes to, for a person.
        warnings: what to know of it, each with the change that cures it.
        rows: for a screen; ``frames.rows_of``, as bytes.
        all_rows: all of them, as bytes; the same where there are few.
        seen: what was taken for what (PNG).
        gcode: the file.
        frame_mm: lowest and highest x and y of what is drawn, machine mm.
    """

    summary: dict[str, Any]
    warnings: list[dict[str, Any]]
    rows: bytes
    all_rows: bytes
    seen: bytes
    gcode: bytes
    frame_mm: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Rehearsed:
    """A drawing that the virtual machine has drawn, ready for a real one.

    Attributes:
        job: what the machine's process draws (``machine.DrawJob``), pickled: nothing for the server.
        name: of the picture.
        duration_s: on the virtual machine.
        drawn_mm: length of the line.
        paper_mm: the sheet.
        machine: name of the profile's machine.
    """

    job: bytes
    name: str
    duration_s: float
    drawn_mm: float
    paper_mm: tuple[float, float]
    machine: str


Tell = Callable[[str, Any], None]
Stop = Callable[[], bool]


def serve(connection: Connection, stopped: Number) -> None:
    """Carries out orders until the other end is closed, or says None.

    Args:
        connection: gives ``Order``s; takes (number, word, value), and (number, "done" or "failed", value)
            at the end of each.
        stopped: orders up to this number shall stop.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends this process
    if hasattr(os, "nice"):
        os.nice(_NICE)
    planner = Planning()
    while True:
        try:
            order: Order | None = connection.recv()
        except (EOFError, OSError):
            return
        if order is None:
            return

        def tell(word: str, value: Any, number: int = order.number) -> None:
            connection.send((number, word, value))

        def stop(number: int = order.number) -> bool:
            return stopped.value >= number

        try:
            found = planner.carry_out(order, tell, stop)
        except PlanningStopped:
            tell("failed", None)
        except StrokebotError as error:
            said = on_page(error)
            file: Path = order.values.get("file", order.picture)
            tell("failed", said.replace(str(file), file.name))
        except MemoryError:
            tell("failed", "The picture needs more memory than there is: scale it down first.")
        except OSError as error:
            tell("failed", f"{error.strerror or error}.")
        except Exception as error:
            tell("failed", f"internal error, please report it: {type(error).__name__}: {error}")
        else:
            tell("done", found)


class Planning:
    """Carries out orders, and keeps what stays the same from one to the next."""

    def __init__(self) -> None:
        from strokebot.pipeline import Session

        self._session, self._epoch = Session(), 0

    def carry_out(self, order: Order, tell: Tell, stop: Stop) -> Any:
        """The result of an order.

        Raises:
            PlanningStopped: if ``stop`` said so.
            StrokebotError: for what is wrong with picture or options.
        """
        if order.kind == "look":
            return look_at(order.picture)
        if order.kind == "calibrate":
            from strokebot.studio.calibration import carry_out

            return carry_out(order.values)
        if order.epoch != self._epoch:
            from strokebot.pipeline import Session

            self._session, self._epoch = Session(), order.epoch
        last_s = 0.0

        def progress(told: str, share: float) -> None:
            nonlocal last_s
            if time.monotonic() - last_s >= _TELL_EVERY_S:
                last_s = time.monotonic()
                tell("planning", {"told": told, "share": share})

        if order.kind == "plan":
            return self._plan(order, progress, stop)
        if order.kind == "rehearse":
            return self._rehearse(order, progress, stop)
        return self._styles(order, tell, stop)

    def _plan(self, order: Order, progress: Callable[[str, float], None], stop: Stop) -> Planned:
        from firmware_bridge.job.frame import box_of_program
        from strokebot.advice import advice_on, machine_advice
        from strokebot.studio.frames import rows_of

        plan = self._session.plan(order.picture, order.options, progress, stop)
        rows = rows_of(plan.trajectory, plan.profile).tobytes()
        every = rows_of(plan.trajectory, plan.profile, None).tobytes()
        warnings = [
            {
                "text": on_page(advice.text),
                "cure": {"label": advice.cures[0][0], "recipe": dict(advice.cures[0][1])}
                if advice.cures
                else None,
                "cures": [{"label": label, "recipe": dict(patch)} for label, patch in advice.cures],
            }
            for advice in (*advice_on(plan), *machine_advice(plan))
        ]
        gcode = ("\n".join(plan.gcode) + "\n").encode()
        frame = box_of_program(plan.program)
        return Planned(summary_of(plan), warnings, rows, every, _seen_png(plan), gcode, frame)

    def _rehearse(self, order: Order, progress: Callable[[str, float], None], stop: Stop) -> Rehearsed:
        from strokebot.studio.frames import course_of, rows_of
        from strokebot.studio.machine import DrawJob

        result = self._session.draw(order.picture, order.options, progress, stop)
        plan = result.plan
        course = course_of(rows_of(plan.trajectory, plan.profile))
        job = DrawJob(plan.name, plan.profile, plan.program, plan.gcode, result.trace.duration_s, course)
        return Rehearsed(
            pickle.dumps(job, pickle.HIGHEST_PROTOCOL),
            plan.name,
            result.trace.duration_s,
            result.trace.drawn_mm,
            plan.profile.paper.size_mm,
            plan.profile.machine.name,
        )

    def _styles(self, order: Order, tell: Tell, stop: Stop) -> list[dict[str, Any]]:
        from strokebot.studio.frames import rows_of
        from strokebot.styles import plan_samples

        found: list[dict[str, Any]] = []
        # In a session of its own: the next change of the drawing shall find what it needs still planned.
        for sample in plan_samples(order.picture, order.options, stop=stop):
            plan = sample.plan
            entry: dict[str, Any] = {
                "name": sample.style.name,
                "recipe": dict(sample.style.options),
                "reason": sample.reason,
                "summary": None if plan is None else summary_of(plan),
                "rows": None
                if plan is None
                else [
                    [round(float(x), 2), round(float(y), 2), round(float(w), 3)]
                    for x, y, w, *_ in rows_of(plan.trajectory, plan.profile, _THUMBNAIL_ROWS)
                ],
            }
            found.append(entry)
            tell("style", entry)
        return found


def look_at(picture: Path) -> Looked:
    """Decodes a picture, for its size and for a screen.

    Raises:
        ImageError: if it is none that can be drawn.
    """
    from PIL import Image

    from strokebot.picture.image import load_upright

    upright = load_upright(picture)
    width, height = upright.size
    shown = upright.convert("RGBA" if "A" in upright.getbands() else "RGB")
    shown.thumbnail((_SHOWN_PX, _SHOWN_PX), Image.Resampling.BOX)
    data = io.BytesIO()
    shown.save(data, "PNG", compress_level=1)
    return Looked(width, height, data.getvalue())


def summary_of(plan: Any) -> dict[str, Any]:
    """What a plan comes to, for a person."""
    from strokebot.plots.shown import ShownLimits
    from strokebot.trajectory.compile.compile import approach_time_s

    sight = plan.ink.sight
    width, height = plan.size_mm
    left, bottom = plan.placement.x0_mm, plan.placement.y0_mm - height
    tone = plan.sketch.tone is not None
    shown = ShownLimits.of(plan.profile)
    return {
        "name": plan.name,
        "duration_s": approach_time_s(plan.trajectory, plan.profile) + plan.trajectory.duration_s,
        "drawn_mm": plan.trajectory.drawn_mm,
        "travel_mm": plan.trajectory.travel_mm,
        "lifts": plan.path.lifts,
        "lines": len(plan.gcode),
        "size_mm": [width, height],
        "at_mm": [left, bottom],
        "paper_mm": list(plan.profile.paper.size_mm),
        "pen": {
            "label": shown.pen_label,
            "up": plan.profile.pen.up,
            "touch": plan.profile.pen.touch,
            "full": plan.profile.pen.full,
            "draw_speed_mm_s": plan.profile.pen.draw_speed_mm_s,
            "min_width_mm": plan.profile.pen.min_width_mm,
            "max_width_mm": plan.profile.pen.max_width_mm,
        },
        "machine": plan.profile.machine.name,
        "max_speed_mm_s": list(plan.profile.machine.max_speed_mm_s),
        "method": plan.sketch.method,
        "method_reason": plan.sketch.reason,
        "style": plan.style.style,
        "style_reason": plan.style.reason,
        "seen": "ink on plain paper" if sight is None or not sight.notes else "; ".join(sight.notes),
        "left_out": 0 if sight is None or tone else sight.speck_count,
    }


def _seen_png(plan: Any) -> bytes:
    """What was taken for what in the picture; for a tone drawing, the darkness that it is drawn from."""
    import numpy as np
    from PIL import Image

    from strokebot.picture.shown import seen_picture

    if plan.sketch.tone is None:
        shown = Image.fromarray(seen_picture(plan.ink, _SHOWN_PX))
    else:
        shown = Image.fromarray(np.rint(255 * (1 - plan.ink.tone)).astype(np.uint8))
        shown.thumbnail((_SHOWN_PX, _SHOWN_PX), Image.Resampling.BOX)
    data = io.BytesIO()
    shown.save(data, "PNG", compress_level=1)
    return data.getvalue()


__all__ = ["Looked", "Order", "Planned", "Planning", "Rehearsed", "look_at", "serve", "summary_of"]
