"""The text of a profile: new values are written into it, and its comments stay.

A profile is written by hand as much as by the program: its comments tell units, where a figure comes
from, and which of the machine's own settings it must agree with. ``updated`` changes the values that
differ and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from calibration.errors import ProfileError
from calibration.profile import Profile


def updated(text: str, profile: Profile) -> str:
    """The text of one profile with the values of another.

    Args:
        text: TOML text of a profile.
        profile: what ``Profile.from_toml`` shall read from the result.

    Raises:
        ProfileError: if the text is not that of a profile.
    """
    import tomlkit

    before = Profile.from_toml(text).to_document()
    document = tomlkit.parse(text)
    _update(document, before, profile.to_document())
    out = tomlkit.dumps(document)
    if Profile.from_toml(out) != profile:
        raise ProfileError("The values could not be written into the text of the profile.")
    return out


def _update(table: MutableMapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Sets what differs; a value at its default is not written where there was none."""
    for key in before.keys() - after.keys():
        table.pop(key, None)
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            _update(table[key], old, value)
        elif value != old:
            table[key] = value
