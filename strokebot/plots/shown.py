"""What a machine and its pen allow, as figures show it."""

from __future__ import annotations

from dataclasses import dataclass

from calibration.profile import Profile


@dataclass(frozen=True)
class ShownLimits:
    """What a machine and its pen allow, for the time panels.

    Attributes:
        draw_speed_mm_s: greatest speed with the pen down.
        axis_speed_mm_s: greatest speeds of the x and the y axis.
        pen_up: pen value clear of the paper. pen_touch: of the thinnest line. pen_full: of the widest.
        pen_label: what the pen axis counts, with its unit.
        paper_mm: width and height of the sheet.
    """

    draw_speed_mm_s: float
    axis_speed_mm_s: tuple[float, float]
    pen_up: float
    pen_touch: float
    pen_full: float
    pen_label: str
    paper_mm: tuple[float, float]

    @classmethod
    def of(cls, profile: Profile) -> ShownLimits:
        """The limits of a profile."""
        x_speed, y_speed = profile.machine.max_speed_mm_s
        return cls(
            profile.pen.draw_speed_mm_s,
            (float(x_speed), float(y_speed)),
            profile.pen.up,
            profile.pen.touch,
            profile.pen.full,
            "pen height, mm" if profile.pen.actuator == "z" else "pen servo, S",
            profile.paper.size_mm,
        )


def shows_reach(profile: Profile) -> bool:
    """Whether the machine's reach is more than its envelope, so that a picture of it tells something."""
    return bool(profile.machine.kinematics.faults)
