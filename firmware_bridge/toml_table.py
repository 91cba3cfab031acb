"""TOML tables: values read with their bounds and the offending key, and written back.

Nouns:
    Table     one table of a file, read key by key; what is left over at the end is an error
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date

from firmware_bridge.errors import ProgramError, StrokebotError

# The longest list a profile may hold: a pen table measured at a thousand levels is a mistake.
_LONGEST_LIST = 1000


class Table:
    """One TOML table on its way into a dataclass.

    Args:
        table: the table, as ``tomllib`` gives it.
        name: its name in the file, for messages.
        where: the file's name, for messages.
        error: what is raised for a value that cannot be used; named Error below.
    """

    def __init__(
        self, table: object, name: str, where: str, error: type[StrokebotError] = ProgramError
    ) -> None:
        if not isinstance(table, Mapping):
            raise error(f"{where}: [{name}] is missing or not a table: add it.")
        self._left = dict(table)
        self._name = name
        self._where = where
        self._error = error

    def fail(self, key: str, problem: str) -> StrokebotError:
        """An error that names the file and the key."""
        return self._error(f"{self._where}: {self._name}.{key} {problem}")

    def has(self, key: str) -> bool:
        """True if the key is there and not read yet."""
        return key in self._left

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
            raise self.fail(key, f"is {value!r}: it must be true or false")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        """A number in [low, high]. Raises Error if it is missing, no number, or out of bounds."""
        return self._check(key, self._take(key), low, high)

    def numbers(self, key: str, low: float, high: float, count: int | None = None) -> tuple[float, ...]:
        """A list of numbers in [low, high], ``count`` of them if given. Raises Error otherwise."""
        value = self._take(key)
        if not isinstance(value, list) or len(value) > _LONGEST_LIST:
            raise self.fail(key, f"is {value!r:.60}: it must be a list of numbers.")
        if count is not None and len(value) != count:
            raise self.fail(key, f"has {len(value)} entries: {count} are needed.")
        return tuple(self._check(key, entry, low, high) for entry in value)

    def day(self, key: str) -> date:
        """A date such as 2026-01-31, without quotes. Raises Error otherwise."""
        value = self._take(key)
        if type(value) is not date:
            raise self.fail(key, f"is {value!r}: it must be a date such as 2026-01-31, without quotes.")
        return value

    def finish(self) -> None:
        """Raises Error for the first key that nobody has read."""
        for key in sorted(self._left):
            raise self.fail(key, "is not a known key: remove or correct it.")

    def _take(self, key: str) -> object:
        if key not in self._left:
            raise self.fail(key, "is missing: add it.")
        return self._left.pop(key)

    def _check(self, key: str, value: object, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.fail(key, f"is {value!r}: it must be a number.")
        if not low <= value <= high:
            raise self.fail(key, f"is {value:g}: it must lie between {low:g} and {high:g}.")
        return float(value)


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
