"""The command line: ``strokebot COMMAND``. The commands themselves are in ``strokebot.commands``.

Exit codes: 0 done; 1 an error, in one line on the error stream; 2 wrong usage;
130 stopped from the keyboard, with the pen lifted. A traceback is a bug; set
STROKEBOT_DEBUG=1 to see where an internal error comes from.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
import typer.core

from firmware_bridge.errors import StrokebotError
from strokebot import __version__
from strokebot.commands import calibrate, draw, learning, look, machine, profiles, showing, stream, studio
from strokebot.commands.common import missing_package, note, one_line
from strokebot.commands.terminal import make_patient
from strokebot.errors import EXIT_INTERRUPTED

EXIT_ERROR = 1
_DEBUG = "STROKEBOT_DEBUG"


class _Program(typer.core.TyperGroup):
    """Turns every error of a command into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except StrokebotError as error:
            note(one_line(error))
            raise typer.Exit(EXIT_ERROR) from error
        except KeyboardInterrupt as error:
            how = f": {one_line(error)}" if str(error) else ""
            note(f"stopped from the keyboard{how}.")
            raise typer.Exit(EXIT_INTERRUPTED) from error
        except (typer.Exit, typer.Abort):
            raise
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            note(f"{error.strerror or one_line(error)}{where}.")
            raise typer.Exit(EXIT_ERROR) from error
        except Exception as error:
            if isinstance(error, _usage_errors()) or os.environ.get(_DEBUG):
                raise
            note(
                missing_package(error)
                or f"internal error, please report it: {type(error).__name__}: {one_line(error)}"
            )
            raise typer.Exit(EXIT_ERROR) from error


def _usage_errors() -> type[Exception]:
    """The root of what the option parser raises: its messages and its exit code 2 are its own."""
    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


app = typer.Typer(
    name="strokebot",
    cls=_Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        print(f"strokebot {__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a picture into one continuous pen gesture and draw it."""


app.command()(draw.draw)
app.command()(showing.styles)
app.command()(showing.animate)
app.command()(look.look)
app.command()(studio.studio)
app.command()(stream.send)
app.command()(stream.resume)
app.command()(stream.replay)
app.command()(stream.simulate)
app.command("serve-simulator")(stream.serve_simulator)
app.command()(machine.ports)
app.command()(machine.status)
app.command()(machine.home)
app.command()(machine.jog)
app.command()(machine.frame)
# What begins with a dash may be a value: those of a pen that is pressed often are below zero.
app.command(context_settings={"ignore_unknown_options": True})(machine.pen)
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(profiles.app, name="profile")
app.add_typer(learning.app, name="data")
app.command()(learning.train)
app.command()(learning.evaluate)
app.command()(learning.cluster)


def main() -> None:
    """Runs the command line of this process; ``strokebot.__main__`` is what starts it."""
    make_patient()
    app()


if __name__ == "__main__":
    main()
