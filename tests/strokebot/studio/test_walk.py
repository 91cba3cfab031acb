"""A calibration as a walk: chart, sheet, measures, fit, save, undo; on virtual paper."""

from __future__ import annotations

import pytest

pytest.importorskip("starlette", reason="the studio is an extra: pip install 'strokebot[studio]'")

from calibration.profile import Profile
from tests.support.studio_server import ROOT, Visitor, served, told

SMALL = (105.0, 148.0)


@pytest.fixture(scope="module")
def holder():
    with served() as running:
        folder = running.home / "config" / "strokebot" / "profiles"
        folder.mkdir(parents=True)
        (folder / "small.toml").write_text(Profile.load("grbl-z").with_paper(SMALL).to_toml())
        visitor = Visitor(running)
        visitor.do("/api/recipe", profile="small")
        yield visitor


def test_a_geometry_is_measured_on_virtual_paper_saved_and_taken_back(holder):
    for path in ("simulate", "fit", "undo", "prepare"):
        assert holder.post(f"/api/calibration/{path}")[0] == 422  # the chart comes first
    begun = holder.do("/api/calibration/begin", what="geometry")["calibration"]
    assert (begun["step"], begun["profile"], begun["paper_mm"]) == ("chart", "small", list(SMALL))
    assert holder.http.get("/api/calibration/chart.png").content.startswith(b"\x89PNG")
    assert holder.http.get("/api/calibration/overlay.png").status_code == 404
    assert holder.http.get("/api/calibration/chart.json").status_code == 404
    with holder.live() as socket:
        holder.do("/api/calibration/simulate")
        told(socket, "calibration", lambda m: m["calibration"]["working"])
        assert "under way" in holder.post("/api/calibration/begin", what="pen")[1]["error"]
        said = told(socket, "calibration", lambda m: m["calibration"]["step"] == "measured")
        measured = said["calibration"]
    assert measured["virtual"]
    assert "30 places" in measured["words"][0]
    assert holder.http.get("/api/calibration/overlay.png").content.startswith(b"\x89PNG")
    fitted = holder.do("/api/calibration/fit", save_as="tried")["calibration"]
    assert (fitted["step"], fitted["saved"], fitted["can_undo"]) == ("fitted", "tried", True)
    assert "after the fit 0.00" in fitted["words"][0]
    assert fitted["before"]["correction"] == [1.0, 0.0, 0.0, 1.0]
    assert fitted["after"]["correction"][0] == pytest.approx(0.996, abs=0.003)
    assert holder.http.get("/api/calibration/fit.png").content.startswith(b"\x89PNG")
    assert "tried" in holder.state()["profiles"]
    gone = holder.do("/api/calibration/undo")["calibration"]
    assert (gone["saved"], gone["can_undo"]) == (None, False)
    assert "tried" not in holder.state()["profiles"]


def test_a_photo_that_shows_no_chart_is_told_and_the_walk_stays(holder):
    holder.do("/api/calibration/begin", what="geometry", printed=True)
    assert holder.http.get("/api/calibration/fiducials.png").content.startswith(b"\x89PNG")
    for data in ((ROOT / "examples" / "flourish.png").read_bytes(), b"no picture"):
        answer = holder.http.post("/api/calibration/photo", files={"photo": ("photo.png", data)})
        assert answer.status_code == 422
        assert "/tmp" not in answer.json()["error"]
    assert holder.state()["calibration"]["step"] == "chart"
    assert not holder.state()["calibration"]["working"]


def test_a_chart_is_drawn_only_after_it_was_confirmed(holder):
    holder.do("/api/calibration/begin", what="geometry")
    assert "No machine" in holder.post("/api/calibration/prepare")[1]["error"]
    holder.do("/api/machine/connect", port="sim://grbl?speed=500")
    ready = holder.do("/api/calibration/prepare")
    assert "geometry chart" in ready["sentence"]
    assert "105 x 148 mm" in ready["sentence"]
    holder.do("/api/draw/start", confirm=ready["confirm"])
    holder.until(lambda s: s["jobs"] and s["jobs"][0]["done"], "it is not drawn")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("begin", {"what": "colour"}),
        ("begin", {"what": "pen", "printed": 1}),
        ("begin", {"what": "pen"}),  # it does not fit on so small a sheet
        ("fit", {"save_as": "../x"}),
        ("fit", {"save_as": 3}),
    ],
)
def test_what_cannot_be_is_refused(holder, path, said):
    status, answer = holder.post(f"/api/calibration/{path}", **said)
    assert status == 422
    assert answer["error"]
