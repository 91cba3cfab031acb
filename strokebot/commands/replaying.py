"""``strokebot replay``: a session that was logged, shown or played again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.errors import StrokebotError
from strokebot.commands.common import QuietOption, note, progress_bar, say


def replay(
    log: Annotated[Path, typer.Argument(help="A file that --log has written.")],
    show: Annotated[bool, typer.Option("--show", help="Print what passed, with its times, and end.")] = False,
    quiet: QuietOption = False,
) -> None:
    """Play a logged session again, with the log as the machine: does this version do the same?

    No port is opened and nothing moves. Ends with 1 at the first difference.
    """
    from firmware_bridge.replay import replay as play
    from firmware_bridge.wirelog import read_log

    if show:
        records, gap = read_log(log)
        begin_s = records[0].t_s if records else 0.0
        for record in records:
            text = record.text.encode("unicode_escape").decode("ascii")
            say(f"{record.t_s - begin_s:12.6f} {record.kind} {text[:200]}")
        if gap:
            note("the middle of this log was given up for its size.")
        return
    with progress_bar(f"replaying {log.name}", quiet):
        found = play(log)
    if found.divergence:
        raise StrokebotError(f"This version goes another way than the log: {found.divergence}")
    if not found.same:
        raise StrokebotError(f"Then it ended with '{found.then}', now with '{found.now}'.")
    say(f"{log.name}: {found.sent} lines and orders as then; it ends: {found.now or 'without a word'}", quiet)
