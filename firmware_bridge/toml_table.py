"""TOML tables: values read with their bounds and the offending key, and written back.

Nouns:
    Table     one table of a file, read key by key, or all at once into the fields of a dataclass;
              a key that nobody reads is an error, which names the nearest known one
    bounds    name of a field -> (least, greatest), stated beside the dataclass and checked there
              (``check_bounds``), so that they hold however it is built
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from firmware_bridge.errors import ProgramError, StrokebotError

# The longest list a profile may hold: a pen table measured at a thousand levels is a mistake.
_LONGEST_LIST = 1000

Bounds = Mapping[str, tuple[float, float]]


def unknown_key(key: str, known: Collection[str]) -> str:
    """What is wrong with a key that is none of the known ones; names the nearest of them."""
    near = difflib.get_close_matches(key, list(known), 1)
    return f"is not a known key: {f'did you mean {near[0]}?' if near else 'remove or correct it.'}"


def check_bounds(
    value: object, name: str, bounds: Bounds, error: type[StrokebotError] = ProgramError
) -> None:
    """Checks numbers, and tuples of numbers, of a dataclass against its bounds; None is no number.

    Args:
        value: the dataclass.
        name: of its table, for messages; empty for the file as a whole.
        bounds: of its fields.
        error: what is raised for the first field that is out of bounds.
    """
    for key, (low, high) in bounds.items():
        numbers = getattr(value, key)
        for number in numbers if isinstance(numbers, tuple) else (numbers,):
            if number is not None and not (math.isfinite(number) and low <= number <= high):
                where = f"{name}.{key}" if name else key
                raise error(f"{where} is {number:g}: {_within(low, high)}")


class Table:
    """One TOML table on its way into a dataclass.

    Args:
        table: the table, as ``tomllib`` gives it.
        name: its name in the file, for messages; empty for the file as a whole.
        where: the file's name, for messages.
        error: what is raised for a value that cannot be used; named Error below.
    """

    def __init__(
        self, table: object, name: str, where: str, error: type[StrokebotError] = ProgramError
    ) -> None:
        if not isinstance(table, Mapping):
            raise error(f"{where}: {name} is missing or not a table: add a section [{name}].")
        self._left = dict(table)
        self._known: set[str] = set()
        self._name = name
        self._where = where
        self._error = error

    def fail(self, key: str, problem: str) -> StrokebotError:
        """An error that names the file and the key."""
        return self._error(f"{self._where}: {f'{self._name}.{key}' if self._name else key} {problem}")

    def has(self, key: str) -> bool:
        """True if the key is there and not read yet."""
        self._known.add(key)
        return key in self._left

    def section(self, key: str) -> Table:
        """The table under a key; an empty one where the key is missing. Raises Error for no table."""
        value = self._left.pop(key, {}) if self.has(key) else {}
        if not isinstance(value, Mapping):
            raise self.fail(key, f"is {value!r:.60}: a section [{key}] is needed.")
        return Table(value, f"{self._name}.{key}" if self._name else key, self._where, self._error)

    def any(self, key: str) -> object:
        """Whatever the key holds. Raises Error if it is missing."""
        return self._take(key)

    def rest(self) -> dict[str, Any]:
        """All that is not read yet, for a reader of its own."""
        left, self._left = self._left, {}
        return left

    def fields(self, kind: type, leave: Collection[str] = ()) -> dict[str, Any]:
        """Reads a value for each field of a dataclass, by its type; those with a default may be missing.

        Bounds are the dataclass's own matter.

        Args:
            kind: the dataclass; its fields are text, numbers, truths, days, or tuples of numbers.
            leave: fields that somebody else reads.

        Raises:
            Error: for a missing, unknown or mistyped key.
        """
        fields = {f.name: f for f in dataclasses.fields(kind)}
        self._known.update(fields)
        self._refuse(set(self._left) - self._known)
        return {
            key: self._field(key, str(field.type).removesuffix(" | None"))
            for key, field in fields.items()
            if key not in leave and (key in self._left or _is_required(field))
        }

    def _field(self, key: str, kind: str) -> object:
        everything = (-math.inf, math.inf)
        if kind.startswith("tuple"):
            count = None if "..." in kind else kind.count(",") + 1
            return self.numbers(key, *everything, count=count)
        if kind == "float":
            return self.number(key, *everything)
        return {"str": self.text, "int": self.whole, "bool": self.flag, "date": self.day}[kind](key)

    def text(self, key: str) -> str:
        """A text value. Raises Error if it is missing or not text."""
        value = self._take(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(key, f"is {value!r}: it must be text in quotes.")
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._take(key)
        if not isinstance(value, bool):
            raise self.fail(key, f"is {value!r}: it must be true or false.")
        return value

    def whole(self, key: str) -> int:
        """A whole number. Raises Error if it is missing or none."""
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.fail(key, f"is {value!r}: it must be a whole number.")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """A number in [low, high]. Raises Error if it is missing, no number, or out of bounds."""
        return self.check(key, self._take(key), low, high)

    def numbers(self, key: str, low: float, high: float, count: int | None = None) -> tuple[float, ...]:
        """A list of numbers in [low, high], ``count`` of them if given. Raises Error otherwise."""
        value = self._take(key)
        if not isinstance(value, list) or len(value) > _LONGEST_LIST:
            raise self.fail(key, f"is {value!r:.60}: it must be a list of numbers.")
        if count is not None and len(value) != count:
            raise self.fail(key, f"has {len(value)} entries: {count} are needed.")
        return tuple(self.check(key, entry, low, high) for entry in value)

    def day(self, key: str) -> date:
        """A date such as 2026-01-31, without quotes. Raises Error otherwise."""
        value = self._take(key)
        if type(value) is not date:
            raise self.fail(key, f"is {value!r}: it must be a date such as 2026-01-31, without quotes.")
        return value

    def finish(self) -> None:
        """Raises Error for the first key that nobody has read."""
        self._refuse(set(self._left))

    def _refuse(self, keys: set[str]) -> None:
        for key in sorted(keys):
            raise self.fail(key, unknown_key(key, self._known - {key}))

    def _take(self, key: str) -> object:
        if not self.has(key):
            raise self.fail(key, "is missing: add it.")
        return self._left.pop(key)

    def check(self, key: str, value: object, low: float, high: float) -> float:
        """The value of a key as a number in [low, high]. Raises Error otherwise."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.fail(key, f"is {value!r}: it must be a number.")
        if not low <= value <= high:
            raise self.fail(key, f"is {value:g}: {_within(low, high)}")
        return float(value)


def _within(low: float, high: float) -> str:
    if math.isinf(high):
        return f"it must be at least {low:g}."
    return f"it must lie between {low:g} and {high:g}."


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def dump_toml(document: Mapping[str, object]) -> str:
    """Writes tables of numbers, texts, dates, lists and inner tables as TOML text.

    Raises:
        ProgramError: for a value of another type.
    """
    lines: list[str] = []
    _dump_table(document, "", lines)
    return "\n".join(lines).strip("\n") + "\n"


def _dump_table(table: Mapping[str, object], path: str, lines: list[str]) -> None:
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    if path:
        lines += ["", f"[{path}]"]
    lines += [f"{key} = {_value_text(value)}" for key, value in table.items() if key not in inner]
    for key, value in inner.items():
        _dump_table(value, f"{path}.{key}" if path else key, lines)


def _value_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | date):
        return value.isoformat() if isinstance(value, date) else repr(value)
    if isinstance(value, str):
        if any(ord(c) < 32 or ord(c) == 127 for c in value):
            raise ProgramError(f"{value!r} cannot be written to a profile: it holds a control character.")
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value_text(entry) for entry in value) + "]"
    raise ProgramError(f"A profile cannot hold {value!r}.")
