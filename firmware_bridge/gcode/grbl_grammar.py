"""What GRBL 1.1 makes of the words of a line: modal groups, and the same error numbers.

Nouns:
    group      commands of which a line may hold only one
    Modal      what stays in force from line to line
    LineOrder  what one line asks for, checked, before anything is carried out

Source: the modal groups and error numbers published in GRBL 1.1's documentation
(``doc/csv/error_codes_en_US.csv``, ``doc/markdown/commands.md``) and the RS274/NGC
order of execution.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_bridge.gcode.words import Line

MM_PER_INCH = 25.4
LINE_CHARS = 79
_GREATEST_LINE_NUMBER = 9999999
_GREATEST_TOOL = 255
_WORK_FRAMES = 6

# code times ten: (modal group, field of LineOrder, value)
G_CODES: dict[int, tuple[str, str, object]] = {
    40: ("one-shot", "one_shot", "dwell"),
    100: ("one-shot", "one_shot", "set frame"),
    280: ("one-shot", "one_shot", "home position 0"),
    281: ("one-shot", "one_shot", "store position 0"),
    300: ("one-shot", "one_shot", "home position 1"),
    301: ("one-shot", "one_shot", "store position 1"),
    530: ("one-shot", "one_shot", "machine frame"),
    920: ("one-shot", "one_shot", "shift frame"),
    921: ("one-shot", "one_shot", "unshift frame"),
    0: ("motion", "motion", "G0"),
    10: ("motion", "motion", "G1"),
    20: ("motion", "motion", "G2"),
    30: ("motion", "motion", "G3"),
    800: ("motion", "motion", "G80"),
    170: ("plane", "plane", "G17"),
    180: ("plane", "plane", "G18"),
    190: ("plane", "plane", "G19"),
    900: ("distance", "distance", "G90"),
    910: ("distance", "distance", "G91"),
    911: ("arc distance", "", None),
    930: ("feed mode", "feed_mode", "G93"),
    940: ("feed mode", "feed_mode", "G94"),
    200: ("units", "units", "G20"),
    210: ("units", "units", "G21"),
    400: ("cutter", "", None),
    490: ("tool length", "", None),
    610: ("control", "", None),
    **{540 + 10 * i: ("frame", "frame", i) for i in range(_WORK_FRAMES)},
}
M_CODES: dict[int, tuple[str, str, object]] = {
    0: ("program", "program", "pause"),
    1: ("program", "", None),
    2: ("program", "program", "end"),
    30: ("program", "program", "end"),
    3: ("spindle", "spindle", "M3"),
    4: ("spindle", "spindle", "M4"),
    5: ("spindle", "spindle", "M5"),
    7: ("coolant", "", None),
    8: ("coolant", "", None),
    9: ("coolant", "", None),
}
_ONE_SHOTS_WITH_AXES = {
    "set frame",
    "home position 0",
    "home position 1",
    "store position 0",
    "store position 1",
    "shift frame",
}


class GcodeError(Exception):
    """A line was refused; ``code`` is the firmware's error number."""

    def __init__(self, code: int) -> None:
        super().__init__(f"error:{code}")
        self.code = code


@dataclass(slots=True)
class Modal:
    """What stays in force between lines. Lengths in mm, feed as written (mm/min or 1/min)."""

    motion: str = "G0"
    plane: str = "G17"
    distance: str = "G90"
    feed_mode: str = "G94"
    units: str = "G21"
    frame: int = 0
    spindle: str = "M5"
    feed: float = 0.0
    spindle_speed: float = 0.0
    tool: int = 0

    def copy(self) -> Modal:
        """The same, to be changed."""
        return Modal(
            self.motion, self.plane, self.distance, self.feed_mode, self.units, self.frame, self.spindle,
            self.feed, self.spindle_speed, self.tool,
        )  # fmt: skip

    def words(self) -> str:
        """The answer to ``$G``, without its brackets."""
        return (
            f"GC:{self.motion} G{54 + self.frame} {self.plane} {self.units} {self.distance} "
            f"{self.feed_mode} {self.spindle} M9 T{self.tool} F{self.feed:.0f} S{self.spindle_speed:.0f}"
        )


@dataclass(slots=True)
class LineOrder:
    """What one checked line asks for.

    ``axes`` and ``offsets`` (I, J, K) are in mm; ``moves`` tells whether the axes are
    the target of the modal motion.
    """

    modal: Modal
    one_shot: str = ""
    axes: dict[str, float] = field(default_factory=dict)
    offsets: dict[str, float] = field(default_factory=dict)
    radius_mm: float | None = None
    dwell_s: float = 0.0
    frame_mode: int = 0
    frame_index: int = 0
    program: str = ""
    moves: bool = False


def check_line(line: Line, modal: Modal, jog: bool = False) -> LineOrder:
    """Checks one line against what is in force.

    Args:
        line: any line but a ``$`` line.
        modal: the state before the line; it is not changed.
        jog: True for the part after ``$J=``.

    Raises:
        GcodeError: with the number that GRBL 1.1 gives.
    """
    order = LineOrder(modal.copy())
    groups: set[str] = set()
    values: dict[str, float] = {}
    motion_word = False
    if line.margin.number is not None:
        values["N"] = float(line.margin.number)
    for letter, value, _ in line.words:
        if value != value:
            raise GcodeError(2)
        if letter in "GM":
            group = _take_command(letter, value, order)
            if group in groups:
                raise GcodeError(21)
            groups.add(group)
            motion_word = motion_word or group == "motion"
        elif letter in "FIJKLNPRSTXYZ":
            if letter in values:
                raise GcodeError(25)
            if letter in "FNPTS" and value < 0:
                raise GcodeError(4)
            values[letter] = value
        else:
            raise GcodeError(20)
    if line.margin.unread or line.margin.checksum is not None or line.margin.tape_mark:
        raise GcodeError(1)
    if values.get("N", 0.0) < 0:
        raise GcodeError(4)
    if modal.feed_mode == "G93" and order.modal.feed_mode == "G94":
        order.modal.feed = 0.0  # an inverse time is no speed
    if jog:
        _check_jog(groups, order, values)
    if motion_word and order.one_shot in _ONE_SHOTS_WITH_AXES and order.modal.motion != "G80":
        raise GcodeError(24)
    _use_values(order, values, motion_word, jog)
    return order


def _take_command(letter: str, value: float, order: LineOrder) -> str:
    """Puts one G or M word into the order and returns its modal group."""
    tenths = round(value * 10)
    if abs(value * 10 - tenths) > 1e-6:
        raise GcodeError(23)
    if letter == "M":
        if tenths % 10:
            raise GcodeError(23)
        table, key = M_CODES, tenths // 10
    else:
        table, key = G_CODES, tenths
    if key not in table:
        raise GcodeError(29 if letter == "G" and 590 < tenths <= 593 else 20)
    group, name, what = table[key]
    if name in ("one_shot", "program"):
        setattr(order, name, what)
    elif name:
        setattr(order.modal, name, what)
    return group


def _check_jog(groups: set[str], order: LineOrder, values: dict[str, float]) -> None:
    if groups - {"units", "distance", "one-shot"} or order.one_shot not in ("", "machine frame"):
        raise GcodeError(16)
    if set(values) - set("FNXYZ"):
        raise GcodeError(16)
    if not set(values) & set("XYZ"):
        raise GcodeError(26)
    if not values.get("F"):
        raise GcodeError(22)
    order.modal.motion = "G1"
    order.modal.feed_mode = "G94"


def _use_values(order: LineOrder, values: dict[str, float], motion_word: bool, jog: bool) -> None:
    """Gives every value word to the command that uses it; what is left is error 36."""
    modal = order.modal
    scale = MM_PER_INCH if modal.units == "G20" else 1.0
    axes = {a: values.pop(a) * scale for a in "XYZ" if a in values}
    if values.pop("N", 0.0) > _GREATEST_LINE_NUMBER:
        raise GcodeError(27)
    order.moves = bool(axes) and order.one_shot not in _ONE_SHOTS_WITH_AXES
    _use_feed(order, values, scale)
    if "S" in values:
        modal.spindle_speed = values.pop("S")
    if "T" in values:
        modal.tool = int(values.pop("T"))
        if modal.tool > _GREATEST_TOOL:
            raise GcodeError(38)
    if order.one_shot == "dwell":
        if "P" not in values:
            raise GcodeError(28)
        order.dwell_s = values.pop("P")
    elif order.one_shot == "set frame":
        _use_frame(order, axes, values)
    elif order.one_shot == "shift frame" and not axes:
        raise GcodeError(26)
    elif order.one_shot == "machine frame" and modal.motion not in ("G0", "G1"):
        raise GcodeError(30)
    order.axes = axes
    _use_motion(order, axes, values, scale, motion_word)
    if values and not (jog and set(values) <= {"F"}):
        raise GcodeError(36)


def _use_feed(order: LineOrder, values: dict[str, float], scale: float) -> None:
    modal = order.modal
    given = values.pop("F", None)
    if modal.feed_mode == "G93":
        if order.moves and modal.motion not in ("G0", "G80") and not given:
            raise GcodeError(22)
        modal.feed = given or 0.0
    elif given is not None:
        modal.feed = given * scale


def _use_frame(order: LineOrder, axes: dict[str, float], values: dict[str, float]) -> None:
    if not axes:
        raise GcodeError(26)
    if "P" not in values or "L" not in values:
        raise GcodeError(28)
    index, mode = int(values.pop("P")), int(values.pop("L"))
    if mode not in (2, 20):
        raise GcodeError(20)
    if index > _WORK_FRAMES:
        raise GcodeError(29)
    order.frame_mode = mode
    order.frame_index = order.modal.frame if index == 0 else index - 1


def _use_motion(
    order: LineOrder, axes: dict[str, float], values: dict[str, float], scale: float, motion_word: bool
) -> None:
    motion = order.modal.motion
    if motion == "G80":
        if order.moves:
            raise GcodeError(31)
        return
    if motion == "G0" or not (order.moves or motion_word):
        return
    if order.modal.feed == 0.0 and order.one_shot not in _ONE_SHOTS_WITH_AXES:
        raise GcodeError(22)
    if motion == "G1":
        return
    if not axes:
        raise GcodeError(26)
    plane = {"G17": "XY", "G18": "ZX", "G19": "YZ"}[order.modal.plane]
    if not set(axes) & set(plane):
        raise GcodeError(32)
    order.offsets = {a: values.pop(a) * scale for a in "IJK" if a in values}
    if "R" in values:
        order.radius_mm = values.pop("R") * scale
    elif not {"XYZ"["IJK".index(a)] for a in order.offsets} & set(plane):
        raise GcodeError(35)
