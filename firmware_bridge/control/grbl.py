"""Manners of GRBL 1.1, grblHAL and FluidNC.

Stopping in the middle of anything: feed hold, wait until the machine stands, reset (which
keeps the position, because nothing moves), unlock if an alarm is left, lift straight up in
the machine frame (a reset forgets a shifted work frame), wait until the pen is up.

Meeting: wait for the greeting of a board that restarts when its port is opened, else ask
for its status. An ESP32 says much before it greets, and takes 4 to 14 s; any word of the firmware is
a sign of life. After the alarms 1 and 2 GRBL hears nothing but a reset, so a port that is silent is
reset last of all. ``$I`` tells the firmware and, as ``[OPT:V,15,128]``, the sizes of its planner
and of its receive buffer, which decide how much may be under way.

What is in force: ``$G`` tells the modal words and the chosen frame, ``$#`` the stored frames and the
shift of G92. A reset forgets the shift and the words and chooses G54, so whoever resets puts back
what was (``restore``).

GRBL's check mode (``$C``): the controller reads every line and answers it, and nothing moves.
It finds what no model of the firmware can promise: lines that this build refuses, and targets
beyond its soft limits. Leaving it resets the controller.

Sources: GRBL 1.1 commands and interface documentation (gnea/grbl, doc/markdown); what ESP32 boards
say while they start, from the threads of FluidNC's users.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

from firmware_bridge.control.base import WorkFrame, identify, refuse, rise_mm
from firmware_bridge.dialects.base import (
    Alarm,
    Banner,
    Facts,
    Message,
    Ok,
    Realtime,
    Rejected,
    Reply,
    Setting,
    Status,
    Unknown,
    WindowSize,
)
from firmware_bridge.dialects.grbl_limits import FLUIDNC_PATHS
from firmware_bridge.dialects.numbers import decimal
from firmware_bridge.errors import (
    DeviceAlarm,
    DeviceRejected,
    PlaceLost,
    ProtocolError,
    ResponseTimeout,
)
from firmware_bridge.gcode.grbl_grammar import MM_PER_INCH
from firmware_bridge.gcode.reader import Point
from firmware_bridge.gcode.words import Line, file_line
from firmware_bridge.stream.link import BUSY_LIMIT_S, POLL_S, Link
from firmware_bridge.stream.streamer import Streamer
from firmware_bridge.stream.watchdog import NO_PROGRESS_S, WAITING_STATES

_PROBES = 3
_PROBE_S = 0.7
# How often a board may greet while it is met.
_GREETINGS = 3
# A board that says something while it starts is waited for so long: with WiFi it takes up to 14 s.
_LATE_S = 20.0
# What the loader of an ESP32 says before the firmware runs.
_STARTING = re.compile(r"^ets |^rst:0x|boot:0x|^configsip|^entry 0x|^load:0x|^\[MSG:")
# What every file counts on and may leave out.
_USUAL_WORDS = ("G17", "G21", "G90", "G94")
_KEPT_WORDS = ("G17", "G18", "G19", "G20", "G21", "G90", "G91", "G93", "G94")
_FRAME = re.compile(r"G5[4-9]")
# An old firmware writes its status and its errors in another form.
_OLD_VERSION = re.compile(r"0\.")
# A machine at 2000 mm/s slows down from it in 2 s even at the least acceleration in use.
_HOLD_TIMEOUT_S = 10.0
_RESET_TIMEOUT_S = 5.0
# A slow pen axis over its whole way.
_LIFT_TIMEOUT_S = 30.0
# A silent machine is asked for so long to lift its pen: a loose plug or a fuse may come back.
_RETURN_S = 30.0
# The offset comes in one of 30 reports while the machine moves, and in one of 10 at rest.
_OFFSET_REPORTS = 32
_OFFSET_POLL_S = 0.02
# After these nothing but a reset is heard.
_DEAF_ALARMS = (1, 2)
# What grblHAL tells of an alarm of its own start: homing is required.
_LOCKED_AT_START = ("Alarm", "Alarm:11")
# States in which the machine surely stands, or listens to a reset alone (homing). In any other it may move.
_STANDING = ("Idle", "Hold", "Hold:0", "Door", "Door:0", "Door:1", "Check", "Sleep", "Tool", "Home")


class GrblControl:
    """The manners, for the registry."""

    def greet(self, link: Link) -> Facts:
        """Meets the machine; see ``Control.greet``."""
        for _ in range(_GREETINGS):
            if not _wake(link) and not _finish_open_line(link) and self.is_locked(link):
                _resets(link)  # after the alarms 1 and 2 some builds tell their state, and hear no line
            restarts = link.state.restarts
            try:
                link.poll()
                facts = _read_facts(link)
                link.learn(facts)  # in which unit it reports
                _learn_offset(link)
                return facts
            except ProtocolError:
                if link.state.restarts == restarts:
                    raise
                # It greeted late, in the middle of an answer.
        raise ProtocolError(f"{link.transport.name} restarts again and again: check its power supply.")

    def is_locked(self, link: Link) -> bool:
        """In an alarm; see ``Control.is_locked``."""
        return link.state.label.startswith("Alarm")

    def require_idle(self, link: Link) -> None:
        """Passes an idle machine; see ``Control.require_idle``."""
        status = link.poll()
        if status.state == "Alarm":
            raise DeviceAlarm(
                "The machine is locked, as after a start with homing on, or by an alarm: "
                "home it (--home), or unlock it where it stands (--unlock)."
            )
        if status.state == "Tool":
            raise DeviceRejected("The machine waits for a tool change: finish it there, or reset it.")
        if status.state != "Idle":
            raise DeviceRejected(f"The machine is busy ({status.label}): wait for it, or reset it.")

    def prepare(self, link: Link, pen: float) -> None:
        """Nothing: the lines themselves begin with a lift."""

    def wait_idle(self, link: Link) -> None:
        """Waits until the machine stands still; see ``Control.wait_idle``."""
        begin_s = progress_s = link.now_s()
        place = link.state.raw_place_mm
        while True:
            status = link.poll()
            if status.state == "Idle":
                return
            if status.state == "Alarm":
                raise DeviceAlarm("The machine is in an alarm: find its cause, then home or unlock it.")
            if link.state.raw_place_mm != place:
                place, progress_s = link.state.raw_place_mm, link.now_s()
            if status.state in WAITING_STATES:
                progress_s = max(progress_s, min(link.now_s(), begin_s + BUSY_LIMIT_S))
            if link.now_s() - progress_s > NO_PROGRESS_S:
                raise ResponseTimeout(
                    f"The machine stays in state {status.label} and does not move: reset it."
                )
            link.pause(POLL_S / 2)

    def homing_lifts(self, link: Link) -> bool:
        """A z axis is homed first, upwards, unless a build was changed."""
        return link.machine.pen_actuator == "z"

    def stop_and_lift(
        self, link: Link, pen: float, lowest_pen: float | None = None, place_lost: bool = False
    ) -> None:
        """Stops whatever runs and lifts the pen; see ``Control.stop_and_lift``."""
        up_mm, restarts = rise_mm(link, pen, lowest_pen), link.state.restarts
        link.send_realtime(Realtime.HOLD)
        # After some alarms the machine hears nothing but a reset.
        deaf = link.state.alarm is not None and link.state.alarm.code in _DEAF_ALARMS
        heard = deaf or _wait_for_stand(link)
        # Locked without an alarm: it has restarted, though nobody heard its greeting.
        silent = link.state.label in _LOCKED_AT_START and link.state.alarm is None
        if heard and link.state.offset_mm is None and link.state.label.startswith("Hold"):
            _learn_offset(link)
        offset = link.state.offset_mm
        own = _reset(link, _RETURN_S)
        # Without the offset no height on the paper is one of the machine's frame.
        lost = place_lost or silent or link.state.restarts > restarts or not (heard or own) or offset is None
        offset = _learn_late(link, offset)
        if _state(link) != "Idle":
            # Where homing is off, a reset while it moved has locked it. FluidNC does not tell that.
            homing = bool(link.state.facts.settings.get("$22", 1.0))
            if lost and homing and link.machine.pen_actuator == "z":
                # Unlocked, it would take its counters for a place, and others would believe it.
                raise PlaceLost(
                    "The machine has restarted and is locked: no motion of it is right before it was homed."
                )
            link.command(link.dialect.commands["unlock"])
        if lost and link.machine.pen_actuator == "z":
            # No jog: in that state the line that waits for its end would be refused. Nor any move at
            # all where soft limits count from a place that is lost: they would raise an alarm.
            may_move = up_mm and not link.state.facts.settings.get("$20")
            lines = [f"G21 G91 G0 Z{decimal(up_mm)}", "G90"] if may_move else []
        else:
            lines = link.dialect.pen_lines(pen, link.machine, offset[2] if offset else None)
        for line in lines:
            link.command(line)
        link.command(link.dialect.commands["sync"], _LIFT_TIMEOUT_S)
        if _state(link):  # else its reports cannot be read, and the answer must do
            self.wait_idle(link)

    def frame(self, link: Link) -> WorkFrame:
        """From ``$G`` and ``$#``; see ``Control.frame``."""
        with link.listening(None):
            return _frame(link)

    def set_words(self, link: Link) -> None:
        """See ``Control.set_words``."""
        link.command(" ".join(_USUAL_WORDS))

    def restore(self, link: Link, frame: WorkFrame) -> None:
        """Chooses the frame, shifts it where it was shifted, and puts words back; see ``Control.restore``."""
        if frame.offset_mm is None:
            return
        now = self.frame(link)
        if not now.same_place(frame) and now.chosen != frame.chosen and frame.chosen:
            link.command(frame.chosen)
            now = self.frame(link)
        if not now.same_place(frame):
            link.command("G92.1")
            now = self.frame(link)
        if not now.same_place(frame):
            self._shift_to(link, frame.offset_mm)
            now = self.frame(link)
        words = [word for word in frame.words if word not in now.words]
        if words:
            link.command(" ".join(words))
        if not now.same_place(frame):
            raise ProtocolError(
                "The machine's work frame could not be put back as it was: set its origin anew."
            )
        link.learn_offset(frame.offset_mm)

    def set_origin(self, link: Link, x_mm: float | None, y_mm: float | None) -> None:
        """By a shift of the frame; see ``Control.set_origin``."""
        offset = list(self.frame(link).offset_mm or ())
        here = self._machine_place(link)
        for axis, word in enumerate((x_mm, y_mm)):
            offset[axis] = 0.0 if word is None else here[axis] - word
        self._shift_to(link, tuple(offset))
        link.learn_offset(tuple(offset))

    def _shift_to(self, link: Link, offset_mm: tuple[float, ...]) -> None:
        """Shifts the frame by G92, so that machine minus work position is this."""
        here = self._machine_place(link)
        words = (f"{a}{decimal(m - o)}" for a, m, o in zip("XYZ", here, offset_mm, strict=False))
        link.command(f"G21 G92 {' '.join(words)}")

    def _machine_place(self, link: Link) -> tuple[float, ...]:
        status, offset = link.poll(), link.state.offset_mm
        if status.machine_mm is not None:
            return status.machine_mm
        if status.work_mm is None or offset is None:
            raise ProtocolError("The machine does not say where it stands: check its $10 setting.")
        return tuple(w + o for w, o in zip(status.work_mm, offset, strict=False))

    def unreachable(self, link: Link, points: Sequence[Point]) -> list[Point]:
        """None: it knows no more than its travel; see ``Control.unreachable``."""
        del link, points
        return []

    def check_mode(self, link: Link, lines: Sequence[Line], window: WindowSize) -> bool:
        """Lets ``$C`` read the lines; see ``Control.check_mode``."""
        with link.listening(None):
            before = self.frame(link)
            link.command(link.dialect.commands["check"])
        streamer = Streamer(link, window)
        try:
            streamer.stream(lines)
        except DeviceAlarm as error:
            at = min(streamer.send_window.acknowledged, len(lines) - 1)
            raise DeviceAlarm(f"Line {file_line(lines[at], at)} '{lines[at][:40]}': {error}") from error
        finally:
            with link.listening(None):
                _leave_check(link)
                self.restore(link, before)
        return True

    def reset(self, link: Link) -> None:
        """Resets the controller and waits for its greeting; see ``Control.reset``."""
        _reset(link, _RESET_TIMEOUT_S)


def _learn_offset(link: Link) -> None:
    """Sees to it that the work offset is known: without it no report tells where the tool is.

    A machine at rest is asked; one that moves tells it in one report of a few dozen.
    """
    if _hears_questions(link):
        with link.listening(None):
            try:
                offset = _frame(link).offset_mm
                if offset is not None:
                    link.learn_offset(offset)
                return
            except (DeviceRejected, ProtocolError):
                pass  # a firmware that tells no frames
    for _ in range(_OFFSET_REPORTS):
        if link.state.offset_mm is not None:
            return
        link.poll()
        link.pause(_OFFSET_POLL_S)


def _hears_questions(link: Link) -> bool:
    """Whether the machine answers what it answers at rest alone; grblHAL adds the number of an alarm."""
    return link.state.label.partition(":")[0] in ("Idle", "Alarm")


def _learn_late(link: Link, offset_mm: tuple[float, ...] | None) -> tuple[float, ...] | None:
    """Asks a machine that was busy when it was met what it is, and gives the offset in mm.

    Until then it is not known in which unit it reports.
    """
    facts = link.state.facts
    if facts.firmware or facts.settings:
        return offset_mm
    with link.listening(None):
        link.poll()
        link.learn(_read_facts(link))
    if offset_mm is None or not link.state.facts.reports_inches:
        return offset_mm
    found = tuple(v * MM_PER_INCH for v in offset_mm)
    link.learn_offset(found)
    return found


def _leave_check(link: Link) -> None:
    """A reset leaves check mode, whatever was under way, and keeps the place, since nothing moved."""
    _reset(link, _RESET_TIMEOUT_S)
    if _state(link) == "Alarm":  # of a soft limit, of which nothing came
        link.command(link.dialect.commands["unlock"])
    link.poll()


def _wake(link: Link) -> bool:
    """Waits for a sign of life, and goes on as long as there are such signs.

    Returns:
        Whether it has greeted, so that no half line of an earlier program is left.

    Raises:
        ProtocolError: if nothing answers, or something else does.
    """
    heard: list[str] = []
    begin = link.now_s()
    wait_s, probes, starting = link.transport.boot_s, 0, False
    while probes < _PROBES or (starting and link.now_s() < begin + _LATE_S):
        found = _await_word(link, wait_s, heard)
        if isinstance(found, Banner):
            if _OLD_VERSION.match(found.version):
                raise ProtocolError(
                    f"{link.transport.name} runs version {found.version} of its firmware: update it to 1.1."
                )
            link.quiet()
            return True
        if isinstance(found, Status):
            return False
        starting = starting or found is not None
        if not starting and identify(heard) not in (None, link.dialect.name):
            break
        link.send_realtime(Realtime.STATUS)
        wait_s = _PROBE_S
        probes += 1
    # A line ends what another firmware may have made of the requests, and lets it speak.
    link.send_line("")
    if _answers(link, heard):
        return False
    while any(map(_STARTING.search, heard)) and link.now_s() < begin + _LATE_S:
        found = _await_word(link, _PROBE_S, heard)
        if isinstance(found, Banner | Status):
            return isinstance(found, Banner)
        link.send_realtime(Realtime.STATUS)
    if not heard and _resets(link):  # after the alarms 1 and 2 it hears nothing else
        return True
    refuse(link, heard)


def _await_word(link: Link, wait_s: float, heard: list[str]) -> Reply | None:
    """A greeting or a report; or any other sign that the firmware is starting; or None after the wait."""
    deadline = link.now_s() + wait_s
    found: Reply | None = None
    while link.now_s() < deadline:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout:
            break
        if isinstance(reply, Banner | Status):
            return reply
        if isinstance(reply, Unknown):
            heard.append(reply.text)
            if _STARTING.search(reply.text):
                found = reply
        elif isinstance(reply, Message | Setting | Alarm):
            found = reply
    return found


def _resets(link: Link) -> bool:
    """Whether a silent machine greets after a reset."""
    with link.resetting():
        link.send_realtime(Realtime.RESET)
        deadline = link.now_s() + _PROBE_S
        while link.now_s() < deadline:
            try:
                if isinstance(link.read(deadline - link.now_s()), Banner):
                    link.quiet()
                    return True
            except ResponseTimeout:
                break
    return False


def _answers(link: Link, heard: list[str]) -> bool:
    """Whether a status report comes soon; collects what is not understood."""
    deadline = link.now_s() + _PROBE_S
    while link.now_s() < deadline:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout:
            return False
        if isinstance(reply, Status):
            return True
        if isinstance(reply, Unknown):
            heard.append(reply.text)
    return False


def _finish_open_line(link: Link) -> bool:
    """Ends a half line that an earlier program may have left, and swallows its answer.

    Returns:
        Whether it was answered; a machine in a hold answers no lines.

    The sign makes it no G-code, so that half a number is refused and not drawn; an empty line
    after it ends the error state of grblHAL. Lines that the earlier program sent are answered first: a
    machine that stands is waited for until it has refused the sign. One that draws is not.
    """
    link.send_line("#")
    link.send_line("")
    answers, refused, stands = 0, False, link.state.label == "Idle"
    begin = link.now_s()
    deadline = begin + _PROBE_S
    while True:
        try:
            reply = link.read(deadline - link.now_s())
        except ResponseTimeout:
            return answers > 1  # a firmware that takes the sign
        if isinstance(reply, Ok | Rejected):
            answers += 1
            if (refused and isinstance(reply, Ok)) if stands else answers > 1:
                break
            refused = isinstance(reply, Rejected)
            deadline = min(link.now_s(), begin + _PROBE_S) + _PROBE_S
    if answers > 2:
        link.quiet()  # the refusal may have been that of an earlier line
    return True


def _state(link: Link) -> str:
    """The state that the machine reports, or nothing if its report cannot be read."""
    try:
        return link.poll().state
    except ResponseTimeout:
        return ""


def _reset(link: Link, wait_s: float) -> bool:
    """Resets the controller, again and again for a while, and waits for its greeting.

    Returns:
        Whether the greeting is surely that of this reset, since an alarm came before it: without
        one, a machine that was silent may have been switched on meanwhile.

    Raises:
        ResponseTimeout: if it does not come back.
    """
    with link.resetting():
        return _reset_until(link, link.now_s() + wait_s)


def _reset_until(link: Link, give_up_s: float) -> bool:
    alarmed = False
    while True:
        link.send_realtime(Realtime.RESET)
        deadline = min(link.now_s() + _RESET_TIMEOUT_S, give_up_s)
        while True:
            try:
                reply = link.read(deadline - link.now_s())
            except ResponseTimeout as cause:
                if link.now_s() < give_up_s:
                    break
                raise ResponseTimeout(
                    "The machine does not come back after a reset: switch it off and on."
                ) from cause
            alarmed = alarmed or isinstance(reply, Alarm)
            if isinstance(reply, Banner):
                return alarmed


def _wait_for_stand(link: Link) -> bool:
    """Waits until a hold has come to rest; gives up quietly where only a reset helps.

    Returns:
        Whether the machine was heard.
    """
    deadline = link.now_s() + _HOLD_TIMEOUT_S
    while link.now_s() < deadline:
        try:
            status = link.poll(POLL_S * 4)
        except DeviceAlarm:
            return True  # after some alarms the machine hears nothing but a reset
        except ResponseTimeout:
            return False
        if status.label in _STANDING or status.state == "Alarm":
            return True
        link.pause(POLL_S / 5)
    return True


# Sizes that no board has are a misread line.
_SIZES = (2, 65536)
_OPTIONS = re.compile(r"OPT:([^,]*)(?:,([0-9]{1,5}),([0-9]{1,5})(?:,.*)?)?")
_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_PLACE = re.compile(rf"(G5[4-9]|G92):({_NUMBER}(?:,{_NUMBER}){{2,8}})|(TLO):({_NUMBER})")


def _read_facts(link: Link) -> Facts:
    """What ``$I`` and ``$$`` tell; nothing if the machine is busy. What it refuses to tell is noted."""
    if not _hears_questions(link):
        return Facts(notes=("The machine was busy when it was connected and could not tell its limits",))
    notes: list[str] = []
    words = _modal_words(link)
    build = _texts(_asked(link, link.dialect.commands["build info"], notes))
    firmware = _firmware(build)
    settings = _settings(_asked(link, link.dialect.commands["settings"], notes))
    if firmware.startswith("FluidNC"):
        for path in FLUIDNC_PATHS:
            settings |= _settings(_asked(link, f"${path}", []))
    planner = rx = None
    options = ""
    for text in build:
        match = _OPTIONS.fullmatch(text)
        if not match:
            continue
        options = match[1]
        if match[2] and all(_SIZES[0] <= int(n) <= _SIZES[1] for n in match.groups()[1:]):
            planner, rx = int(match[2]), int(match[3])
    if not settings and not notes:
        notes.append("The machine has told no settings")
    return Facts(
        firmware,
        rx,
        planner,
        MappingProxyType(settings),
        reports_inches=bool(settings.get("$13")),
        # A reset puts the feed back to none, and no drawing leaves it so.
        fresh="F0" in words if words else None,
        repeats_error=firmware.startswith("grblHAL"),
        options=options,
        notes=tuple(notes),
    )


def _asked(link: Link, line: str, notes: list[str]) -> list[Reply]:
    """The answer to a question; none if the firmware does not know it, which is noted."""
    try:
        return link.command(line)
    except DeviceRejected:
        notes.append(f"The machine does not answer {line}")
        return []


def _settings(replies: list[Reply]) -> dict[str, float]:
    return {r.name: r.value for r in replies if isinstance(r, Setting)}


def _places(link: Link) -> dict[str, tuple[float, ...]]:
    """The stored frames G54 to G59, the shift of G92, and the length of the tool (one number)."""
    found: dict[str, tuple[float, ...]] = {}
    unit_mm = MM_PER_INCH if link.state.facts.reports_inches else 1.0
    for text in _texts(link.command(link.dialect.commands["frames"])):
        if match := _PLACE.fullmatch(text):
            found[match[1] or match[3]] = tuple(unit_mm * float(v) for v in (match[2] or match[4]).split(","))
    return found


def _frame(link: Link) -> WorkFrame:
    """The frame in force, from ``$#`` and ``$G``.

    Raises:
        ProtocolError: if the machine does not tell them understandably.
    """
    found = _places(link)
    words = _modal_words(link)
    chosen = next((word for word in words if _FRAME.fullmatch(word)), "")
    if chosen not in found:
        raise ProtocolError(f"{link.transport.name} does not tell its work frame: check the dialect.")
    offset = list(found[chosen])
    for i, shift in enumerate(found.get("G92", ())[: len(offset)]):
        offset[i] += shift
    if "TLO" in found:
        offset[2] += found["TLO"][0]
    return WorkFrame(tuple(offset), chosen, tuple(word for word in words if word in _KEPT_WORDS))


def _modal_words(link: Link) -> list[str]:
    """The words in force, as ``$G`` tells them."""
    texts = _texts(link.command(link.dialect.commands["modes"]))
    return next((text.removeprefix("GC:").split() for text in texts if text.startswith("GC:")), [])


def _texts(replies: list[Reply]) -> list[str]:
    return [reply.text for reply in replies if isinstance(reply, Message)]


def _firmware(build: list[str]) -> str:
    """``grblHAL``, ``FluidNC`` or ``GRBL``, with the version where it is told."""
    version = next((t.removeprefix("VER:").split(":")[0] for t in build if t.startswith("VER:")), "")
    name = next((t.removeprefix("FIRMWARE:") for t in build if t.startswith("FIRMWARE:")), "")
    if "FluidNC " in version:  # "3.9 FluidNC v3.9.9 (wifi)": the first number is the protocol's
        name, version = "FluidNC", version.partition("FluidNC ")[2].partition(" ")[0]
    name = name or "GRBL"
    return f"{name} {version}".strip()
