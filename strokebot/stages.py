"""Stages that are kept until something changes that they depend on.

Nouns:
    stage      a pure function whose parameters name what it depends on: earlier stages,
               and things that are given from outside (options, a file)
    version    a number that stands for a value: the same value, the same version
    key        the versions of all that a stage depends on, by which its result is kept
    closure    a stage and everything that it depends on, directly or not

A stage runs if its key differs from the one that its kept result has. Where equal results
mean the same to every stage behind it, the stage says so by ``same``: a result that equals the
one before keeps its version, and the stages behind it are left alone (a drawing that is only
moved keeps its scale, and so its gesture). Dependencies are thus the parameters of functions,
and nothing that a stage could forget to name: it has nothing else to work with.

A stage may answer None for "there is none here" (no network in a drawing of lines). Then every stage
that depends on it answers None as well, without running, but for parameters with a default.

The idea is that of build systems with early cut-off (Mokhov, Mitchell, Peyton Jones, "Build Systems
à la Carte", 2018), with functions in place of files.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from strokebot.errors import PlanningStopped

# Called with what is done now, and the share of all work that is done, in [0, 1].
Progress = Callable[[str, float], None]
# Asked between steps: True ends the work with ``PlanningStopped``.
Stop = Callable[[], bool]
# Called with the name and the value of each stage that a call brings, in order.
Seen = Callable[[str, Any], None]
# Called by a stage with the share of it that is done.
Tell = Callable[[float], None]

_TELL = "tell"


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        run: the function. A parameter ``tell`` takes a ``Tell``; the others name its inputs.
        told: what a person reads while it runs; stages may share it.
        weight: its usual share of the time, in units of any size.
        same: whether two results are the same to the stages behind; None if each is new.
    """

    run: Callable[..., Any]
    told: str
    weight: float = 0.0
    same: Callable[[Any, Any], bool] | None = None
    inputs: tuple[str, ...] = field(init=False)
    needed: frozenset[str] = field(init=False)
    tells: bool = field(init=False)

    def __post_init__(self) -> None:
        found = inspect.signature(self.run).parameters
        names = tuple(name for name in found if name != _TELL)
        object.__setattr__(self, "inputs", names)
        needed = frozenset(name for name in names if found[name].default is inspect.Parameter.empty)
        object.__setattr__(self, "needed", needed)
        object.__setattr__(self, "tells", _TELL in found)


class Stages:
    """A table of stages, checked: every input is a stage before or a given.

    Args:
        given: names of what comes from outside.
        table: the stages by their names, each after those that it depends on.

    Raises:
        ValueError: for a name that stands twice, or an input that is neither.
    """

    def __init__(self, given: Iterable[str], table: Mapping[str, Stage]) -> None:
        self.given = frozenset(given)
        self.table = dict(table)
        known = set(self.given)
        for name, stage in self.table.items():
            if name in known:
                raise ValueError(f"'{name}' stands for two things.")
            if missing := set(stage.inputs) - known:
                raise ValueError(f"Stage '{name}' needs {sorted(missing)}, which no earlier stage makes.")
            known.add(name)

    def closure(self, names: Iterable[str]) -> list[str]:
        """The stages that some stages depend on, and they themselves, in the table's order."""
        wanted = set(names)
        for name, stage in reversed(self.table.items()):
            if name in wanted:
                wanted.update(stage.inputs)
        return [name for name in self.table if name in wanted]

    def behind(self, given: str) -> set[str]:
        """The stages that depend on something given, directly or not."""
        found = {given}
        for name, stage in self.table.items():
            if not found.isdisjoint(stage.inputs):
                found.add(name)
        return found - {given}


@dataclass(frozen=True)
class _Kept:
    key: tuple[Hashable, ...]
    version: int
    value: Any


@dataclass
class Pass:
    """What one call of ``Kept.values`` did.

    Attributes:
        ran: names of the stages that ran, in order.
        seconds: seconds by what was told, in order of first appearance.
    """

    ran: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class Kept:
    """The last result of every stage, for one thread at a time.

    Args:
        stages: the table.
        forget: drop each result as soon as no later stage of the same call needs it.
    """

    def __init__(self, stages: Stages, forget: bool = False) -> None:
        self._stages = stages
        self._forget = forget
        self._kept: dict[str, _Kept] = {}
        self._versions = 0

    def values(
        self,
        wanted: Iterable[str],
        given: Mapping[str, Hashable],
        progress: Progress | None = None,
        stop: Stop | None = None,
        seen: Seen | None = None,
    ) -> tuple[dict[str, Any], Pass]:
        """Values of some stages, of which only those run that something changed for.

        Args:
            wanted: names of stages.
            given: a value for every given name of the table.
            progress: is told what is done.
            stop: is asked between steps whether to stop.
            seen: is given each value as soon as it is there.

        Raises:
            PlanningStopped: if ``stop`` said so; what was finished is kept.
            StrokebotError: whatever a stage raises; the stages before it are kept.
        """
        wanted = tuple(wanted)
        names = self._stages.closure(wanted)
        done, last = Pass(), self._last_uses(names, wanted)
        weights = [self._stages.table[name].weight for name in names]
        total, before = sum(weights) or 1.0, 0.0
        for place, (name, weight) in enumerate(zip(names, weights, strict=True)):
            self._bring(name, given, done, _Steps(progress, stop, before / total, weight / total))
            before += weight
            if seen is not None:
                seen(name, self._kept[name].value)
            for over in last.get(place, ()):
                del self._kept[over]
        return {name: self._kept[name].value for name in wanted}, done

    def _last_uses(self, names: list[str], wanted: tuple[str, ...]) -> dict[int, list[str]]:
        """Which results are needed no more after the stage at a place; none are, unless to be forgotten."""
        over: dict[int, list[str]] = {}
        if self._forget:
            for name in set(names) - set(wanted):
                last = max(k for k, user in enumerate(names) if name in self._stages.table[user].inputs)
                over.setdefault(last, []).append(name)
        return over

    def _bring(self, name: str, given: Mapping[str, Hashable], done: Pass, steps: _Steps) -> None:
        """Makes the kept result of a stage the right one."""
        stage = self._stages.table[name]
        key = tuple(given[k] if k in given else self._kept[k].version for k in stage.inputs)
        old = self._kept.get(name)
        if old is not None and old.key == key:
            return
        absent = any(k not in given and self._kept[k].value is None for k in stage.needed)
        value = None if absent else self._run(name, stage, given, done, steps)
        if old is not None and (old.value is value is None or _same(stage, old.value, value)):
            self._kept[name] = _Kept(key, old.version, old.value)
            return
        self._versions += 1
        self._kept[name] = _Kept(key, self._versions, value)

    def _run(self, name: str, stage: Stage, given: Mapping[str, Hashable], done: Pass, steps: _Steps) -> Any:
        """Runs a stage and takes its time."""
        steps.begin(stage.told)
        inputs = {k: given[k] if k in given else self._kept[k].value for k in stage.inputs}
        if stage.tells:
            inputs[_TELL] = steps.tell
        begin = time.perf_counter()
        done.ran.append(name)
        try:
            return stage.run(**inputs)
        finally:
            took = time.perf_counter() - begin
            done.seconds[stage.told] = done.seconds.get(stage.told, 0.0) + took


def _same(stage: Stage, before: Any, after: Any) -> bool:
    """Whether a stage's result is the same to the stages behind as the one before."""
    return stage.same is not None and before is not None and after is not None and stage.same(before, after)


class _Steps:
    """Tells how far a stage is, and stops where it should."""

    def __init__(self, progress: Progress | None, stop: Stop | None, first: float, share: float) -> None:
        self._progress, self._stop = progress, stop
        self._first, self._share = first, share
        self._told = ""

    def begin(self, told: str) -> None:
        self._told = told
        self.tell(0.0)

    def tell(self, share: float) -> None:
        if self._stop is not None and self._stop():
            raise PlanningStopped("The planning was stopped; nothing was drawn.")
        if self._progress is not None:
            self._progress(self._told, self._first + self._share * min(max(share, 0.0), 1.0))
