"""One browser for all tests of the page in a process, and a studio for each file of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.studio_page import browser, why_no_browser
from tests.support.studio_server import Served, served


@pytest.fixture(scope="session")
def chrome() -> Iterator[Any]:
    if why := why_no_browser():
        pytest.skip(f"the page is not tested: {why}")
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def studio(chrome: Any) -> Iterator[Served]:
    with served() as running:
        yield running
