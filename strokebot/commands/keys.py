"""Single key presses while a machine draws, without waiting for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Returns the key that was pressed since the last call, in lower case, or "" for none; an arrow is its name.
Poll = Callable[[], str]

# What terminals send for arrows, after an escape; and Windows, after a zero or 0xe0.
_ARROWS = {"[A": "up", "[B": "down", "OA": "up", "OB": "down"}
_WINDOWS_ARROWS = {"H": "up", "P": "down"}


@contextmanager
def key_presses() -> Iterator[Poll]:
    """Makes single keys readable for a while; where there is no terminal, no key is ever pressed."""
    if not sys.stdin.isatty():
        yield lambda: ""
    elif sys.platform == "win32":
        import msvcrt

        def poll_console() -> str:
            if not msvcrt.kbhit():
                return ""
            key = msvcrt.getwch()
            return _WINDOWS_ARROWS.get(msvcrt.getwch(), "") if key in "\x00\xe0" else key.lower()

        yield poll_console
    else:
        import select
        import termios
        import tty

        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def poll() -> str:
            # Past Python's buffer, which would hide keys from select.
            key = read()
            if key != "\x1b":
                return key.lower()
            return _ARROWS.get(read() + read(), "")

        def read() -> str:
            ready, _, _ = select.select([terminal], [], [], 0)
            return os.read(terminal, 1).decode("ascii", "ignore") if ready else ""

        try:
            # Ctrl-C still interrupts in this mode.
            tty.setcbreak(terminal)
            yield poll
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
