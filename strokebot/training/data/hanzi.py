"""The characters of hanzi-writer-data, in stroke order and direction, as the stroke set ``hanzi.npz``.

The archive (the package of that name of the npm index, a .tgz) holds one JSON file a character;
``medians`` are its strokes in their order: points in a box of 1,024 units, y growing UPWARDS.

Characters are split like writers (``kanjivg.character_writer``): one that KanjiVG has too is on
the same side of the split.

Source: D. Chanin, hanzi-writer-data, from Make Me a Hanzi (S. Kishore) and the Arphic fonts.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from pathlib import Path, PurePosixPath

import numpy as np

from strokebot.errors import DataError
from strokebot.training.data.kanjivg import Floats, character_writer
from strokebot.training.data.ragged import Sample, save_samples
from strokebot.training.data.strokes import STROKE_FILES


def parse(text: str, where: str = "the character") -> list[Floats]:
    """The strokes of one character, each (K, 2), x right, y turned DOWN.

    Raises:
        DataError: if the text is not JSON with ``medians``.
    """
    try:
        medians = json.loads(text)["medians"]
        strokes = [np.array(m, np.float64).reshape(-1, 2) * [1.0, -1.0] for m in medians]
    except (ValueError, KeyError, TypeError) as cause:
        raise DataError(f"{where} is not a character with medians: {cause}.") from cause
    if not strokes or any(len(s) == 0 for s in strokes):
        raise DataError(f"{where} holds no stroke.")
    return strokes


def convert(archive: Path, folder: Path) -> dict[str, int]:
    """Turns the package's archive into the stroke set.

    Returns:
        Samples of the set.

    Raises:
        DataError: if the archive is damaged or holds no characters.
    """
    samples = []
    try:
        with tarfile.open(archive, "r:gz") as bundle:
            for member in bundle:
                path = PurePosixPath(member.name)
                file = bundle.extractfile(member) if member.isfile() else None
                if path.suffix == ".json" and len(path.stem) == 1 and file is not None:
                    strokes = parse(file.read().decode("utf-8", errors="replace"), member.name)
                    samples.append(Sample(strokes, path.stem, character_writer(path.stem)))
    except (OSError, tarfile.TarError, zlib.error, EOFError) as cause:
        raise DataError(f"Cannot read the archive {archive}: {cause}. Fetch it again.") from cause
    if not samples:
        raise DataError(f"{archive} holds no characters; it is another file.")
    samples.sort(key=lambda sample: sample.label)
    save_samples(folder / STROKE_FILES["hanzi"], samples)
    return {"hanzi": len(samples)}
