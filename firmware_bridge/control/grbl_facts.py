"""What GRBL, grblHAL and FluidNC tell when they are asked: build, settings, frames."""

from __future__ import annotations

import re
from types import MappingProxyType

from firmware_bridge.dialects.base import Facts, Message, Reply, Setting
from firmware_bridge.dialects.grbl_limits import FLUIDNC_PATHS
from firmware_bridge.errors import DeviceRejected, ProtocolError
from firmware_bridge.link import Link

# Sizes that no board has are a misread line.
_SIZES = (2, 65536)
_OPTIONS = re.compile(r"OPT:([^,]*)(?:,([0-9]{1,5}),([0-9]{1,5})(?:,.*)?)?")
_NUMBER = r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_PLACE = re.compile(rf"(G5[4-9]|G92):({_NUMBER}(?:,{_NUMBER}){{2,8}})")


def read_facts(link: Link) -> Facts:
    """What ``$I`` and ``$$`` tell; nothing if the machine is busy. What it refuses to tell is noted."""
    if link.state not in ("Idle", "Alarm"):
        return Facts(notes=("The machine was busy when it was connected and could not tell its limits",))
    notes: list[str] = []
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
    return Facts(firmware, rx, planner, MappingProxyType(settings), options=options, notes=tuple(notes))


def _asked(link: Link, line: str, notes: list[str]) -> list[Reply]:
    """The answer to a question; none if the firmware does not know it, which is noted."""
    try:
        return link.command(line)
    except DeviceRejected:
        notes.append(f"The machine does not answer {line}")
        return []


def _settings(replies: list[Reply]) -> dict[str, float]:
    return {r.name: r.value for r in replies if isinstance(r, Setting)}


def places(link: Link) -> dict[str, tuple[float, ...]]:
    """The stored frames G54 to G59, and the shift of G92."""
    found: dict[str, tuple[float, ...]] = {}
    for text in _texts(link.command(link.dialect.commands["frames"])):
        if match := _PLACE.fullmatch(text):
            found[match[1]] = tuple(float(v) for v in match[2].split(","))
    return found


def work_offset_mm(link: Link) -> tuple[float, ...]:
    """Machine minus work position, from the stored frames, the one in force, and the shift of G92.

    Raises:
        ProtocolError: if the machine does not tell them understandably.
    """
    found = places(link)
    modes = " ".join(_texts(link.command(link.dialect.commands["modes"])))
    frame = re.search(r"\b(G5[4-9])\b", modes)
    if frame is None or frame[1] not in found:
        raise ProtocolError(f"{link.transport.name} does not tell its work frame: check the dialect.")
    offset = list(found[frame[1]])
    for i, shift in enumerate(found.get("G92", ())[: len(offset)]):
        offset[i] += shift
    return tuple(offset)


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
