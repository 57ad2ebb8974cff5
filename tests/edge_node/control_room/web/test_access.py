"""Access to the page: token, cookie, posts from elsewhere, guessing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.settings import WebConfig
from edge_node.control_room.web.access import Logins
from edge_node.errors import ConfigError
from tests.support.control_room import ControlRoom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.processes import Mosquitto


TOKEN = "correct horse battery staple"  # noqa: S105  of this test


@pytest.fixture(scope="module")
def locked(tmp_path_factory, broker: Mosquitto) -> Iterator[ControlRoom]:
    """A control room that asks for a token."""
    folder = tmp_path_factory.mktemp("locked")
    (folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    started = ControlRoom(
        folder, broker.port, web={"token_file": str(folder / "token"), "names": ["room.example"]}
    )
    started.start(connected=False)
    yield started
    started.stop()


def test_posts_from_elsewhere_are_refused(locked: ControlRoom) -> None:
    """Also with the right token in them."""
    form = f"token={TOKEN.replace(' ', '+')}".encode()
    for origin in ("https://evil.example", "null", "http://[", f"http://127.0.0.1:{locked.port + 1}"):
        status, headers, _ = locked.request("/login", "POST", form, Origin=origin)
        assert (status, "set-cookie" in headers) == (403, False)
    assert locked.request("/login", "POST", form, Sec_Fetch_Site="cross-site")[0] == 403


def test_nothing_is_seen_without_the_token(locked: ControlRoom) -> None:
    """The page leads to the login, the API says what is wanted, health says only that it is well."""
    status, headers, _ = locked.request("/")
    assert (status, headers["location"]) == (303, "login")
    for path in ("/api/state", "/api/events", "/page/app.js", "/api", f"/api/pictures/a/b/{'a' * 64}"):
        assert locked.request(path)[0] == 401
    assert locked.request("/login")[0] == 200
    assert locked.request("/healthz")[0] == 200


def test_the_token_is_exchanged_for_a_cookie(locked: ControlRoom) -> None:
    """That no script can read and no other site sends; a changed one is none."""
    origin = f"http://127.0.0.1:{locked.port}"
    form = f"token={TOKEN.replace(' ', '+')}".encode()
    status, headers, _ = locked.request("/login", "POST", form, Origin=origin)
    assert (status, headers["location"]) == (303, "./")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "path=" not in cookie.lower()  # its own folder: another room may lie below another path
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    value = cookie.partition(";")[0]
    assert locked.request("/api/state", Cookie=value)[0] == 200
    name, _, content = value.partition("=")
    expires, _, signature = content.partition(".")
    for forged in (
        f"{int(expires) + 9}.{signature}",
        f"{expires}.{'0' * 64}",
        f"{expires}",
        "",
        "²." + signature,
    ):
        assert locked.request("/api/state", Cookie=f"{name}={forged}".encode().decode("latin-1"))[0] == 401
    assert locked.request("/api/state", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert locked.request("/api/state", Host="room.example", Cookie=value)[0] == 200


def test_guessing_is_slowed_down(tmp_path: Path, broker: Mosquitto) -> None:
    """Ten wrong guesses a minute from one address; then also the right one has to wait."""
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    room = ControlRoom(tmp_path, broker.port, web={"token_file": str(tmp_path / "token")})
    room.start(connected=False)
    for _ in range(10):
        assert room.request("/login", "POST", b"token=guess")[1]["location"].endswith("problem=token")
    assert room.request("/login", "POST", b"token=guess")[1]["location"].endswith("problem=wait")
    assert room.request("/api/state", Authorization=f"Bearer {TOKEN}")[0] == 401
    assert room.stop() == 0


def test_a_cookie_ends_by_a_time_that_does_not_go_back(tmp_path: Path) -> None:
    """Expired it stays; one made while the clock was ahead is not valid until that date comes."""
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    now_s = [1_800_000_000.0]
    logins = Logins(WebConfig(token_file=str(tmp_path / "token"), session_hours=12), lambda: now_s[0])
    cookie = logins.make_cookie()
    assert logins.is_valid_cookie(cookie)
    now_s[0] += 12 * 3600
    assert not logins.is_valid_cookie(cookie)
    now_s[0] += 400 * 86_400
    ahead = logins.make_cookie()
    now_s[0] -= 400 * 86_400
    assert not logins.is_valid_cookie(ahead)


@pytest.mark.parametrize("content", ["short", "", "x" * 5000, "fifteen signs!!"])
def test_a_token_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    """At the start, with the file and how to make one."""
    (tmp_path / "token").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="wanted one line of at least 16 characters"):
        Logins(WebConfig(token_file=str(tmp_path / "token")))
