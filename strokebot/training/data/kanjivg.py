"""KanjiVG's characters, in true stroke order and direction, as the stroke set ``kanjivg.npz``.

The archive (a release of KanjiVG, or the package of that name of the Python index) holds one SVG
a character, ``<code point>.svg`` and variants ``<code point>-<name>.svg``, which are left out. Its
``path`` elements are the strokes in their order; their data are the commands M, L, H, V, C, S, Q, T
and Z of SVG, absolute or relative, and are turned into points here.

Characters are split like writers: the writer of a sample is its character (``character_writer``).

Source: U. Apel, KanjiVG, https://kanjivg.tagaini.net; SVG 1.1, section 8.3, "Path data".
"""

from __future__ import annotations

import re
import xml.etree.ElementTree
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.data.ragged import Sample, save_samples
from strokebot.training.data.strokes import STROKE_FILES

Floats = NDArray[np.float64]

# Points of a curve; strokes are some 50 units long in a box of 109.
_CURVE_POINTS = 12
_TOKEN = re.compile(r"[MLHVCSQTZmlhvcsqtz]|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
# Numbers that each command takes.
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2}
_NAME = re.compile(r"[0-9a-f]{4,6}")


def character_writer(character: str) -> str:
    """The name that a character's sample has as its writer: equal in all sets of characters."""
    return f"character/{character}"


def path_points(data: str, where: str = "the path") -> Floats:
    """The points (K, 2) along the data of one SVG path.

    Raises:
        DataError: if the data cannot be read, or hold no point.
    """
    tokens = _TOKEN.findall(data)
    rows, at, start, control = list[Floats](), np.zeros(2), np.zeros(2), np.zeros(2)
    command, before, k = "", "", 0
    while k < len(tokens):
        if tokens[k].isalpha():
            command, k = tokens[k], k + 1
            if command in "Zz":
                rows.append(start[None])
                at, before = start, "Z"
                continue
        takes = _TAKES.get(command.upper())
        if takes is None or k + takes > len(tokens) or any(t.isalpha() for t in tokens[k : k + takes]):
            raise DataError(f"{where} is not the data of an SVG path: '{data[:40]}'.")
        numbers, k = [float(t) for t in tokens[k : k + takes]], k + takes
        kind, origin = command.upper(), at if command.islower() else np.zeros(2)
        if kind in "HV":
            end = at.copy()
            end["HV".index(kind)] = numbers[0] + origin["HV".index(kind)]
            bends = []
        else:
            given = [np.array(numbers[i : i + 2]) + origin for i in range(0, takes, 2)]
            *bends, end = given
        if kind in "ST":
            smooth = before in ("CS" if kind == "S" else "QT")
            bends.insert(0, 2 * at - control if smooth else at)
        if kind == "M":
            start = end
        rows.append(_curve([at, *bends, end])[1:] if kind != "M" else end[None])
        control = bends[-1] if bends else end
        at, before = end, kind
        if kind == "M":
            command = "l" if command == "m" else "L"
    if not rows:
        raise DataError(f"{where} holds no point.")
    return np.concatenate(rows)


def _curve(bends: list[Floats]) -> Floats:
    """Points of the Bezier curve of some control points, both ends among them."""
    if len(bends) == 2:
        return np.array(bends)
    t = np.linspace(0.0, 1.0, _CURVE_POINTS)[:, None]
    level = [np.broadcast_to(b, (_CURVE_POINTS, 2)) for b in bends]
    while len(level) > 1:
        level = [a + (b - a) * t for a, b in pairwise(level)]
    return np.asarray(level[0])


def parse(text: str, where: str = "the drawing") -> list[Floats]:
    """The strokes of one character's SVG, each (K, 2), x right, y down.

    Raises:
        DataError: if it is no SVG, or holds no stroke.
    """
    try:
        root = xml.etree.ElementTree.fromstring(text)
    except xml.etree.ElementTree.ParseError as cause:
        raise DataError(f"{where} is not an SVG: {cause}.") from cause
    paths = [e.get("d", "") for e in root.iter() if e.tag.rpartition("}")[2] == "path"]
    strokes = [path_points(d, where) for d in paths if d]
    if not strokes:
        raise DataError(f"{where} holds no stroke.")
    return strokes


def convert(archive: Path, folder: Path) -> dict[str, int]:
    """Turns an archive of KanjiVG into the stroke set.

    Returns:
        Samples of the set.

    Raises:
        DataError: if the archive is damaged or holds no characters.
    """
    samples = []
    try:
        with zipfile.ZipFile(archive) as bundle:
            for name in sorted(bundle.namelist()):
                path = PurePosixPath(name)
                if path.suffix == ".svg" and _NAME.fullmatch(path.stem):
                    character = chr(int(path.stem, 16))
                    strokes = parse(bundle.read(name).decode("utf-8", errors="replace"), name)
                    samples.append(Sample(strokes, character, character_writer(character)))
    except (OSError, zipfile.BadZipFile, zlib.error) as cause:
        raise DataError(f"Cannot read the archive {archive}: {cause}. Fetch it again.") from cause
    if not samples:
        raise DataError(f"{archive} holds no characters; it is another file.")
    save_samples(folder / STROKE_FILES["kanjivg"], samples)
    return {"kanjivg": len(samples)}
