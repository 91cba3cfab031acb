"""What all pages see: picture, recipe, plan, machine, jobs, and who holds the control.

One object in one event loop. Whatever takes long is done in the processes of ``planning`` and ``machine``;
every change is told to all pages, the newest of each kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from calibration.profile import DEFAULT_PROFILE, Profile
from strokebot import __version__, recipe
from strokebot.errors import ConfigError, PlanningStopped, StrokebotError
from strokebot.options import DrawOptions
from strokebot.studio.clients import Client, Message
from strokebot.studio.control import Control, Who
from strokebot.studio.planner import Planner
from strokebot.studio.planning import Looked, Planned
from strokebot.wording import printable

# What a page may not choose: files of this computer.
_NOT_ASKED = ("weights",)
_LONGEST_NAME = 80


@dataclass(frozen=True, eq=False)
class Picture:
    """The picture that is drawn."""

    name: str
    file: Path
    looked: Looked


@dataclass(frozen=True, eq=False)
class PlanShown:
    """A plan and its number."""

    number: int
    planned: Planned


class Studio:
    """The state of one studio."""

    def __init__(self, options: DrawOptions | None = None) -> None:
        """Begins with no picture.

        Args:
            options: of the drawing, at first.
        """
        self.options = options or DrawOptions()
        self.control = Control()
        self.picture: Picture | None = None
        self.plan: PlanShown | None = None
        self.problem: str | None = None
        self.planning: dict[str, Any] | None = None
        self.styles: dict[str, Any] = {"list": [], "done": False}
        self._own_profile = self.options.profile
        self._folder = Path(tempfile.mkdtemp(prefix="strokebot-studio-"))
        self._clients: set[Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pictures = self._plans = 0
        self._planner = Planner(self._hear_planner)

    # -- pages -----------------------------------------------------------------------------------

    async def serve(self, client: Client) -> None:
        """Tells a page all that happens, until it goes away."""
        self._clients.add(client)
        self.control.opened(client.who)
        client.tell(lambda: {"type": "state", "state": self.state(client.who)}, "state")
        self.tell_control()
        try:
            await client.serve()
        finally:
            self._clients.discard(client)
            self.control.closed(client.who)
            self.tell_control()

    def tell(self, kind: str, **values: Any) -> None:
        """Tells all pages the newest of something."""
        message: Message = {"type": kind, **values}
        for client in self._clients:
            client.tell(message, kind)

    def log(self, text: str) -> None:
        """Tells all pages a line."""
        for client in self._clients:
            client.log({"type": "log", "text": text})

    def tell_control(self) -> None:
        """Tells every page whether it holds the control."""
        for client in self._clients:
            client.tell(self._control_of(client.who), "control")

    def _control_of(self, who: Who) -> Message:
        return {"type": "control", "control": self.control.told(who)}

    def state(self, who: Who) -> dict[str, Any]:
        """Everything, as a page is told it."""
        return {
            "version": __version__,
            **self._recipe_told(),
            "planning": self.planning,
            **self._plan_told(),
            "styles": self.styles,
            "control": self.control.told(who),
            "profiles": self.profiles(),
            "choices": {k: v for k, v in recipe.described().items() if k not in _NOT_ASKED},
        }

    def _recipe_told(self) -> dict[str, Any]:
        picture = self.picture
        said = {k: v for k, v in recipe.as_json(self.options).items() if k not in _NOT_ASKED}
        return {
            "recipe": {**said, "profile": self.options.profile or DEFAULT_PROFILE},
            "recipe_text": recipe.to_text(self.options),
            "picture": None
            if picture is None
            else {
                "id": self._pictures,
                "name": picture.name,
                "width": picture.looked.width,
                "height": picture.looked.height,
            },
        }

    def _plan_told(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "plan": None
            if plan is None
            else {"id": plan.number, "summary": plan.planned.summary, "warnings": plan.planned.warnings},
            "problem": self.problem,
        }

    def profiles(self) -> list[str]:
        """Names of profiles that a page may choose."""
        names = Profile.names()
        own = self._own_profile
        return names if own is None or own in names else [own, *names]

    # -- picture and plan ------------------------------------------------------------------------

    def place_for(self, name: str) -> Path:
        """A file of its own for a picture that comes, with a harmless name.

        Args:
            name: as somebody calls it.
        """
        plain = printable(name).replace("\\", "/").rpartition("/")[2]
        plain = "".join(c if c.isalnum() or c in "-_. ()" else "_" for c in plain)[-_LONGEST_NAME:]
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        return folder / (plain.lstrip(". ") or "picture")

    async def take_picture(self, file: Path) -> None:
        """Takes a file for the picture, and plans it.

        Raises:
            PlanningStopped: if another picture came meanwhile.
            StrokebotError: if it cannot be drawn; the picture before stays.
        """
        try:
            looked: Looked = await self._planner.ask("look", file)
        except StrokebotError:
            shutil.rmtree(file.parent, ignore_errors=True)
            self.replan()
            raise
        before = self.picture
        self._pictures += 1
        self.picture = Picture(file.name, file, looked)
        self.options = replace(self.options, crop=None)  # of the picture before
        self.plan = None
        if before is not None:
            shutil.rmtree(before.file.parent, ignore_errors=True)
        self.tell("recipe", **self._recipe_told())
        self.replan()

    async def open(self, file: Path) -> None:
        """Takes a picture of this computer to begin with; a wrong one is told on the page."""
        place = self.place_for(file.name)
        try:
            await asyncio.to_thread(shutil.copyfile, file, place)
            await self.take_picture(place)
        except PlanningStopped:
            return
        except (OSError, StrokebotError) as error:
            self.problem = str(error)
            self.tell("plan", **self._plan_told())

    def change(self, patch: dict[str, Any]) -> None:
        """Changes options, and plans again.

        Raises:
            ConfigError: for an unknown option or a wrong value; nothing is changed.
        """
        for name in _NOT_ASKED:
            if name in patch:
                raise ConfigError(f"A page cannot choose '{name}': give it on the command line.")
        profile = patch.get("profile")
        if profile is not None and profile not in self.profiles():
            raise ConfigError("There is no profile of this name: choose one of the list.")
        changed = recipe.patched(self.options, patch)
        if changed == self.options:
            return
        self.options = changed
        self.tell("recipe", **self._recipe_told())
        self.replan()

    def take_recipe(self, text: str) -> None:
        """Takes over all options of a recipe.

        Raises:
            ConfigError: if it is none; nothing is changed.
        """
        said = recipe.as_json(recipe.from_text(text))
        self.change({k: v for k, v in said.items() if k not in _NOT_ASKED})

    def replan(self) -> None:
        """Plans what is wanted now, whatever is being planned."""
        if self.picture is None:
            return
        self.styles = {"list": [], "done": False}
        self.planning = {"told": "waiting", "share": 0.0}
        self.tell("planning", planning=self.planning)
        self.tell("styles", styles=self.styles)
        self.begin(self._plan(self.picture, self.options))

    async def _plan(self, picture: Picture, options: DrawOptions) -> None:
        try:
            planned: Planned = await self._planner.ask("plan", picture.file, options)
        except PlanningStopped:
            return
        except StrokebotError as error:
            self.plan, self.problem = None, str(error)
        else:
            self._plans += 1
            self.plan, self.problem = PlanShown(self._plans, planned), None
        self.planning = None
        self.tell("planning", planning=None)
        self.tell("plan", **self._plan_told())

    def _hear_planner(self, word: str, value: Any) -> None:
        if word == "planning":
            self.planning = value
            self.tell("planning", planning=value)
        elif word == "style":
            self.styles["list"].append(value)
            self.tell("styles", styles=self.styles)

    def sketch_styles(self) -> None:
        """Begins to plan the picture in every style, unless that was done for this plan."""
        if self.picture is None or self.styles["done"] or self.styles.get("under_way"):
            return
        self.styles = {"list": [], "done": False, "under_way": True}
        self.begin(self._sketch_styles(self.picture, self.options))

    async def _sketch_styles(self, picture: Picture, options: DrawOptions) -> None:
        mine = self.styles
        try:
            await self._planner.ask("styles", picture.file, options)
        except StrokebotError:
            if mine is self.styles:
                self.styles = {"list": [], "done": False}
                self.tell("styles", styles=self.styles)
            return
        mine |= {"done": True, "under_way": False}
        self.tell("styles", styles=self.styles)

    # -- the end ---------------------------------------------------------------------------------

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Does something beside what is asked."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Ends the processes, and forgets the pictures."""
        for task in tuple(self._tasks):
            task.cancel()
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._planner.close)
        shutil.rmtree(self._folder, ignore_errors=True)
