"""The UNIPEN 1.0 format: pen strokes as text, and the release train_r01_v07 as stroke sets.

A file is a series of statements; one begins with a keyword, a dot in the first column:
    .COORD X Y ...          what the columns of a point are
    .PEN_DOWN / .PEN_UP     a component begins: a run of points on, or over, the paper
    .SEGMENT LEVEL PARTS QUALITY "label"   names parts of the writing
    .INCLUDE PATH           another file of the release's folder ``include``
    .WRITER_ID NAME         who wrote
PARTS lists components, counted from 0 over the pen-down components of the included file:
``3``, ``1-4``, ``0,2-3``; ``1:20-3:5`` begins and ends inside components, at points counted
from 0. In a label, a backslash escapes quotes and itself. The y axis points up.

Source: I. Guyon, "UNIPEN 1.0 format definition", 1994. The definition leaves open whether
pen-up components count; readers of this release count those with the pen down alone.
"""

from __future__ import annotations

import re
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.data.ragged import Sample, save_samples

# Which category of the release becomes which set, the level of its segments, and the labels kept.
CATEGORIES: dict[str, tuple[str, str, str]] = {
    "1a": ("unipen_digits", "CHARACTER", r"[0-9]"),
    "1b": ("unipen_upper", "CHARACTER", r"[A-Z]"),
    "1c": ("unipen_lower", "CHARACTER", r"[a-z]"),
    "6": ("unipen_words", "WORD", r"[A-Za-z]{2,18}"),
}
_PART = re.compile(r"^(\d+)(?::(\d+))?(?:-(\d+)(?::(\d+))?)?$")
_LABEL = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


@dataclass(frozen=True)
class Segment:
    """A named part of the writing.

    Attributes:
        level: of the hierarchy, such as CHARACTER.
        parts: (first component, first point, last component, last point or None) each.
        quality: GOOD, OK, BAD, or "?".
        label: what was written.
    """

    level: str
    parts: tuple[tuple[int, int, int, int | None], ...]
    quality: str
    label: str


@dataclass
class PenFile:
    """What a UNIPEN file says.

    Attributes:
        components: pen-down runs, each (K, 2) float64, x right, y UP as in the file.
        segments: the named parts.
        includes: paths of other files.
        writer: the writer's name, or "".
    """

    components: list[NDArray[np.float64]] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    includes: list[str] = field(default_factory=list)
    writer: str = ""


def parse(text: str, where: str = "the UNIPEN file") -> PenFile:
    """Reads a UNIPEN file.

    Raises:
        DataError: for a point that is no point, or a segment that cannot be read.
    """
    result = PenFile()
    column_x, column_y = 0, 1
    for keyword, body in _statements(text):
        if keyword == ".COORD":
            names = body.split()
            if "X" not in names or "Y" not in names:
                raise DataError(f"{where}: .COORD lists no X and Y.")
            column_x, column_y = names.index("X"), names.index("Y")
        elif keyword == ".PEN_DOWN":
            result.components.append(_points(body, column_x, column_y, where))
        elif keyword == ".SEGMENT":
            segment = _segment(body, where)
            if segment is not None:
                result.segments.append(segment)
        elif keyword == ".INCLUDE":
            result.includes.append(body.strip())
        elif keyword == ".WRITER_ID":
            result.writer = body.strip()
    return result


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """Keyword and body of each statement."""
    keyword, lines = "", list[str]()
    for line in text.splitlines():
        if line.startswith("."):
            if keyword:
                yield keyword, "\n".join(lines)
            head, _, rest = line.partition(" ")
            keyword, lines = head.strip(), [rest]
        else:
            lines.append(line)
    if keyword:
        yield keyword, "\n".join(lines)


def _points(body: str, column_x: int, column_y: int, where: str) -> NDArray[np.float64]:
    try:
        rows = [line.split() for line in body.splitlines() if line.strip()]
        return np.array([(float(r[column_x]), float(r[column_y])) for r in rows], np.float64).reshape(-1, 2)
    except (ValueError, IndexError) as cause:
        raise DataError(f"{where}: a line under .PEN_DOWN is not a point ({cause}).") from cause


def _segment(body: str, where: str) -> Segment | None:
    """Reads a segment; one without parts or label is a heading and says nothing."""
    found = _LABEL.search(body)
    words = (body[: found.start()] if found else body).split()
    if found is None or len(words) < 2:
        return None
    parts = []
    for text in words[1].split(","):
        match = _PART.match(text)
        if match is None:
            raise DataError(f"{where}: the parts '{words[1]}' of a segment cannot be read.")
        first, point, last, end = match.groups()
        parts.append((int(first), int(point or 0), int(last or first), None if end is None else int(end)))
    label = " ".join(re.sub(r"\\(.)", _unescape, found.group(1)).split())
    return Segment(words[0], tuple(parts), words[2] if len(words) > 2 else "?", label)


def _unescape(match: re.Match[str]) -> str:
    return {"t": "\t", "n": "\n"}.get(match.group(1), match.group(1))


def strokes_of(components: list[NDArray[np.float64]], segment: Segment) -> list[NDArray[np.float64]]:
    """The pen-down runs of a segment, y turned DOWN; empty if it names components that are not there."""
    strokes = []
    for first, point, last, end in segment.parts:
        if not first <= last < len(components):
            return []
        for k in range(first, last + 1):
            low = point if k == first else 0
            high = None if end is None or k < last else end + 1
            run = components[k][low:high]
            if len(run):
                strokes.append(run * [1.0, -1.0])
    return strokes


def convert(archive: Path, folder: Path) -> dict[str, int]:
    """Turns the release's archive into the stroke sets of ``CATEGORIES``.

    Segments marked BAD and labels that do not fit the set are left out.

    Args:
        archive: ``unipen-CDROM-train_r01_v07.tgz``.
        folder: where the .npz files go.

    Returns:
        Samples of each set.

    Raises:
        DataError: if the archive is damaged or holds none of the categories.
    """
    wanted: dict[str, list[tuple[str, Segment]]] = defaultdict(list)
    for path, text in _members(archive, "data"):
        category = path.parts[0]
        if category not in CATEGORIES:
            continue
        name, level, label = CATEGORIES[category]
        file = parse(text, str(path))
        for segment in file.segments:
            if segment.level == level and segment.quality != "BAD" and re.fullmatch(label, segment.label):
                for include in file.includes:
                    wanted[include].append((name, segment))
    samples: dict[str, list[Sample]] = defaultdict(list)
    for path, text in _members(archive, "include"):
        named = wanted.get(str(path))
        if not named:
            continue
        file = parse(text, str(path))
        # A number alone may be another person in another collection.
        writer = f"{path.parts[0]}/{file.writer or path.parent.name}"
        for name, segment in named:
            strokes = strokes_of(file.components, segment)
            if strokes:
                samples[name].append(Sample(strokes, segment.label, writer))
    if not samples:
        raise DataError(f"{archive} holds no UNIPEN characters; it is another file.")
    for name, found in samples.items():
        save_samples(folder / f"{name}.npz", found)
    return {name: len(found) for name, found in samples.items()}


def _members(archive: Path, part: str) -> Iterable[tuple[PurePosixPath, str]]:
    """Files below the folder ``part`` of the archive: path below it, and text."""
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts
                # <release>/data/<category>/... and <release>/include/<collection>/data/...
                if not member.isfile() or part not in parts[:2]:
                    continue
                content = tar.extractfile(member)
                if content is not None:
                    below = PurePosixPath(*parts[parts.index(part) + 1 :])
                    yield below, content.read().decode("latin-1")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as cause:
        raise DataError(f"Cannot read the archive {archive}: {cause}. Fetch it again.") from cause
