"""Files that are never half-written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from strokebot.errors import StrokebotError


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
