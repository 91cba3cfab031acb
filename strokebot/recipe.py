"""The recipe of a drawing: all of its options as one line of text, which repeats it byte for byte.

Nouns:
    recipe   ``recipe=1&profile=grbl-z&fit_mm=100.0x75.0&...``: the query part of a URL, so that it can stand
             in an address, in a file and in a message alike
    patch    some options by their names, as JSON gives them: numbers, texts, true and false, lists of numbers

Each value is written as a person writes it on the command line, and read by the same code
(``options.Asked``), so that whatever a page or a file says is held to the same bounds. Options that are
unset are left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin
from urllib.parse import parse_qsl, urlencode

from strokebot.errors import ConfigError, StrokebotError
from strokebot.options import Asked, DrawOptions, asked_options

FORMAT = "1"
# A recipe is a line of a few hundred characters; much more is another file.
_LONGEST = 20_000
_HEAD = "recipe"
_SEPARATORS = {"fit_mm": "x", "paper_mm": "x", "at_mm": ",", "crop": ","}
_FLAGS = {"true": True, "false": False}


def to_text(options: DrawOptions) -> str:
    """The recipe of some options, in one line."""
    pairs = [(_HEAD, FORMAT)]
    for name in asked_options():
        value = getattr(options, name)
        if value is not None:
            pairs.append((name, written(name, value)))
    return urlencode(pairs, safe=",:/")


def from_text(text: str) -> DrawOptions:
    """The options that a recipe holds.

    Raises:
        ConfigError: if it is no recipe, or a value in it is unknown or out of range.
    """
    if len(text) > _LONGEST:
        raise ConfigError("This is no recipe: it is far too long.")
    try:
        pairs = parse_qsl(text.strip(), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        pairs = []
    if not pairs or pairs[0][0] != _HEAD:
        raise ConfigError("This is no recipe: it begins with 'recipe=1', and 'draw' writes one.")
    if pairs[0][1] != FORMAT:
        raise ConfigError(f"The recipe has the format {pairs[0][1][:20]!r}; this version reads {FORMAT}.")
    found: dict[str, Any] = {}
    for name, value in pairs[1:]:
        if name in found:
            raise ConfigError(f"The recipe says '{name[:40]}' twice.")
        found[name] = read(name, value)
    return DrawOptions(**found)


def load(file: Path) -> DrawOptions:
    """The options of a recipe file.

    Raises:
        ConfigError: if it cannot be read, or is no recipe.
    """
    try:
        text = file.read_bytes()[: _LONGEST + 1].decode("utf-8")
    except OSError as error:
        raise ConfigError(f"Cannot read the recipe {file}: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is no recipe: it is no text.") from None
    return from_text(text)


def patched(options: DrawOptions, patch: Mapping[str, Any]) -> DrawOptions:
    """The options with some of them changed, as JSON gives them; None puts one back to its default.

    Raises:
        ConfigError: for an unknown option, or a value of a wrong kind or out of range.
    """
    found: dict[str, Any] = {}
    for name, value in patch.items():
        _, asked = _asked(name)
        found[name] = getattr(DrawOptions(), name) if value is None else read(name, _text(name, value, asked))
    return replace(options, **found)


def as_json(options: DrawOptions) -> dict[str, Any]:
    """The options as JSON writes them; ``patched`` takes them back."""
    found: dict[str, Any] = {}
    for name in asked_options():
        value = getattr(options, name)
        if isinstance(value, tuple):
            value = list(value)
        found[name] = str(value) if isinstance(value, Path) else value
    return found


def written(name: str, value: Any) -> str:
    """The value of an option as ``read`` reads it."""
    if isinstance(value, bool):
        return str(value).lower()
    if name == "scale":
        return f"{float(value)!r}:1"
    if isinstance(value, tuple):
        return _SEPARATORS[name].join(repr(part) for part in value)
    return repr(value) if isinstance(value, float) else str(value)


def read(name: str, text: str) -> Any:
    """The value that a text means for an option.

    Raises:
        ConfigError: if the option is unknown, or the text none of its values; says which are.
    """
    kind, asked = _asked(name)
    flag = asked.flags[0].partition("/")[0]
    try:
        value = asked.read(text) if asked.read is not None else _plain(kind, text)
    except (ValueError, StrokebotError) as error:
        raise ConfigError(f"{flag}: {error}") from None
    numbers = value if isinstance(value, tuple) else (value,)
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise ConfigError(f"{flag}: '{text[:40]}' is no finite number.")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = asked.least, asked.most
        if (low is not None and value < low) or (high is not None and value > high):
            raise ConfigError(f"{flag}: {value:g} is out of range, {_range(low, high)}.")
    return value


def described() -> dict[str, dict[str, Any]]:
    """Every option as a form asks for it: its label, its sentence, its kind, its values or bounds."""
    default = as_json(DrawOptions())
    found: dict[str, dict[str, Any]] = {}
    for name, (kind, asked) in asked_options().items():
        values = _choices(kind)
        found[name] = {
            "label": asked.flags[0].partition("/")[0].lstrip("-").replace("-", " "),
            "help": asked.help,
            "kind": _form_kind(name, kind, values),
            "options": list(values),
            "least": asked.least,
            "most": asked.most,
            "default": default[name],
            "unset": asked.unset,
        }
    return found


def _form_kind(name: str, kind: Any, values: tuple[Any, ...]) -> str:
    if values:
        return "choice"
    if name in _SEPARATORS:
        return {"at_mm": "point", "crop": "crop"}.get(name, "pair")
    plain = _without_none(kind)
    return {bool: "flag", int: "number", float: "number"}.get(plain, "text")


def _asked(name: str) -> tuple[Any, Asked]:
    try:
        return asked_options()[name]
    except KeyError:
        raise ConfigError(f"There is no option '{name[:40]}'.") from None


def _text(name: str, value: Any, asked: Asked) -> str:
    """A value as JSON gives it, as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return written(name, value)
    if isinstance(value, list) and name in _SEPARATORS and len(value) <= len("XYWH"):
        kind = int if name == "crop" else float
        if all(isinstance(part, int | float) and not isinstance(part, bool) for part in value):
            whole = all(kind is float or float(part).is_integer() for part in value)
            if whole:
                return written(name, tuple(kind(part) for part in value))
    raise ConfigError(f"{asked.flags[0].partition('/')[0]}: this is no value of it.")


def _plain(kind: Any, text: str) -> Any:
    """The value of a text whose type says all about it."""
    if values := _choices(kind):
        for value in values:
            if text == str(value):
                return value
        raise ValueError(f"'{text[:40]}' is none of {', '.join(map(str, values))}.")
    plain = _without_none(kind)
    if plain is bool:
        if text not in _FLAGS:
            raise ValueError(f"'{text[:40]}' is neither true nor false.")
        return _FLAGS[text]
    if plain in (int, float):
        try:
            return plain(text)
        except (ValueError, OverflowError):
            raise ValueError(f"'{text[:40]}' is no {'whole ' if plain is int else ''}number.") from None
    if any(not sign.isprintable() for sign in text):
        raise ValueError("it holds a sign that cannot be printed.")
    return plain(text)


def _without_none(kind: Any) -> Any:
    """The type of a value that is set."""
    if get_origin(kind) in (Union, UnionType):
        return next(part for part in get_args(kind) if part is not NoneType)
    return kind


def _choices(kind: Any) -> tuple[Any, ...]:
    """The words that an option has, or nothing."""
    plain = _without_none(kind)
    return get_args(plain) if get_origin(plain) is Literal else ()


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"at least {low:g}" if low is not None else f"at most {high:g}"
    return f"{low:g} to {high:g}"
