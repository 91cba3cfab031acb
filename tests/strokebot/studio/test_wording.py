"""What the page says: labels to press, never options to type."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from strokebot.studio.wording import on_page

ROOT = Path(__file__).parents[3]
TYPED = re.compile(r"(?:^|[\s(,;:])--[a-z]|strokebot (resume|status|home|send|ports|frame|draw)\b")
# Rooms whose messages never reach a page: they need a terminal.
ELSEWHERE = ("firmware_bridge/simulator", "firmware_bridge/wirelog", "firmware_bridge/journal/store.py")


def messages() -> Iterator[tuple[str, str]]:
    """Texts of the rooms below the page that name something to type, with where they stand."""
    for room in ("firmware_bridge", "calibration"):
        for path in sorted((ROOT / room).rglob("*.py")):
            where = str(path.relative_to(ROOT))
            if not where.startswith(ELSEWHERE):
                tree = ast.parse(path.read_text())
                nodes = list(ast.walk(tree))
                skipped = {id(d) for d in map(_docstring, nodes) if d is not None}
                skipped |= {id(v) for node in nodes if isinstance(node, ast.JoinedStr) for v in node.values}
                for node in nodes:
                    text = _text(node)
                    if id(node) not in skipped and text and TYPED.search(text):
                        yield where, text


def _docstring(node: ast.AST) -> ast.AST | None:
    body = getattr(node, "body", None)
    first = body[0] if isinstance(body, list) and body else None
    return first.value if isinstance(first, ast.Expr) else None


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "12" for v in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_there_are_such_messages() -> None:
    assert len(list(messages())) > 5


def test_every_message_of_the_machine_tells_what_to_press() -> None:
    said = {where: on_page(text) for where, text in messages() if TYPED.search(on_page(text))}
    assert said == {}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "The machine is locked: home it (--home), or unlock it where it stands (--unlock).",
            "The machine is locked: press Home, or Unlock where it stands.",
        ),
        (
            "The drawing was cancelled and the pen is up; strokebot resume goes on with it.",
            "The drawing was cancelled and the pen is up; Go on in the list of drawings goes on with it.",
        ),
        ("a\n  message on two lines", "a message on two lines"),
        ("grblHAL on sim://grblhal: Idle", "grblHAL on sim://grblhal: Idle"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    assert on_page(text) == shown
