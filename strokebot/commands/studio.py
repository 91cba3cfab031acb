"""``strokebot studio``: the drawing on a page, before and while it happens."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from firmware_bridge.errors import StrokebotError
from strokebot.commands.common import PortOption, ProfileOption, QuietOption, needs, note, say

_LAST_PORT = 65535  # of TCP
_PACKAGES = ("starlette", "uvicorn", "websockets", "python_multipart")


def studio(
    picture: Annotated[Path | None, typer.Argument(help="The picture to begin with.")] = None,
    port: PortOption = None,
    profile: ProfileOption = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="Begin with the options of this file.")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            help="Also let other devices in, on this address; 0.0.0.0 for all of this computer's.",
            show_default="this computer alone",
        ),
    ] = None,
    http_port: Annotated[
        int,
        typer.Option(
            "--http-port", min=0, max=_LAST_PORT, help="Port of the page.", show_default="any free one"
        ),
    ] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")] = True,
    quiet: QuietOption = False,
) -> None:
    """Show the drawing on a page, before and while it happens. Ctrl-C ends it, with the pen up."""
    from importlib.util import find_spec

    if missing := [name for name in _PACKAGES if find_spec(name) is None]:
        raise StrokebotError(
            f"The studio needs {', '.join(missing)}: {sys.executable} -m pip install 'strokebot[studio]'"
        )
    needs("PIL", "scipy", "skimage")
    from dataclasses import replace

    from calibration.profile import Profile
    from strokebot import recipe as recipes
    from strokebot.options import DrawOptions
    from strokebot.studio.server import Wanted, run

    options = DrawOptions() if recipe is None else recipes.load(recipe)
    if profile is not None:
        options = replace(options, profile=profile)
    Profile.load(options.profile)
    if picture is not None and not picture.is_file():
        raise StrokebotError(f"There is no file {picture}; check the name.")

    def ready(urls: list[str]) -> None:
        say("the studio is open (Ctrl-C ends it):", quiet)
        for url in urls:
            say(f"  {url}", quiet)
        sys.stdout.flush()  # whoever waits for this line may read it through a pipe
        if browser:
            _open(urls[0])

    farewell = run(Wanted(picture, options, port, host, http_port), ready)
    if farewell:
        note(farewell)
    say("ended", quiet)


def _open(url: str) -> None:
    """Opens a page in the browser of this computer, if there is one."""
    import threading
    import webbrowser

    def show() -> None:
        try:
            found = webbrowser.open(url)
        except webbrowser.Error:
            found = False
        if not found:
            note("no browser could be opened here: open the address above.")

    threading.Thread(target=show, daemon=True).start()
