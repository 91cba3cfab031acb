"""Omniglot's raw strokes: one text file a drawing, as the stroke set ``omniglot_small1_strokes.npz``.

The archive holds ``<root>/<Alphabet>/character<NN>/<number>_<drawer>.txt``; its lines are
``START`` once, ``x,y,t`` a point (pixels of a 105 x 105 field, y growing UPWARDS from minus
the height to 0; milliseconds) and ``BREAK`` where the pen is lifted.

Source: B. Lake, R. Salakhutdinov, J. Tenenbaum, "Human-level concept learning through
probabilistic program induction", Science 2015, and the README of its data.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError
from strokebot.training.data.ragged import box_strokes, ragged_arrays, save_arrays
from strokebot.training.data.strokes import STROKE_FILES


def parse(text: str, where: str = "the stroke file") -> list[NDArray[np.float64]]:
    """Reads one drawing: its strokes, each (K, 2), x right, y turned DOWN.

    Raises:
        DataError: if a line is neither a mark nor a point, or there is no stroke.
    """
    strokes: list[list[tuple[float, float]]] = [[]]
    for line in text.split():
        if line == "BREAK":
            strokes.append([])
        elif line != "START":
            try:
                x, y = line.split(",")[:2]
                strokes[-1].append((float(x), -float(y)))
            except ValueError as cause:
                raise DataError(f"{where}: '{line}' is not a point of a stroke.") from cause
    found = [np.array(stroke, np.float64) for stroke in strokes if stroke]
    if not found:
        raise DataError(f"{where} holds no stroke.")
    return found


def convert(archive: Path, folder: Path) -> dict[str, int]:
    """Turns ``strokes_background_small1.zip`` into the stroke set.

    Returns:
        Samples of the set.

    Raises:
        DataError: if the archive is damaged or holds no strokes.
    """
    names, drawings = [], []
    try:
        with zipfile.ZipFile(archive) as bundle:
            for name in sorted(bundle.namelist()):
                path = PurePosixPath(name)
                if path.suffix == ".txt" and len(path.parts) >= 3 and "__MACOSX" not in path.parts:
                    text = bundle.read(name).decode("ascii", errors="replace")
                    drawings.append(box_strokes(parse(text, name)))
                    names.append((path.parts[-3], path.parts[-2], path.stem.rpartition("_")[2]))
        drawers = np.array([int(drawer) for _, _, drawer in names], dtype=np.int16)
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as cause:
        raise DataError(f"Cannot read the archive {archive}: {cause}. Fetch it again.") from cause
    if not names:
        raise DataError(f"{archive} holds no strokes; it is another file.")
    alphabets, alphabet = np.unique([a for a, _, _ in names], return_inverse=True)
    more = {
        "alphabet_names": alphabets,
        "alphabet": alphabet.astype(np.int32),
        "char": np.array([character for _, character, _ in names]),
        "drawer": drawers,
    }
    save_arrays(folder / STROKE_FILES["omniglot"], ragged_arrays(drawings) | more)
    return {"omniglot": len(names)}
