"""Reading .npz archives that may be missing or damaged: one border, one kind of error."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from strokebot.errors import DataError


def read_npz(path: Path, keys: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    """Reads the named arrays of an archive, never executing pickles.

    Raises:
        DataError: if the file is missing or damaged, or lacks one of the arrays.
    """
    if not path.is_file():
        raise DataError(
            f"There is no data file {path}; fetch it with 'strokebot data', or name another folder."
        )
    try:
        # Opened here, since numpy leaves its own handle open when the archive is damaged.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            missing = [key for key in keys if key not in archive.files]
            if missing:
                raise DataError(f"{path} lacks the array '{missing[0]}'; it is another kind of file.")
            return {key: archive[key] for key in keys}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as cause:
        raise DataError(f"Cannot read the data file {path}: it is damaged ({cause}).") from cause
