"""The door of the studio: each thing that a page must have, missing alone, keeps it out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="the studio is an extra: pip install 'strokebot[studio]'")

from starlette.responses import PlainTextResponse

from strokebot.studio.access import Access, Doorkeeper
from strokebot.studio.server import LOOPBACK
from tests.support.asgi import Asker

PORT = 8123
BASE = f"http://127.0.0.1:{PORT}"


async def inside(scope, receive, send):
    if scope["type"] == "http":
        await PlainTextResponse("inside")(scope, receive, send)
        return
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "inside"})


@pytest.fixture
def keeper():
    return Doorkeeper(LOOPBACK, PORT)


def outside(keeper, base=BASE, **headers):
    return Asker(Access(inside, keeper), base, **headers)


def come_in(keeper, base=BASE, **headers):
    asker = outside(keeper, base, **headers)
    assert asker.get(f"/?token={keeper.token}").status == 303
    return asker


def test_the_token_brings_a_cookie_that_no_script_and_no_other_site_gets(keeper):
    asker = outside(keeper)
    answer = asker.get(f"/?token={keeper.token}")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=strict" in said
    assert asker.get("/api/state").text == "inside"


@pytest.mark.parametrize("token", ["", "x", "%C3%A9", "a" * 43])
def test_a_wrong_token_brings_nothing(keeper, token):
    asker = outside(keeper)
    answer = asker.get(f"/?token={token}")
    assert answer.status == 403
    assert "set-cookie" not in answer.headers
    assert asker.get("/api/state").status == 403


def test_each_start_has_a_token_of_its_own():
    assert Doorkeeper(LOOPBACK, PORT).token != Doorkeeper(LOOPBACK, PORT).token


def test_without_the_cookie_only_the_files_of_the_page_are_there(keeper):
    asker = outside(keeper, origin=BASE)
    assert asker.get("/").status == 403
    assert asker.get("/api/state").status == 403
    assert asker.post("/api/recipe").status == 403
    assert asker.post("/page/app.js").status == 403
    assert asker.get("/page/app.js").status == 200


@pytest.mark.parametrize("cookie", ["{}=made-up", "{}=", "{}", "=;;=", '"'])
def test_a_cookie_that_was_made_up_is_none(keeper, cookie):
    asker = outside(keeper, origin=BASE, cookie=cookie.format(keeper.cookie))
    assert asker.get("/api/state").status == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_each_name_of_this_computer_is_a_host(keeper, name):
    assert come_in(keeper, f"http://{name}:{PORT}").get("/api/state").text == "inside"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        f"evil.example:{PORT}",
        "127.0.0.1",
        "127.0.0.1:1",
        f"127.0.0.1.evil.example:{PORT}",
        "",
    ],
)
def test_a_name_that_is_pointed_here_is_no_host(keeper, host):
    asker = come_in(keeper, origin=f"http://{host}")
    assert asker.get("/api/state", host=host).status == 421
    assert asker.post("/api/recipe", host=host).status == 421
    assert asker.get("/page/app.js", host=host).status == 421
    # Nor does the token help there.
    assert outside(keeper).get(f"/?token={keeper.token}", host=host).status == 421


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
def test_no_other_origin_changes_anything(origin):
    keeper = Doorkeeper(LOOPBACK, PORT)
    expected = 200 if origin in keeper.origins else 403
    assert come_in(keeper).post("/api/recipe", origin=origin).status == expected


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "*", f"https://127.0.0.1:{PORT}", "http://127.0.0.1:1", f"{BASE}/", ""],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_foreign_origin_changes_nothing(keeper, origin, method):
    assert come_in(keeper).ask(method, "/api/recipe", origin=origin).status == 403


def test_a_change_without_an_origin_is_refused(keeper):
    asker = come_in(keeper)
    assert asker.post("/api/recipe").status == 403
    assert asker.post("/api/recipe", origin=BASE).status == 200


def test_the_socket_wants_cookie_origin_and_host(keeper):
    asker = come_in(keeper)
    assert asker.socket("/api/live", origin=BASE).text == "inside"
    assert asker.socket("/api/live", origin="http://evil.example").status == 403
    assert asker.socket("/api/live").status == 403
    assert asker.socket("/api/live", origin=BASE, host=f"evil.example:{PORT}").status == 403
    assert outside(keeper).socket("/api/live", origin=BASE).status == 403


@pytest.mark.parametrize("path", ["/", "/api/state", "/page/app.js", "/?token=wrong"])
def test_every_answer_has_the_headers_of_a_safe_page(keeper, path):
    for asker in (outside(keeper), come_in(keeper)):
        headers = asker.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-inline" not in policy
        assert "script-src" not in policy  # the default holds
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_sessions_do_not_pile_up(keeper):
    first = come_in(keeper)
    for _ in range(300):
        keeper.let_in(keeper.token)
    assert first.get("/api/state").status == 403


def test_the_list_of_a_host_that_was_given_has_no_star():
    keeper = Doorkeeper(["192.168.1.7", "studio.local", *LOOPBACK], PORT)
    assert f"http://192.168.1.7:{PORT}" in keeper.origins
    assert all("*" not in origin for origin in keeper.origins)
    assert come_in(keeper, f"http://192.168.1.7:{PORT}").get("/").text == "inside"


def test_two_studios_on_one_computer_have_cookies_of_their_own():
    assert Doorkeeper(LOOPBACK, 1).cookie != Doorkeeper(LOOPBACK, 2).cookie
