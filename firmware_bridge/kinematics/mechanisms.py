"""Mechanisms by name, read from a profile and written back.

In a profile a mechanism is ``kinematics = "cartesian"``, or a table whose ``type`` is its
name and whose other keys are its parameters. Bounds are checked by the mechanisms themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from firmware_bridge.errors import ProgramError
from firmware_bridge.kinematics.base import Mechanism
from firmware_bridge.kinematics.cartesian import Cartesian, CoreXY
from firmware_bridge.kinematics.fivebar import FiveBar
from firmware_bridge.kinematics.polargraph import Polargraph
from firmware_bridge.kinematics.scara import Scara
from firmware_bridge.toml_table import unknown_key

MECHANISMS: dict[str, type[Mechanism]] = {
    kind.type: kind for kind in (Cartesian, CoreXY, Scara, FiveBar, Polargraph)
}


def read_mechanism(value: object) -> Mechanism:
    """Builds a mechanism from ``machine.kinematics`` of a profile.

    Raises:
        ProgramError: for an unknown type, a missing or unknown key, or an impossible value.
    """
    table = dict(value) if isinstance(value, Mapping) else {"type": value}
    name = table.pop("type", None)
    if not isinstance(name, str) or name not in MECHANISMS:
        raise ProgramError(f"machine.kinematics is {name!r}: choose one of {', '.join(sorted(MECHANISMS))}.")
    kind = MECHANISMS[name]
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise ProgramError(f"machine.kinematics.{key} ({name}) {unknown_key(key, fields)}")
    for key, field in fields.items():
        if key not in table and field.default is dataclasses.MISSING:
            raise ProgramError(f"machine.kinematics.{key} is missing: {name} needs it.")
    return kind(**table)


def write_mechanism(mechanism: Mechanism) -> object:
    """What ``read_mechanism`` reads back to an equal mechanism."""
    parameters = {
        field.name: getattr(mechanism, field.name)
        for field in dataclasses.fields(mechanism)  # type: ignore[arg-type]
    }
    if not parameters:
        return mechanism.type
    table: dict[str, object] = {"type": mechanism.type}
    table.update({key: list(v) if isinstance(v, tuple) else v for key, v in parameters.items()})
    return table
