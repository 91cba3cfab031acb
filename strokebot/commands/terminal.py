"""The two output streams, made patient: no reader and no character of a message is an error of the program.

Nouns:
    gone    a reader that ends early, as in ``strokebot profile list | head -1``: what follows is thrown
            away, the work goes on, and the exit code is that of the work
    raw     a file name that is no text: its bytes go out as they came in
    strange a sign that the terminal's encoding does not have: it becomes a question mark
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import Any

_HANDLER = "strokebot.terminal"
# Bytes of a file name that are no text are read as these code points (surrogateescape, PEP 383).
_RAW_FIRST, _RAW_LAST, _RAW_ZERO = 0xDC80, 0xDCFF, 0xDC00


def _as_bytes(error: UnicodeError) -> tuple[bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    out = bytearray()
    for sign in error.object[error.start : error.end]:
        code = ord(sign)
        out += bytes([code - _RAW_ZERO]) if _RAW_FIRST <= code <= _RAW_LAST else b"?"
    return bytes(out), error.end


class PatientFile(io.FileIO):
    """A file that swallows what nobody reads any more; below every layer that a library may put on it."""

    def write(self, data: Any, /) -> int:
        """Writes bytes, or throws them away if the reader has gone."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(data)


def make_patient() -> None:
    """Makes the output streams of this process patient."""
    codecs.register_error(_HANDLER, _as_bytes)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if not isinstance(stream, io.TextIOWrapper):  # a program without a console, or a test's own stream
            continue
        if stream.isatty():
            stream.reconfigure(errors=_HANDLER)
            continue
        stream.flush()
        file = io.BufferedWriter(PatientFile(stream.fileno(), "wb", closefd=False))
        patient = io.TextIOWrapper(
            file,
            encoding=stream.encoding,
            errors=_HANDLER,
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        setattr(sys, name, patient)
