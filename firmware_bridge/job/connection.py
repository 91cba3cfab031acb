"""A machine on an open port, at rest or moved by hand; ``device`` adds the drawing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Self

from firmware_bridge.checks import controller_settings
from firmware_bridge.checks.as_told import Taken, as_told
from firmware_bridge.control import control_of
from firmware_bridge.control.base import WorkFrame
from firmware_bridge.dialects.base import Facts
from firmware_bridge.errors import DeviceRejected, PreflightError, ProtocolError
from firmware_bridge.events import Position
from firmware_bridge.job import connection
from firmware_bridge.joint_moves import joint_step
from firmware_bridge.machine import MachineProfile
from firmware_bridge.stream.link import Link, require_moved
from firmware_bridge.transports import Transport

# The real one does nothing but home for up to this long, and answers only at the end.
_HOME_TIMEOUT_S = 180.0
# Counters closer to zero than this are those of a restart.
_ZERO_MM = 0.05


# The words of the place where the tool stands, or those of the machine's own frame.
Origin = tuple[float, float] | Literal["machine"]
# Locked after an alarm, moving, of a place that is not known since it restarted, or ready.
Condition = Literal["locked", "busy", "unplaced", "ready"]


class Connected:
    """A connected machine.

    Attributes:
        machine: the profile.
        window: what may be under way while it draws.
        frame: what was in force when it was met.
    """

    def __init__(self, machine: MachineProfile, link: Link) -> None:
        """Greets the machine on an open link; see ``open_device``."""
        self.machine = machine
        self._link = link
        self._control = control_of(machine.dialect)
        self._placed_restarts = 0
        self._meet()
        # A board that is locked when it is met has lost its place, or never knew it.
        self._locked = self._control.is_locked(link)
        self.frame = self._learn_frame()

    def _learn_frame(self) -> WorkFrame:
        """What is in force; no more than the offset where the machine is too busy to tell."""
        try:
            return self._control.frame(self._link)
        except (DeviceRejected, ProtocolError):
            return WorkFrame(self._link.state.offset_mm)

    def _meet(self) -> None:
        """Greets the machine, and learns what it is."""
        self._link.learn(self._control.greet(self._link))
        self.window = self._link.dialect.window(self.machine, self._link.state.facts)

    @property
    def restarted(self) -> bool:
        """Whether it greeted unasked, as when the port was opened, since its place was last known.

        Its counters have begun anew then. Homing makes its place known, and whoever draws has seen to it.
        """
        return self._link.state.restarts > self._placed_restarts

    @property
    def place_lost(self) -> bool:
        """Whether the machine may have lost its place: it restarted, or was locked when it was met."""
        return not self.measures_itself and (self.restarted or self._locked)

    def _place_known(self) -> None:
        self._locked = False
        self._placed_restarts = self._link.state.restarts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def transport(self) -> Transport:
        """The wire; that of ``sim://grbl`` also has ``recording()`` and ``controller``."""
        return self._link.transport

    @property
    def state(self) -> str:
        """The last state that the machine reported, such as ``Idle`` or ``Hold:0``."""
        return self._link.state.label

    @property
    def place(self) -> Position | None:
        """Where the tool is, machine mm and the pen's own units, by the last report; None if not told."""
        return self._link.state.position

    @property
    def is_locked(self) -> bool:
        """Whether it takes no motion before it is homed or unlocked."""
        return self._control.is_locked(self._link)

    def look(self) -> None:
        """Asks for state and place of a machine that does not draw.

        Raises:
            DeviceAlarm: if it raises an alarm.
            ResponseTimeout: if it is silent.
            PortError: if the port went away.
        """
        self._link.poll()

    @property
    def facts(self) -> Facts:
        """What the machine told about itself at the start: firmware, sizes, stored settings."""
        return self._link.state.facts

    def describe(self) -> list[str]:
        """What is there, in what state it is, and what to do: one line each."""
        state, frame = self._link.state, self.frame
        firmware, label = self.facts.firmware or self.machine.dialect, state.label or "tells no state"
        told = [f"{firmware} on {self.transport.name}: {label}"]
        if state.position is None:
            told.append("  place: not told")
        else:
            x, y, pen = state.position.x_mm, state.position.y_mm, state.position.pen
            told.append(f"  place: x {x:.2f}, y {y:.2f} mm, pen {pen:g}")
        if frame.offset_mm is not None:
            offset = ", ".join(f"{value:g}" for value in frame.offset_mm[:3])
            told.append(f"  work frame: {frame.chosen or 'of unknown name'}, at {offset} mm of the machine's")
        if frame.words:
            told.append(f"  in force: {' '.join(frame.words)}")
        limits = self._link.dialect.limits(self.machine, self.facts)
        switches = [("homing", limits.homing), ("soft limits", limits.soft_limits)]
        known = [f"{name} {'on' if on else 'off'}" for name, on in switches if on is not None]
        if known:
            told.append(f"  {', '.join(known)}")
        told.append(f"  {self._advice()}")
        return told

    @property
    def condition(self) -> Condition:
        """What keeps it from drawing, if anything does."""
        label = self._link.state.label
        if self.is_locked:
            return "locked"
        if label and label != "Idle":
            return "busy"
        return "unplaced" if self.place_lost else "ready"

    def _advice(self) -> str:
        return {
            "locked": "It is locked and may have lost its place: --home, or --unlock if it stands where it "
            "says.",
            "busy": f"It is busy ({self._link.state.label}): wait for it, or reset it.",
            "unplaced": "It started when the port was opened and counts from there: --home, or --origin "
            "here.",
            "ready": "It is ready.",
        }[self.condition]

    def as_told(self) -> tuple[MachineProfile, list[Taken], list[str]]:
        """The profile with what the machine itself tells; see ``checks.as_told``. It must stand still."""
        told = self._link.dialect.limits(self.machine, self.facts)
        offset = None
        if controller_settings.reach_known(told):
            try:
                offset = self._control.frame(self._link).offset_mm
            except (DeviceRejected, ProtocolError):
                offset = None  # then its travel is used
        return as_told(self.machine, told, self.facts, offset)

    @property
    def measures_itself(self) -> bool:
        """Whether the machine knows its place after any restart."""
        return self._link.dialect.manners.measures_itself

    def close(self) -> None:
        """Gives the port back."""
        self._link.transport.close()

    def abort_lift(
        self, pen: float | None = None, lowest_pen: float | None = None, place_lost: bool = False
    ) -> None:
        """Stops whatever runs and lifts the pen straight up.

        Args:
            pen: pen value to lift to; by default the one that is surely off the paper.
            lowest_pen: the lowest that the pen may be now, or None if that is not known.
            place_lost: whether the machine has lost its place: then a z pen is lifted by a distance.

        Raises:
            ResponseTimeout: if the machine does not answer.
            DeviceError: if it refuses to lift.
            PortError: if the port goes away.
        """
        up = self.machine.safe_pen if pen is None else pen
        self._control.stop_and_lift(self._link, up, lowest_pen, place_lost)

    # -- realtime --------------------------------------------------------------------------------

    def reset(self) -> None:
        """Starts the controller's counters anew; GRBL drops what was under way, Marlin draws it first.

        Raises:
            ResponseTimeout: if it does not come back.
        """
        self._control.reset(self._link)

    # -- by hand ---------------------------------------------------------------------------------

    def home(self, pen: bool = False) -> None:
        """Runs the homing cycle and returns when it is done.

        Args:
            pen: also homes the z axis of a pen where the cycle leaves it out (Marlin), which brings the
                pen down to its switch.

        Raises:
            DeviceError: if the machine has no homing, or a switch is not found.
        """
        if "home" not in self._link.dialect.commands:
            raise PreflightError("This machine measures its own place: homing is not needed.")
        commands = self._link.dialect.commands
        self._link.command(commands["home"], _HOME_TIMEOUT_S)
        if pen and self.machine.pen_actuator == "z" and "home pen" in commands:
            self._link.command(commands["home pen"], _HOME_TIMEOUT_S)
        self.wait_idle()
        self._place_known()

    def unlock(self) -> None:
        """Leaves an alarm without homing: whoever does so says that the machine stands where it believes."""
        if "unlock" in self._link.dialect.commands:
            self._link.command(self._link.dialect.commands["unlock"])
        self._link.poll()
        self._place_known()

    def make_ready(self, home: bool = False, unlock: bool = False, origin: Origin | None = None) -> None:
        """Homes or unlocks the machine where that is wanted, and says which words its place has.

        Args:
            home: run the homing cycle.
            unlock: leave an alarm where the machine stands.
            origin: the words (x, y in mm) of the place where the tool stands, ``machine`` for those of
                the machine's own frame, or None to leave the frame as it is.

        Raises:
            PreflightError: if the firmware cannot do that.
            DeviceError: if the machine refuses.
        """
        if home:
            self.home()
        elif unlock:
            self.unlock()
        if origin is not None:
            self._control.require_idle(self._link)
            self._control.set_origin(self._link, *((None, None) if origin == "machine" else origin))
            self.frame = self._learn_frame()

    def jog(self, dx_mm: float = 0.0, dy_mm: float = 0.0, dpen: float = 0.0, feed_mm_s: float = 20.0) -> None:
        """Moves by a small step and returns when it is done.

        Raises:
            PreflightError: if the step would leave the envelope.
            ReachError: if a machine that takes joint values cannot reach its end.
            ProgramError: if there is no step.
        """
        with self._putting_back():
            connection.jog(self._link, self.machine, (dx_mm, dy_mm, dpen), feed_mm_s)
            self.wait_idle()

    @property
    def counts_from_zero(self) -> bool:
        """Whether its counters are zero, as after a restart: then a height is that above where it stood."""
        status, offset = self._link.state.status, self._link.state.offset_mm or (0.0, 0.0, 0.0)
        if status is None or self.measures_itself:
            return False
        place = status.machine_mm
        if place is None:
            place = tuple(w + o for w, o in zip(status.work_mm or (), offset, strict=False))
        return bool(place) and all(abs(v) <= _ZERO_MM for v in place[:3])

    def lift_pen(self, value: float) -> None:
        """Lifts the pen to a value of its axis, or leaves a z pen that is there or higher.

        Raises:
            DeviceError: if the machine is locked or moves.
            PreflightError: if the value is outside the envelope.
        """
        self._control.require_idle(self._link)  # one that moves may lower it in the next moment
        here = self._link.state.position
        if here is None or self.machine.pen_actuator == "servo" or here.pen < value:
            self.move_pen(value)

    def move_pen(self, value: float) -> None:
        """Moves only the pen, to a value of its axis.

        Raises:
            PreflightError: if the value is outside the envelope.
        """
        with self._putting_back():
            connection.move_pen(self._link, self.machine, value)
            self.wait_idle()

    @contextmanager
    def _putting_back(self) -> Iterator[None]:
        """The machine takes orders, and what is in force is put back at the end."""
        self._control.require_idle(self._link)
        before = self._control.frame(self._link)
        yield
        self._control.restore(self._link, before)

    def wait_idle(self) -> None:
        """Waits until the machine stands still.

        Raises:
            DeviceAlarm: if it is in an alarm.
            ResponseTimeout: if it neither moves nor becomes idle.
        """
        self._control.wait_idle(self._link)


# A slow pen axis over its whole way, for a firmware that answers when it has arrived.
_PEN_TIMEOUT_S = 30.0


def jog(link: Link, machine: MachineProfile, step: tuple[float, float, float], feed_mm_s: float) -> None:
    """Sends a small step of x and y (mm) and the pen (its unit); see ``Device.jog``."""
    dx_mm, dy_mm, dpen = step
    if dpen and machine.pen_actuator == "servo":
        raise PreflightError("A servo pen cannot be jogged: move it to a value instead.")
    link.poll()
    here, box = link.state.position, machine.envelope
    if here is None:
        raise PreflightError("The machine does not say where it stands: it cannot be jogged.")
    _check_jog("x", here.x_mm, dx_mm, box.x_min_mm, box.x_max_mm)
    _check_jog("y", here.y_mm, dy_mm, box.y_min_mm, box.y_max_mm)
    _check_jog("the pen", here.pen, dpen, box.pen_min, box.pen_max)
    if machine.raw_joints and (dx_mm or dy_mm):
        dx_mm, dy_mm, feed_mm_s = joint_step((here.x_mm, here.y_mm), (dx_mm, dy_mm), feed_mm_s, machine)
    for line in link.dialect.jog_lines(dx_mm, dy_mm, dpen, feed_mm_s):
        require_moved(link.command(line, _PEN_TIMEOUT_S))


def move_pen(link: Link, machine: MachineProfile, value: float) -> None:
    """Sends the pen to a value of its axis; see ``Device.move_pen``."""
    box = machine.envelope
    if not box.pen_min <= value <= box.pen_max:
        raise PreflightError(
            f"The pen value {value:g} is outside {box.pen_min:g} to {box.pen_max:g}: choose one inside."
        )
    link.poll()
    for line in link.dialect.pen_lines(value, machine, here=link.state.position):
        require_moved(link.command(line, _PEN_TIMEOUT_S))


def _check_jog(axis: str, now: float, step: float, low: float, high: float) -> None:
    """Refuses a step that ends outside the envelope and leads further out."""
    goal = now + step
    outside = max(low - goal, goal - high)
    if step and outside > 0 and outside > max(low - now, now - high):
        raise PreflightError(
            f"The jog takes {axis} to {goal:.2f}, outside {low:g} to {high:g}: take a smaller step."
        )
