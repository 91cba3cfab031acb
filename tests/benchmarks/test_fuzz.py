"""The fuzzer that runs for minutes: what it counts, and that it reports what it finds."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from benchmarks.fuzz import fuzz
from tests.support.fuzz import CHECKS


def test_the_fuzzer_counts_and_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(dialect: str, line: bytes) -> None:
        if line.startswith(b"A"):
            raise ValueError("a bug")

    monkeypatch.setitem(CHECKS, "parse", (st.sampled_from([b"A", b"B"]), broken, 20))
    tried, failed = fuzz(["parse"], 0.05, 0)
    assert tried == {"parse": 0}  # of rounds that ended well
    assert failed[0].startswith("parse grbl: ValueError: a bug")
    assert fuzz(["limits"], 0.0, 0) == ({"limits": 0}, [])
