"""What a check before the start finds: what is wrong, how bad it is, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from firmware_bridge.errors import PreflightError


class Severity(StrEnum):
    """How bad a finding is."""

    FATAL = "fatal"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what it is, and what to do."""

    severity: Severity
    message: str
    cure: str

    def __str__(self) -> str:
        return f"{self.message}: {self.cure}."


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """The fatal ones before the warnings."""
    return sorted(findings, key=lambda finding: finding.severity is not Severity.FATAL)


def require_none_fatal(findings: Sequence[Finding]) -> list[Finding]:
    """Passes findings of which none is fatal.

    Raises:
        PreflightError: for the first fatal one.
    """
    for finding in findings:
        if finding.severity is Severity.FATAL:
            raise PreflightError(str(finding))
    return list(findings)
