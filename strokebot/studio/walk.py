"""A calibration as a walk through its steps, as all pages see it.

    none -> chart -> measured -> fitted, and back to none

The files are those of ``strokebot calibrate``, in the same folder: a walk that was broken off on the
page can be gone on with on the command line, and the other way round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration.fit.history import undo
from calibration.profile import DEFAULT_PROFILE
from strokebot import calibrating
from strokebot.errors import StrokebotError
from strokebot.studio.wording import on_page
from strokebot.wording import duration_text

if TYPE_CHECKING:
    from strokebot.studio.hub import Studio

PICTURES = {
    "chart.png": calibrating.LEGEND_FILE,
    "fiducials.png": calibrating.FIDUCIALS_FILE,
    "scan.png": calibrating.SCAN_FILE,
    "overlay.png": calibrating.OVERLAY_FILE,
    "fit.png": calibrating.FIT_FIGURE_FILE,
}
_NEW: dict[str, Any] = {
    "step": "none",
    "what": None,
    "profile": None,
    "printed": False,
    "title": "",
    "paper_mm": None,
    "duration_s": None,
    "virtual": False,
    "working": False,
    "words": [],
    "before": None,
    "after": None,
    "saved": None,
    "can_undo": False,
    "version": 0,
}

# Does a step in the process that plans.
Do = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Walk:
    """The calibration that is under way.

    Attributes:
        told: as pages are told it.
    """

    def __init__(self, studio: Studio, do: Do) -> None:
        self.told = dict(_NEW)
        self._studio = studio
        self._do = do
        self._folder = Path()
        self._job = b""

    def _tell(self, **values: Any) -> None:
        version = self.told["version"] + 1  # of the pictures
        self.told = {**self.told, **values, "version": version}
        self._studio.tell("calibration", calibration=self.told)

    async def _step(self, **values: Any) -> dict[str, Any]:
        self._require_rest()
        self._tell(working=True)
        try:
            return await self._do(values)
        finally:
            self._tell(working=False)

    def _require_rest(self) -> None:
        if self.told["working"]:
            raise StrokebotError("A step of the calibration is under way: wait for it.")

    def _require(self, *steps: str) -> None:
        if self.told["step"] not in steps:
            raise StrokebotError("That is not the next step: begin with the chart.")

    async def begin(self, what: str, printed: bool) -> None:
        """Makes the chart for the profile of the recipe.

        Raises:
            StrokebotError: if the sheet is too small, or the machine cannot draw it.
        """
        profile = self._studio.options.profile
        folder = calibrating.folder_of(profile, what)
        done = await self._step(step="chart", what=what, profile=profile, folder=folder, printed=printed)
        self._folder, self._job = folder, done.pop("job")
        fresh = {key: value for key, value in _NEW.items() if key != "version"}
        chosen = {"step": "chart", "what": what, "printed": printed, "profile": profile or DEFAULT_PROFILE}
        self._tell(**(fresh | done | chosen))

    def job(self) -> tuple[str, bytes]:
        """The chart for the machine, and what is to be confirmed.

        Raises:
            StrokebotError: if there is no chart yet.
        """
        self._require("chart", "measured", "fitted")
        told = self.told
        paper = "{:g} x {:g} mm".format(*told["paper_mm"])
        sheet = "the sheet with the printed fiducials" if told["printed"] else f"a sheet of {paper}"
        return f"Draw the {told['title']} on {sheet}: {duration_text(told['duration_s'])}.", self._job

    async def measure(self, file: Path) -> None:
        """Measures a picture of the sheet.

        Raises:
            StrokebotError: if it cannot be used; says why.
        """
        self._require("chart", "measured", "fitted")
        self._measured(await self._step(step="measure", file=file, folder=self._folder))

    def begin_to_simulate(self) -> None:
        """Begins to draw the sheet on virtual paper, and to scan and measure it, to try it without a machine.

        It takes some minutes on a slow computer; what comes of it is told to the pages.

        Raises:
            StrokebotError: if there is no chart yet, or something else is under way.
        """
        self._require("chart", "measured", "fitted")
        self._require_rest()
        self._studio.begin(self._simulate())

    async def _simulate(self) -> None:
        try:
            await self.simulate()
        except StrokebotError as error:
            self._studio.tell("problem", text=on_page(error))

    async def simulate(self) -> None:
        """Does that, and returns at its end.

        Raises:
            StrokebotError: if the chart cannot be drawn.
        """
        what, profile = self.told["what"], self._studio.options.profile
        folder = calibrating.folder_of(profile, what, virtual=True)
        if folder != self._folder:  # never among the files of a real one
            made = await self._step(
                step="chart", what=what, profile=profile, folder=folder, printed=self.told["printed"]
            )
            self._folder, self._job = folder, made["job"]
        self._measured(await self._step(step="scan", profile=profile, folder=folder))

    def _measured(self, done: dict[str, Any]) -> None:
        self._tell(step="measured", words=[done["sentence"]], virtual=done["virtual"])

    async def fit(self, save_as: str | None) -> None:
        """Fits what was measured, and saves it.

        Raises:
            StrokebotError: if it fits no pen and no machine.
        """
        self._require("measured", "fitted")
        told = self.told
        done = await self._step(
            step="fit", what=told["what"], profile=self._profile(), folder=self._folder, save_as=save_as
        )
        name = done["name"]
        kept = not (done["virtual"] and save_as is None)
        self._tell(
            step="fitted",
            words=done["words"],
            before=done["before"],
            after=done["after"],
            saved=name if kept else None,
            can_undo=kept,
        )
        self._studio.profile_saved(name)

    def _profile(self) -> str | None:
        """The profile of the chart."""
        own = self._studio.options.profile
        return own if (own or DEFAULT_PROFILE) == self.told["profile"] else self.told["profile"]

    async def undo(self) -> None:
        """Takes the profile back that was there before.

        Raises:
            StrokebotError: if nothing was saved.
        """
        name = self.told["saved"]
        if name is None:
            raise StrokebotError("Nothing was saved, so there is nothing to undo.")
        words = await asyncio.to_thread(undo, name)
        self._tell(step="measured", words=[words], saved=None, can_undo=False, after=None)
        self._studio.profile_saved(name)

    def picture(self, name: str) -> Path:
        """One of the pictures of the walk.

        Raises:
            StrokebotError: if there is none of this name yet.
        """
        file = PICTURES.get(name)
        if file is None or self.told["step"] == "none" or not (self._folder / file).is_file():
            raise StrokebotError("There is no such picture yet.")
        return self._folder / file
