"""Where things live, where no import contract can say it."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
_BENCHMARKS = re.compile(r"^\s*(from|import) benchmarks\b", re.MULTILINE)


def test_only_the_tests_of_the_benchmarks_import_them() -> None:
    importers = {
        path.relative_to(TESTS).parts[0]
        for path in TESTS.rglob("*.py")
        if _BENCHMARKS.search(path.read_text(encoding="utf-8"))
    }
    assert importers == {"benchmarks"}
