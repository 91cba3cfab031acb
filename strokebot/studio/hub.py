"""What all pages see: picture, recipe, plan, machine, jobs, and who holds the control.

One object in one event loop. Whatever takes long is done in the processes of ``planning`` and ``machine``;
every change is told to all pages, the newest of each kind.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from calibration.profile import DEFAULT_PROFILE, Profile
from firmware_bridge.dialects import dialect_of
from firmware_bridge.journal.reader import is_locked
from firmware_bridge.transports import list_ports
from strokebot import __version__, recipe
from strokebot.errors import ConfigError, PlanningStopped, StrokebotError
from strokebot.options import DrawOptions
from strokebot.studio.clients import Client, Message
from strokebot.studio.control import Control, Who
from strokebot.studio.driver import Driver
from strokebot.studio.jobs import Jobs, job_file
from strokebot.studio.machine import VIRTUAL
from strokebot.studio.planner import Planner
from strokebot.studio.planning import Looked, Planned, Rehearsed
from strokebot.studio.walk import Walk
from strokebot.studio.wording import on_page
from strokebot.trajectory.path.place import PAPERS_MM
from strokebot.wording import duration_text, length_text, printable

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


@dataclass(frozen=True, eq=False)
class Ready:
    """What may be drawn for real, once, with its token."""

    token: str
    order: str
    values: dict[str, Any]
    wanted: tuple[int, DrawOptions] | None  # None for what does not hang on the picture


def papers() -> list[dict[str, Any]]:
    """Sheets by name, upright and lying."""
    found = []
    for name, (width, height) in PAPERS_MM.items():
        shown = name if name[0] == "A" and name[1:].isdigit() else name.lower()
        found.append({"name": shown, "size_mm": [width, height]})
        found.append({"name": f"{shown}-landscape", "size_mm": [height, width]})
    return found


def _where(told: dict[str, Any]) -> str:
    """A machine, as it is named before it draws."""
    return "the virtual machine" if told["virtual"] else f"{told['profile']} at {told['port']}"


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
        self.farewell = ""
        self._stopped_job: dict[str, Any] | None = None
        self._own_profile = self.options.profile
        self._own_port = ""
        self._folder = Path(tempfile.mkdtemp(prefix="strokebot-studio-"))
        self._clients: set[Client] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pictures = self._plans = 0
        self._settled = asyncio.Event()
        self._settled.set()
        self._planner = Planner(self._hear_planner)
        self._machine = Driver(self._hear_machine)
        self._connecting: tuple[str, asyncio.Task[Any]] | None = None
        self.walk = Walk(self, self._calibrate)
        self._jobs = Jobs()
        self._jobs_told: list[dict[str, Any]] = []
        self._jobs_read = asyncio.Lock()
        self._ready: Ready | None = None
        self.begin(self.read_jobs())

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
            "machine": self._machine.told,
            "jobs": self._jobs_told,
            "calibration": self.walk.told,
            "papers": papers(),
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
            self.problem = on_page(error)
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
        self._settled.clear()
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
            self.plan, self.problem = None, on_page(error)
        else:
            self._plans += 1
            self.plan, self.problem = PlanShown(self._plans, planned), None
        self.planning = None
        self._settled.set()
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

    # -- the machine -----------------------------------------------------------------------------

    def _hear_machine(self, kind: str, value: Any) -> None:
        if kind == "log":
            self.log(value)
        elif kind == "jobs":
            self.begin(self.read_jobs())
        elif kind == "position":
            self.tell("position", **value)
        else:
            self.tell("machine", machine=value)

    async def machine(self, order: str, **values: Any) -> Any:
        """Has the machine do something; see ``machine.Machine``.

        Raises:
            StrokebotError: if it cannot.
        """
        return await self._machine.ask(order, **values)

    async def connect(self, port: str) -> None:
        """Connects to a machine of the list of ports, with the profile of the recipe.

        Raises:
            StrokebotError: if it is not in the list, cannot be reached, or is another one.
        """
        listed = [found["url"] for found in await asyncio.to_thread(self.ports)]
        if port not in listed and not port.startswith(VIRTUAL):  # else a page could open any file
            raise StrokebotError(
                "There is no such port here: choose one of the list, or name it at the start with --port."
            )
        # Whoever presses the button while the studio connects at its start waits for the same.
        if self._connecting is None or self._connecting[0] != port or self._connecting[1].done():
            profile = Profile.load(self.options.profile)
            wish = self.machine("connect", port=port, profile=profile)
            self._connecting = port, asyncio.ensure_future(wish)
        await asyncio.shield(self._connecting[1])

    async def connect_at_start(self, port: str) -> None:
        """The same; what goes wrong is told on the page."""
        self._own_port = port
        with contextlib.suppress(StrokebotError):
            await self.connect(port)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of the journal, as they were read last."""
        return self._jobs_told

    def ports(self) -> list[dict[str, str]]:
        """The ports of this computer with what they are, the virtual machines first; blocks."""
        machine = Profile.load(self.options.profile).machine
        virtual = f"{VIRTUAL}{dialect_of(machine.dialect).manners.simulator}?speed="
        found = [
            {"url": f"{virtual}1", "label": "virtual machine"},
            {"url": f"{virtual}10", "label": "virtual machine, ten times as fast"},
        ]
        if self._own_port and not self._own_port.startswith(VIRTUAL):
            found.insert(0, {"url": self._own_port, "label": f"{self._own_port}, named at the start"})
        if "://" in machine.url and not machine.url.startswith(VIRTUAL):
            found.append({"url": machine.url, "label": f"{machine.url}, of the profile"})
        serial = list_ports()
        for port in serial:
            alike = sum(other.usb == port.usb for other in serial) > 1  # then only the name tells them apart
            url = port.device if alike or not port.usb else port.usb
            found.append({"url": url, "label": f"{port.device} {port.description}".strip()})
        return found

    async def frame(self) -> None:
        """Walks around the drawing, with the pen up.

        Raises:
            StrokebotError: if there is no plan, or the machine cannot.
        """
        if self.plan is None:
            raise StrokebotError("There is no drawing to walk around yet.")
        low, high = self.plan.planned.frame_mm
        await self.machine("frame", low_mm=low, high_mm=high)

    @property
    def _wanted(self) -> tuple[int, DrawOptions]:
        """Which picture is to be drawn, and how."""
        return self._pictures, self.options

    async def _calibrate(self, values: dict[str, Any]) -> dict[str, Any]:
        """A step of a calibration, in the process that plans."""
        done: dict[str, Any] = await self._planner.ask("calibrate", self._folder, values=values)
        return done

    def profile_saved(self, name: str) -> None:
        """A profile has other values now, or is there no more."""
        self.tell("profiles", profiles=self.profiles())
        if (self.options.profile or DEFAULT_PROFILE) == name:
            self._planner.forget()
            self.replan()

    def prepare_chart(self) -> dict[str, Any]:
        """What is to be confirmed before the chart of a calibration is drawn.

        Raises:
            StrokebotError: if there is no chart, or no machine.
        """
        sentence, job = self.walk.job()
        where = _where(self._require_ready())
        ready = self._confirm(
            f"On {where}: {sentence} Is the pen up, and the paper in place?", "draw", job=job
        )
        assert self._ready is not None
        self._ready = replace(self._ready, wanted=None)
        return ready

    def _require_ready(self) -> dict[str, Any]:
        told = self._machine.told
        if not told["connected"]:
            raise StrokebotError("No machine is connected: choose a port first; the virtual one is there.")
        if self._machine.busy:
            raise StrokebotError("The machine is moving: wait for it.")
        return told

    def _confirm(self, sentence: str, order: str, **values: Any) -> dict[str, Any]:
        """What is to be confirmed, with a token that is good for one drawing."""
        self._ready = Ready(secrets.token_urlsafe(16), order, values, self._wanted)
        return {"confirm": self._ready.token, "sentence": sentence}

    async def prepare(self) -> dict[str, Any]:
        """Rehearses the drawing on the virtual machine; answers what is to be confirmed before it is drawn.

        Raises:
            StrokebotError: if no machine is connected, or the drawing cannot be drawn.
        """
        told = self._require_ready()
        await self._settled.wait()
        if self.picture is None or self.plan is None:
            raise StrokebotError(self.problem or "There is no picture yet: choose one first.")
        wanted = self._wanted
        try:
            done: Rehearsed = await self._planner.ask("rehearse", self.picture.file, self.options)
        finally:
            if self._settled.is_set():  # else a newer plan is being made
                self.planning = None
                self.tell("planning", planning=None)
        if self._wanted != wanted:
            raise PlanningStopped("The drawing was changed meanwhile.")
        paper = "{:g} x {:g} mm".format(*done.paper_mm)
        sentence = (
            f"Draw {done.name} on {_where(told)}: {duration_text(done.duration_s)}, "
            f"{length_text(done.drawn_mm)} of line on a sheet of {paper}. "
            "Is the pen up, and the paper in place?"
        )
        return self._confirm(sentence, "draw", job=done.job) | {"duration_s": done.duration_s}

    async def prepare_job(self, name: str, again: bool, place: str, overlap_mm: float) -> dict[str, Any]:
        """What is to be confirmed before a job is gone on with, or drawn from its beginning.

        Raises:
            StrokebotError: if there is no such job, or no machine for it.
        """
        path = await asyncio.to_thread(job_file, name)
        await self.read_jobs()
        told = next((job for job in self._jobs_told if job["id"] == name), None)
        if told is None or told["damaged"]:
            raise StrokebotError("This job cannot be used." if told is None else told["reason"])
        if told["drawing"]:
            raise StrokebotError("This job is being drawn.")
        where = _where(self._require_ready())
        if again:
            sentence = f"Draw {told['name']} again on {where}, from its beginning: a new sheet in place?"
            return self._confirm(sentence, "again", path=path)
        if told["done"]:
            raise StrokebotError("This job is done: there is nothing to go on with.")
        sentence = f"Go on with {told['name']} on {where} at {told['where']}: the same paper, in its place?"
        return self._confirm(sentence, "resume_job", path=path, place=place, overlap_mm=overlap_mm)

    def start(self, token: str) -> None:
        """Draws what was confirmed; what comes of it is told to all pages.

        Raises:
            ConfigError: if the token is not that of the last rehearsal, or was used.
            StrokebotError: if the machine is not ready.
        """
        ready = self._ready
        if ready is None or not secrets.compare_digest(token.encode(), ready.token.encode()):
            raise ConfigError("This is not the token of the last rehearsal: prepare the drawing again.")
        self._ready = None
        if ready.order == "draw" and ready.wanted not in (None, self._wanted):
            raise ConfigError("The drawing was changed since it was rehearsed: prepare it again.")
        self._require_ready()
        self.begin(self._run(ready))

    async def _run(self, ready: Ready) -> None:
        try:
            await self.machine(ready.order, **ready.values)
        except StrokebotError as error:
            self.tell("problem", text=on_page(error))
        await self.read_jobs()

    async def read_jobs(self) -> None:
        """Reads the journals, and tells them."""
        async with self._jobs_read:
            self._jobs_told = await asyncio.to_thread(self._jobs.told)
        self.tell("jobs", jobs=self._jobs_told)

    async def delete_job(self, name: str) -> None:
        """Deletes a journal.

        Raises:
            StrokebotError: if there is none, or it is being written.
        """
        path = await asyncio.to_thread(job_file, name)
        if is_locked(path):
            raise StrokebotError("This job is being drawn: cancel it first.")
        path.unlink(missing_ok=True)
        await self.read_jobs()

    def stop_soon(self) -> None:
        """Stops a drawing under way, with the pen up; may be called while the loop ends."""
        self._stopped_job = self._machine.told["job"]
        self._machine.stop_soon()

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
        job = self._stopped_job or self._machine.told["job"]
        ended = await asyncio.to_thread(self._machine.close)
        if not ended:
            self.farewell = "the machine did not answer in time: look where the pen is, and lift it by hand."
        elif job is not None and job["kind"] != "frame":
            self.farewell = f"{job['name']} was stopped, with the pen up; the studio's list of jobs has it."
        shutil.rmtree(self._folder, ignore_errors=True)
