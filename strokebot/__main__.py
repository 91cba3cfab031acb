"""What the installed program and ``python -m strokebot`` run: the command line, safe from its first moment.

Ctrl-C while modules are still being loaded ends the program as at any later time: in one line, with the
code that shells expect.
"""

from __future__ import annotations

import signal
import sys

from strokebot.errors import EXIT_INTERRUPTED


def main() -> None:
    """Runs the command line."""
    try:
        from strokebot.cli import main as run

        run()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already
        sys.stderr.write("strokebot: stopped from the keyboard.\n")
        raise SystemExit(EXIT_INTERRUPTED) from None


if __name__ == "__main__":
    main()
