"""Files that are never half-written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from strokebot.errors import StrokebotError


def require_writable(folder: Path) -> None:
    """Passes a folder that can be made and written to; asked before long work, and nothing is made yet.

    Raises:
        StrokebotError: if something else is in its way, or it is not permitted.
    """
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise StrokebotError(
            f"Cannot write to {folder}: {there} is no folder. Choose another with --out-dir."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise StrokebotError(f"Cannot write to {folder}: not permitted. Choose another with --out-dir.")


def write_atomic(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all: beside its place first, then renamed into it.

    Raises:
        StrokebotError: if the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as cause:
        raise StrokebotError(f"Cannot write {path}: {cause.strerror}. Choose another folder.") from cause
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as cause:
        raise StrokebotError(f"Cannot write {path}: {cause.strerror}.") from cause
    finally:
        temporary.unlink(missing_ok=True)
