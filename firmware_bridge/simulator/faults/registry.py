"""All kinds of faults by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from firmware_bridge.simulator.faults import answers, lines, machines
from firmware_bridge.simulator.faults.base import Fault

KINDS: Mapping[str, type[Fault]] = MappingProxyType(
    {
        "dropped answer": answers.DroppedAnswer,
        "merged answers": answers.MergedAnswers,
        "late answer": answers.LateAnswer,
        "doubled answer": answers.DoubledAnswer,
        "split answers": answers.SplitAnswers,
        "damaged answer": answers.DamagedAnswer,
        "lost bytes to the host": answers.LostAnswerBytes,
        "noise to the host": answers.NoiseToHost,
        "odd line ends": answers.OddLineEnds,
        "garbled reports": answers.GarbledReports,
        "storm of messages": answers.Storm,
        "busy storm": answers.BusyStorm,
        "error reply": answers.ErrorReply,
        "damaged line": lines.DamagedLine,
        "lost bytes to the machine": lines.LostBytes,
        "lost line": lines.LostLine,
        "doubled line": lines.DoubledLine,
        "noise to the machine": lines.NoiseToMachine,
        "slow reader": lines.SlowReader,
        "partial write": lines.PartialWrite,
        "wrong resend": lines.WrongResend,
        "resend without ok": lines.ResendWithoutOk,
        "ignored resend": lines.IgnoredResend,
        "restart": machines.Restart,
        "power cut": machines.PowerCut,
        "alarm": machines.AlarmStop,
        "open door": machines.OpenDoor,
        "unplugged": machines.Unplugged,
        "replugged": machines.Replugged,
        "silent machine": machines.Silence,
        "long pause": machines.LongPause,
    }
)


def fault(kind: str, seed: int) -> Fault:
    """A fault of a kind, its parameters drawn from a seed.

    Raises:
        KeyError: if there is no such kind.
    """
    return KINDS[kind](seed)
