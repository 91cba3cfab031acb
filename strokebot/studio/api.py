"""What a page may ask, and what it is answered; ``docs/studio.md`` describes it.

Every answer but files is JSON; what cannot be done is ``{"error": "one sentence"}`` with a status of 4xx.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from firmware_bridge.job.resume import OVERLAP_MM
from strokebot.errors import PlanningStopped, StrokebotError
from strokebot.studio.clients import Client
from strokebot.studio.control import Who
from strokebot.studio.hub import PlanShown, Studio
from strokebot.studio.jobs import job_file, thumbnail
from strokebot.studio.machine import trim_steps
from strokebot.studio.wording import on_page

PAGE = Path(__file__).parent / "page"
# A photograph of a phone has 10 MB, a scan of a page 60.
MOST_PICTURE_BYTES = 64 * 1024 * 1024
_MOST_BODY_BYTES = 64 * 1024
_PIECE_BYTES = 1 << 20
_LONGEST_PORT = 200
_FAR_MM = 10_000.0
_JOG_FEED_MM_S, _MOST_FEED_MM_S = 20.0, 1000.0
_MOST_STEPS, _MOST_TRIM_MM, _MOST_OVERLAP_MM = 40, 2.0, 50.0
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
_CLIENT = re.compile(r"[A-Za-z0-9_-]{0,32}")

Handler = Callable[[Request], Awaitable[Response]]


class _TooLarge(Exception):
    """A body is larger than what is asked for."""


def studio_of(request: Request | WebSocket) -> Studio:
    """The studio that a request is about."""
    found: Studio = request.app.state.studio
    return found


def who_asks(request: Request | WebSocket, name: str) -> Who:
    """The session and the name of the page that asks."""
    if not _CLIENT.fullmatch(name):
        raise HTTPException(400, "The name of this page has other signs than letters and digits.")
    return request.scope.get("session") or "", name


def changes(handler: Handler) -> Handler:
    """Lets only the page that holds the control do something."""

    async def held(request: Request) -> Response:
        studio = studio_of(request)
        who = who_asks(request, request.headers.get("x-client", ""))
        before = studio.control.holder
        if not studio.control.may_change(who):
            raise HTTPException(409, "Another page holds the control: take it over first.")
        if before != who:
            studio.tell_control()
        return await handler(request)

    return held


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON table that a request brings; an empty body is an empty table."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > _MOST_BODY_BYTES:
            raise HTTPException(413, "This request is too long.")
    try:
        found = json.loads(bytes(data) or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "This request is no JSON.") from None
    if not isinstance(found, dict):
        raise HTTPException(400, "This request is no JSON table.")
    return found


DONE = {"ok": True}


# -- files ---------------------------------------------------------------------------------------


async def index(request: Request) -> Response:
    """The page."""
    del request
    return FileResponse(PAGE / "index.html", media_type=_KINDS[".html"])


async def page_file(request: Request) -> Response:
    """A file of the page; nothing outside its folder, and only of the kinds that a page has."""
    asked = request.path_params["path"]
    kind = _KINDS.get(Path(asked).suffix)
    try:
        file = (PAGE / asked).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise HTTPException(404, "There is no such file.") from None
    if kind is None or not file.is_relative_to(PAGE.resolve()) or not file.is_file():
        raise HTTPException(404, "There is no such file.")
    return FileResponse(file, media_type=kind)


# -- picture, recipe, plan -----------------------------------------------------------------------


async def state(request: Request) -> Response:
    """Everything."""
    who = who_asks(request, request.headers.get("x-client", ""))
    return JSONResponse(studio_of(request).state(who))


async def picture(request: Request) -> Response:
    """Takes a picture."""
    studio = studio_of(request)
    file = await upload(request, "picture", studio)
    await studio.take_picture(file)
    return JSONResponse(studio.state(who_asks(request, request.headers.get("x-client", ""))))


async def upload(request: Request, field: str, studio: Studio) -> Path:
    """Writes the file that a form brings into a folder of the studio, and stops where it is too large."""
    said = f"The file is larger than {MOST_PICTURE_BYTES >> 20} MB: scale it down."
    too_large = HTTPException(413, said, {"connection": "close"})  # what is still to come is not read
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or int(announced) > MOST_PICTURE_BYTES:
        raise too_large
    count = 0

    async def bounded() -> Message:
        nonlocal count
        message = await request.receive()
        count += len(message.get("body", b""))
        if count > MOST_PICTURE_BYTES:
            raise _TooLarge
        return message

    try:
        async with Request(request.scope, bounded).form(max_files=1, max_fields=4) as form:
            sent = form.get(field)
            if sent is None or isinstance(sent, str):
                raise HTTPException(422, f"No file came: send it as the field '{field}' of a form.")
            file = studio.place_for(sent.filename or field)
            with file.open("wb") as target:
                while piece := await sent.read(_PIECE_BYTES):
                    target.write(piece)
    except _TooLarge:
        raise too_large from None
    except (MultiPartException, ClientDisconnect):
        raise HTTPException(422, "The file did not come whole: send it again.") from None
    return file


async def picture_png(request: Request) -> Response:
    """The picture, as large as a screen."""
    shown = studio_of(request).picture
    if shown is None:
        raise HTTPException(404, "There is no picture yet.")
    return Response(shown.looked.png, media_type="image/png")


async def change_recipe(request: Request) -> Response:
    """Changes options: a table of them, or a whole recipe as ``{"text": ...}``."""
    studio, said = studio_of(request), await body_of(request)
    text = said.get("text")
    if isinstance(text, str):
        studio.take_recipe(text)
    else:
        studio.change(said)
    return JSONResponse(DONE)


def _plan_of(request: Request) -> PlanShown:
    plan = studio_of(request).plan
    if plan is None or str(plan.number) != request.path_params["number"]:
        raise HTTPException(404, "This plan is not there any more.")
    return plan


async def plan_path(request: Request) -> Response:
    """The rows of a plan."""
    planned = _plan_of(request).planned
    rows = planned.all_rows if request.query_params.get("full") == "1" else planned.rows
    return Response(rows, media_type="application/octet-stream")


async def plan_seen(request: Request) -> Response:
    """What was taken for what in the picture."""
    return Response(_plan_of(request).planned.seen, media_type="image/png")


async def plan_gcode(request: Request) -> Response:
    """The file that a machine would be sent."""
    return Response(
        _plan_of(request).planned.gcode,
        media_type="text/plain; charset=us-ascii",
        headers={"content-disposition": 'attachment; filename="drawing.gcode"'},
    )


async def styles(request: Request) -> Response:
    """The styles that are sketched by now; begins to sketch them."""
    studio = studio_of(request)
    studio.sketch_styles()
    return JSONResponse({"styles": studio.styles})


async def take_control(request: Request) -> Response:
    """Takes over the control."""
    studio = studio_of(request)
    studio.control.take(who_asks(request, request.headers.get("x-client", "")))
    studio.tell_control()
    return JSONResponse(DONE)


async def live(socket: WebSocket) -> None:
    """Tells a page all that happens."""
    who = who_asks(socket, socket.query_params.get("client", ""))
    await socket.accept()
    await studio_of(socket).serve(Client(socket, who))


# -- the machine ---------------------------------------------------------------------------------


def number(said: dict[str, Any], key: str, low: float, high: float, default: float | None = None) -> float:
    """A number that a request brings.

    Raises:
        HTTPException: if it is none, or out of range.
    """
    value = said.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise HTTPException(422, f"'{key}' must be a number from {low:g} to {high:g}.")
    return float(value)


async def ports(request: Request) -> Response:
    """The ports of this computer, the virtual machines first."""
    found = await asyncio.to_thread(studio_of(request).ports)
    return JSONResponse({"ports": found})


async def connect(request: Request) -> Response:
    """Connects to a machine."""
    port = (await body_of(request)).get("port")
    if not isinstance(port, str) or not 0 < len(port) <= _LONGEST_PORT or not port.isprintable():
        raise HTTPException(422, "'port' must name a port, such as those of /api/ports.")
    await studio_of(request).connect(port)
    return JSONResponse(DONE)


def order(name: str) -> Handler:
    """What has the machine do something that needs no more words."""

    async def ordered(request: Request) -> Response:
        await body_of(request)
        return JSONResponse(DONE | {"lines": await studio_of(request).machine(name) or []})

    return ordered


async def jog(request: Request) -> Response:
    """A step in the directions of the paper, or to a place on it."""
    studio, said = studio_of(request), await body_of(request)
    feed = number(said, "feed_mm_s", 0.1, _MOST_FEED_MM_S, _JOG_FEED_MM_S)
    if "x_mm" in said or "y_mm" in said:
        place = tuple(number(said, key, -_FAR_MM, _FAR_MM) for key in ("x_mm", "y_mm"))
        await studio.machine("go", place_mm=place, feed_mm_s=feed)
    else:
        step = tuple(number(said, key, -_FAR_MM, _FAR_MM, 0.0) for key in ("dx_mm", "dy_mm"))
        await studio.machine("jog", step_mm=step, feed_mm_s=feed)
    return JSONResponse(DONE)


async def pen(request: Request) -> Response:
    """The pen alone."""
    studio, said = studio_of(request), await body_of(request)
    to = said.get("to")
    if to not in ("up", "down"):
        to = number(said, "to", -_FAR_MM, _FAR_MM)
    await studio.machine("pen", to=to)
    return JSONResponse(DONE)


async def frame(request: Request) -> Response:
    """Walks around the drawing."""
    await studio_of(request).frame()
    return JSONResponse(DONE)


async def prepare(request: Request) -> Response:
    """Rehearses the drawing."""
    return JSONResponse(await studio_of(request).prepare())


async def start(request: Request) -> Response:
    """Draws for real."""
    token = (await body_of(request)).get("confirm")
    if not isinstance(token, str):
        raise HTTPException(422, "'confirm' must be the token of a rehearsal.")
    studio_of(request).start(token)
    return JSONResponse(DONE)


async def speed(request: Request) -> Response:
    """Draws faster or slower."""
    percent = number(await body_of(request), "percent", 10, 200)
    await studio_of(request).machine("speed", percent=round(percent))
    return JSONResponse(DONE)


async def pen_trim(request: Request) -> Response:
    """Draws with the pen higher (or lower), by steps or by mm."""
    studio, said = studio_of(request), await body_of(request)
    if "steps" in said:
        steps = round(number(said, "steps", -_MOST_STEPS, _MOST_STEPS))
    else:
        steps = trim_steps(number(said, "mm", -_MOST_TRIM_MM, _MOST_TRIM_MM))
    await studio.machine("trim", steps=steps)
    return JSONResponse(DONE)


async def jobs(request: Request) -> Response:
    """The jobs of the journal."""
    studio = studio_of(request)
    await studio.read_jobs()
    return JSONResponse({"jobs": studio.jobs})


async def job_thumbnail(request: Request) -> Response:
    """What a job draws."""
    file = await asyncio.to_thread(job_file, request.path_params["job"])
    return JSONResponse(await asyncio.to_thread(thumbnail, file))


def job_prepared(again: bool) -> Handler:
    """What is to be confirmed before a job is gone on with, or drawn again."""

    async def prepared(request: Request) -> Response:
        said = await body_of(request)
        place = said.get("place", "ask")
        if place not in ("ask", "home", "here"):
            raise HTTPException(422, "'place' must be ask, home or here.")
        overlap = number(said, "overlap_mm", 0.0, _MOST_OVERLAP_MM, OVERLAP_MM)
        name = request.path_params["job"]
        return JSONResponse(await studio_of(request).prepare_job(name, again, place, overlap))

    return prepared


async def delete_job(request: Request) -> Response:
    """Deletes a job's journal."""
    await studio_of(request).delete_job(request.path_params["job"])
    return JSONResponse(DONE)


# -- calibration ---------------------------------------------------------------------------------


async def calibration(request: Request) -> Response:
    """Where the calibration is."""
    return JSONResponse({"calibration": studio_of(request).walk.told})


async def calibration_begin(request: Request) -> Response:
    """Makes a chart."""
    said = await body_of(request)
    if said.get("what") not in ("pen", "geometry") or not isinstance(said.get("printed", False), bool):
        raise HTTPException(422, "'what' must be pen or geometry, and 'printed' true or false.")
    await studio_of(request).walk.begin(said["what"], said.get("printed", False))
    return await calibration(request)


async def calibration_prepare(request: Request) -> Response:
    """What is to be confirmed before the chart is drawn."""
    return JSONResponse(studio_of(request).prepare_chart())


async def calibration_photo(request: Request) -> Response:
    """Takes a scan or a photo of the sheet, and measures it."""
    studio = studio_of(request)
    file = await upload(request, "photo", studio)
    try:
        await studio.walk.measure(file)
    finally:
        shutil.rmtree(file.parent, ignore_errors=True)
    return await calibration(request)


async def calibration_simulate(request: Request) -> Response:
    """Begins to draw the sheet on virtual paper, and to measure it."""
    studio_of(request).walk.begin_to_simulate()
    return await calibration(request)


async def calibration_fit(request: Request) -> Response:
    """Fits what was measured, and saves it."""
    name = (await body_of(request)).get("save_as")
    if name is not None and not (isinstance(name, str) and _PROFILE.fullmatch(name)):
        raise HTTPException(422, "'save_as' must be a name of letters, digits, '-' and '_'.")
    await studio_of(request).walk.fit(name)
    return await calibration(request)


async def calibration_undo(request: Request) -> Response:
    """Takes the profile back that was there before."""
    await studio_of(request).walk.undo()
    return await calibration(request)


async def calibration_picture(request: Request) -> Response:
    """One of its pictures."""
    try:
        file = studio_of(request).walk.picture(request.path_params["picture"])
    except StrokebotError as error:
        raise HTTPException(404, on_page(error)) from None
    return FileResponse(file, media_type="image/png")


# -- errors --------------------------------------------------------------------------------------


async def told_error(request: Request, error: Exception) -> Response:
    """An error as a page is told it."""
    del request
    if isinstance(error, HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    if isinstance(error, PlanningStopped):
        return JSONResponse({"error": "A newer change took its place."}, 409)
    if isinstance(error, StrokebotError):
        return JSONResponse({"error": on_page(error)}, 422)
    said = f"internal error, please report it: {type(error).__name__}: {error}"
    return JSONResponse({"error": said}, 500)


ERRORS: dict[Any, Any] = dict.fromkeys((HTTPException, StrokebotError, Exception), told_error)


def routes() -> list[BaseRoute]:
    """What may be asked where."""

    def post(path: str, handler: Handler, free: bool = False) -> Route:
        return Route(path, handler if free else changes(handler), methods=["POST"])

    return [
        Route("/", index),
        Route("/page/{path:path}", page_file),
        Route("/api/state", state),
        post("/api/picture", picture),
        Route("/api/picture.png", picture_png),
        post("/api/recipe", change_recipe),
        Route("/api/plan/{number}/path", plan_path),
        Route("/api/plan/{number}/seen.png", plan_seen),
        Route("/api/plan/{number}/gcode", plan_gcode),
        Route("/api/styles", styles),
        post("/api/control/take", take_control, free=True),
        Route("/api/ports", ports),
        post("/api/machine/connect", connect),
        *(
            post(f"/api/machine/{path}", order(name))
            for path, name in (
                ("disconnect", "disconnect"),
                ("status", "status"),
                ("home", "home"),
                ("unlock", "unlock"),
                ("touch_off", "touch_off"),
            )
        ),
        post("/api/machine/jog", jog),
        post("/api/machine/pen", pen),
        post("/api/machine/frame", frame),
        post("/api/draw/prepare", prepare),
        post("/api/draw/start", start),
        post("/api/draw/hold", order("hold"), free=True),
        post("/api/draw/resume", order("go_on")),
        post("/api/draw/cancel", order("cancel")),
        post("/api/draw/speed", speed),
        post("/api/draw/pen_trim", pen_trim),
        Route("/api/calibration", calibration),
        Route("/api/calibration/{picture}", calibration_picture),
        post("/api/calibration/begin", calibration_begin),
        post("/api/calibration/prepare", calibration_prepare),
        post("/api/calibration/photo", calibration_photo),
        post("/api/calibration/simulate", calibration_simulate),
        post("/api/calibration/fit", calibration_fit),
        post("/api/calibration/undo", calibration_undo),
        Route("/api/jobs", jobs),
        Route("/api/jobs/{job}/thumbnail", job_thumbnail),
        post("/api/jobs/{job}/resume", job_prepared(False)),
        post("/api/jobs/{job}/again", job_prepared(True)),
        post("/api/jobs/{job}/delete", delete_job),
        WebSocketRoute("/api/live", live),
    ]
