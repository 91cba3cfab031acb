"""Faults of the machine itself: restarts, alarms, doors, power cuts, unplugged cables, silence."""

from __future__ import annotations

from firmware_bridge.simulator.faults.base import Fault
from firmware_bridge.simulator.grbl.controller import VirtualGrbl
from firmware_bridge.simulator.grbl.states import ALARM_HARD_LIMIT, DOOR, RESET, RESUME
from firmware_bridge.simulator.marlin.controller import VirtualMarlin
from firmware_bridge.simulator.uarm.controller import VirtualUarm
from firmware_bridge.simulator.wire import Piece

_DOOR_S = (0.5, 30.0)
_PAUSE_S = (0.5, 25.0)
_OFF_S = (0.0, 20.0)


class Timed(Fault):
    """Something that happens once, at a time."""

    def _armed(self, span_s: float) -> None:
        self.wire.at(self.begin_s, self._strike)

    def _strike(self) -> None:
        self.struck += 1
        self._happen()

    def _happen(self) -> None:
        """What happens."""


class Restart(Timed):
    """The firmware restarts in the middle of a stroke; GRBL keeps its place then, Marlin does not."""

    def _happen(self) -> None:
        controller = self.wire.controller
        if isinstance(controller, VirtualGrbl):
            controller.receive(bytes([RESET]))
        else:
            controller.power_cycle()


class PowerCut(Timed):
    """The power goes and comes back: the firmware forgets where the tool is."""

    def _happen(self) -> None:
        self.off = self.dead = True
        self.wire.power_cycle()  # nothing is heard or said until it is switched on again
        self.wire.at(self.wire.now_s + self.random.uniform(*_OFF_S), self._back)

    def _armed(self, span_s: float) -> None:
        self.off = False
        super()._armed(span_s)

    def _back(self) -> None:
        self.off = self.dead = False
        self.wire.power_cycle()

    def _to_machine(self, data: bytes) -> list[Piece]:
        return [] if self.off else [(0.0, data)]

    def _to_host(self, line: bytes) -> list[Piece]:
        return [] if self.off else [(0.0, line)]


class AlarmStop(Timed):
    """A limit switch, or what stops that machine for good."""

    def _happen(self) -> None:
        controller = self.wire.controller
        if isinstance(controller, VirtualGrbl):
            controller.raise_alarm(ALARM_HARD_LIMIT)
        elif isinstance(controller, VirtualMarlin):
            controller.critical("M112")
            self.dead = True
        elif isinstance(controller, VirtualUarm):
            controller.switch_power_off()
            self.dead = True


class OpenDoor(Timed):
    """The safety door opens and is closed again; a Marlin board says that it waits for its user."""

    def _armed(self, span_s: float) -> None:
        self.until_s = 0.0
        super()._armed(span_s)

    def _happen(self) -> None:
        controller, wait_s = self.wire.controller, self.random.uniform(*_DOOR_S)
        if isinstance(controller, VirtualGrbl):
            controller.receive(bytes([DOOR]))
            self.wire.at(self.wire.now_s + wait_s, lambda: controller.receive(bytes([RESUME])))
            return
        self.until_s = self.wire.now_s + wait_s
        if isinstance(controller, VirtualMarlin):
            for second in range(int(wait_s)):
                self.wire.at(
                    self.wire.now_s + second,
                    lambda: self.wire.send_to_host(b"echo:busy: paused for user\r\n"),
                )

    def _to_machine(self, data: bytes) -> list[Piece]:
        return [(max(self.until_s - self.wire.now_s, 0.0), data)]


class Unplugged(Timed):
    """The cable is pulled: the port is gone."""

    def _armed(self, span_s: float) -> None:
        self.plugged_s = float("inf")
        super()._armed(span_s)

    def _happen(self) -> None:
        self.wire.cut()
        self.wire.broken = True
        self.dead = True

    def _to_machine(self, data: bytes) -> list[Piece]:
        return [] if self.wire.broken else [(0.0, data)]

    def _to_host(self, line: bytes) -> list[Piece]:
        return [] if self.wire.broken else [(0.0, line)]


class Replugged(Unplugged):
    """The cable is pulled, and put back later: the host may open the port again."""

    def _happen(self) -> None:
        super()._happen()
        self.wire.at(self.wire.now_s + self.random.uniform(*_OFF_S), self._back)

    def _back(self) -> None:
        self.dead = False
        self.wire.cut()
        self.wire.broken = False


class Silence(Timed):
    """The machine neither hears nor speaks any more; what it has taken may still be drawn."""

    def _armed(self, span_s: float) -> None:
        super()._armed(span_s)

    def _happen(self) -> None:
        self.dead = True
        if self.random.random() < 0.5:
            self.wire.power_cycle()  # it hangs at once; what it had taken is gone

    def _to_machine(self, data: bytes) -> list[Piece]:
        return [] if self.dead else [(0.0, data)]

    def _to_host(self, line: bytes) -> list[Piece]:
        return [] if self.dead else [(0.0, line)]


class LongPause(Timed):
    """Both directions stand still for some seconds, and nothing is lost."""

    def _armed(self, span_s: float) -> None:
        self.until_s = 0.0
        super()._armed(span_s)

    def _happen(self) -> None:
        self.until_s = self.wire.now_s + self.random.uniform(*_PAUSE_S)
        self.dead = True
        self.wire.at(self.until_s, self._back)

    def _back(self) -> None:
        self.dead = False

    def _to_machine(self, data: bytes) -> list[Piece]:
        return [(max(self.until_s - self.wire.now_s, 0.0), data)]

    def _to_host(self, line: bytes) -> list[Piece]:
        return [(max(self.until_s - self.wire.now_s, 0.0), line)]
