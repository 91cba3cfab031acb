"""The journal of a drawing: what was sent, taken and surely executed, safe against any end."""

from __future__ import annotations

from firmware_bridge.journal.reader import JournalError, JournalState, read_journal
from firmware_bridge.journal.store import (
    begin_job,
    default_folder,
    find_job,
    job_paths,
    keeper,
    require_folder,
)
from firmware_bridge.journal.writer import Journal
from firmware_bridge.stream.progress_tracker import ProgressPoint, ProgressTracker

__all__ = [
    "Journal",
    "JournalError",
    "JournalState",
    "ProgressPoint",
    "ProgressTracker",
    "begin_job",
    "default_folder",
    "find_job",
    "job_paths",
    "keeper",
    "read_journal",
    "require_folder",
]
