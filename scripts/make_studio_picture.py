"""Makes docs/images/studio.png and studio_phone.png: the studio's page while the virtual machine draws.

python scripts/make_studio_picture.py [PICTURE [FOLDER]]

Needs chromium and playwright, as the tests of the page do.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the helpers of the tests

from tests.support.studio_page import browser, opened, wait_for_plan, why_no_browser  # noqa: E402
from tests.support.studio_server import served  # noqa: E402

# File, view, and how far the drawing is.
SHOTS = (
    ("studio.png", {"width": 1280, "height": 800}, 0.3),
    ("studio_phone.png", {"width": 360, "height": 740}, 0.55),
)


def main(arguments: list[str]) -> None:
    """Draws the picture on the virtual machine, and takes the pictures of the page meanwhile."""
    if why := why_no_browser():
        sys.exit(why)
    picture = Path(arguments[0]) if arguments else ROOT / "examples" / "drawing.png"
    folder = Path(arguments[1]) if len(arguments) > 1 else ROOT / "docs" / "images"
    with served(str(picture.resolve()), "--port", "sim://grbl?speed=1") as studio, browser() as chrome:
        pages = [opened(chrome.new_context(viewport=view), studio) for _, view, _ in SHOTS]
        for page in pages:
            wait_for_plan(page, 0)
        pages[0].click("#draw")
        pages[0].click("#ask-yes")
        for page, (name, _, share) in zip(pages, SHOTS, strict=True):
            if page.is_visible("#take-control"):
                page.click("#take-control")  # a watcher's page says so in a bar of its own
            page.wait_for_function(
                "(share) => document.getElementById('progress').value > share && studio.stage.sharp",
                arg=share,
            )
            page.screenshot(path=folder / name)
            print(folder / name)


if __name__ == "__main__":
    main(sys.argv[1:])
