"""Single key presses while a machine draws, without waiting for them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Returns the key that was pressed since the last call, in lower case, or "" for none.
Poll = Callable[[], str]


@contextmanager
def key_presses() -> Iterator[Poll]:
    """Makes single keys readable for a while; where there is no terminal, no key is ever pressed."""
    if not sys.stdin.isatty():
        yield lambda: ""
    elif sys.platform == "win32":
        import msvcrt

        yield lambda: msvcrt.getwch().lower() if msvcrt.kbhit() else ""
    else:
        import select
        import termios
        import tty

        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)

        def poll() -> str:
            # Past Python's buffer, which would hide keys from select.
            ready, _, _ = select.select([terminal], [], [], 0)
            return os.read(terminal, 1).decode("ascii", "ignore").lower() if ready else ""

        try:
            # Ctrl-C still interrupts in this mode.
            tty.setcbreak(terminal)
            yield poll
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
