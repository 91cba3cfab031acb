"""Saved profiles, and the way back.

Saving a profile keeps the file that was there beside it: ``mine.toml`` becomes ``mine.toml.1``, an older
``mine.toml.1`` becomes ``mine.toml.2``, and so on. ``undo`` takes the newest of them back. A profile that
was saved over a shipped one of the same name has the shipped one before it: undoing the first save
removes the user's file, and the shipped profile is in force again.

Files are written beside their place and moved there, so that a reader never sees half a profile.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from calibration.errors import ProfileError
from calibration.profile import Profile, user_directory
from calibration.profile_text import updated

SUFFIX = ".toml"
# Former files that are kept.
KEPT = 9
# An empty file says: before this there was none of the user's own.
_NOTHING = ""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def save_profile(name: str, profile: Profile, base: str | None = None) -> Path:
    """Saves a profile in the user's directory and keeps the file that was there.

    Args:
        name: of the profile, without a suffix.
        profile: what to save.
        base: text of a profile whose comments are kept; None for none.

    Returns:
        The file.

    Raises:
        ProfileError: if the name cannot be one of a file, or the file cannot be written.
    """
    path = _path(name)
    text = profile.to_toml() if base is None else updated(base, profile)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        former = path.read_text(encoding="utf-8") if path.exists() else _NOTHING
        for k in range(KEPT - 1, 0, -1):
            if _former(path, k).exists():
                _former(path, k).replace(_former(path, k + 1))
        _write(_former(path, 1), former)
        _write(path, text)
    except (OSError, UnicodeDecodeError) as cause:
        raise ProfileError(f"Cannot save the profile {path}: {cause}.") from cause
    return path


def undo(name: str) -> str:
    """Takes the newest former file of a profile back.

    Returns:
        A sentence that says what is in force now.

    Raises:
        ProfileError: if there is nothing to undo, or the former file cannot be read; then nothing changes.
    """
    path = _path(name)
    former = _former(path, 1)
    try:
        if not former.exists():
            raise ProfileError(f"There is nothing to undo: no former file of the profile '{name}' is kept.")
        text = former.read_text(encoding="utf-8")
        if text == _NOTHING:
            path.unlink(missing_ok=True)
            former.unlink()
            shipped = name in Profile.names()
            words = (
                "The shipped profile is in force again." if shipped else "There was none before: it is gone."
            )
        else:
            Profile.from_toml(text, former.name)
            former.replace(path)
            words = f"The profile '{name}' is again what it was before it was last saved."
        for k in range(2, KEPT + 1):
            if _former(path, k).exists():
                _former(path, k).replace(_former(path, k - 1))
        return words
    except (OSError, UnicodeDecodeError) as cause:
        raise ProfileError(f"Cannot bring back the profile {path}: {cause}.") from cause


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name) or name.endswith(SUFFIX):
        raise ProfileError(
            f"'{name}' is no name for a profile: use letters, digits, '-' and '_', and no suffix."
        )
    return user_directory() / (name + SUFFIX)


def _former(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _write(path: Path, text: str) -> None:
    """Writes a whole file or none."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
