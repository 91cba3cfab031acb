"""Command-line options made from the fields of ``DrawOptions``, so that they stand in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from strokebot.errors import StrokebotError
from strokebot.options import Asked, DrawOptions, asked_options


def takes_draw_options(command: Callable[..., None]) -> Callable[..., None]:
    """Puts an option for each choice of ``DrawOptions`` in the place of a command's parameter ``options``.

    A text that cannot be read is wrong usage, and the message names the option. With ``--recipe`` the
    options of that file take the place of the defaults.
    """
    asked = asked_options()
    signature = inspect.signature(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name == "options":
            parameters += [_RECIPE, *(_parameter(name, *about) for name, about in asked.items())]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    parameters.append(_CONTEXT)

    @wraps(command)
    def called(**values: Any) -> None:
        context: typer.Context = values.pop(_CONTEXT.name)
        file: Path | None = values.pop(_RECIPE.name)
        chosen = {name: _value(values.pop(name), about) for name, (_, about) in asked.items()}
        if file is None:
            options = DrawOptions(**chosen)
        else:
            from strokebot.recipe import load

            given = {name: value for name, value in chosen.items() if _was_given(context, name)}
            options = replace(load(file), **given)
        command(**values, options=options)

    # typer reads both.
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _parameter(name: str, kind: Any, asked: Asked) -> inspect.Parameter:
    """The parameter that typer makes an option of."""
    option = typer.Option(
        *asked.flags, help=asked.help, min=asked.least, max=asked.most, show_default=asked.unset or True
    )
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=getattr(DrawOptions(), name),
        annotation=Annotated[kind if asked.read is None else str | None, option],
    )


_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
_RECIPE = inspect.Parameter(
    "recipe",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        Path | None,
        typer.Option("--recipe", help="Options of an earlier drawing (recipe.txt); others given here win."),
    ],
)


def _was_given(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line, and has not its default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _value(given: Any, asked: Asked) -> Any:
    """What a text means, where it is one."""
    if asked.read is None or given is None:
        return given
    try:
        return asked.read(given)
    except (ValueError, StrokebotError) as error:
        raise typer.BadParameter(str(error), param_hint=asked.flags[0]) from None
