"""The login page and its cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.room_app import PASSWORD, RoomApp

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "correct horse battery staple"  # noqa: S105  of this test


@pytest.mark.parametrize(
    ("web", "headers", "name", "attributes"),
    [
        ({}, {}, "corrosion_room", set()),
        ({"root_path": "/corrosion"}, {}, "corrosion_room", {"path=/corrosion/"}),
        (
            {"trusted_proxies": ["127.0.0.1"]},
            {"x_forwarded_proto": "https"},
            "__Host-corrosion_room",
            {"path=/", "secure"},
        ),
        (
            {"root_path": "/corrosion/", "trusted_proxies": ["127.0.0.0/8"]},
            {"x_forwarded_proto": "https"},
            "__Secure-corrosion_room",
            {"path=/corrosion/", "secure"},
        ),
        ({"root_path": "/corrosion"}, {"x_forwarded_proto": "https"}, "corrosion_room", {"path=/corrosion/"}),
    ],
)
def test_a_cookie_is_bound_as_far_as_the_way_to_the_page_allows(
    tmp_path: Path, web: dict, headers: dict[str, str], name: str, attributes: set[str]
) -> None:
    """No script reads it, no other site sends it; what an untrusted proxy says of HTTPS changes nothing."""
    with _room(tmp_path, web) as room:
        answer = room.log_in("ada", **headers)
        found = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
        assert answer.cookie.partition("=")[0] == name
        assert found == {"httponly", "samesite=strict", "max-age=604800", *attributes}
        assert answer.headers["location"] == ("/corrosion/" if "root_path" in web else "./")
        assert ("strict-transport-security" in answer.headers) == ("secure" in attributes)
        assert room.request("/api/state", cookie=answer.cookie, **headers).status == 200
        ended = room.request("/logout", "POST", cookie=answer.cookie, **headers)
        assert (ended.cookie, "Max-Age=0" in ended.headers["set-cookie"]) == (f'{name}=""', True)
        assert room.request("/api/state", cookie=answer.cookie, **headers).status == 401


def test_the_page_offers_the_ways_that_there_are(tmp_path: Path) -> None:
    """User and password, the shared token, or neither where a proxy names the users."""
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    with RoomApp(tmp_path, token_file=str(tmp_path / "token")) as room:
        assert b'data-ways="token"' in room.request("/login").body
        room.add_user("ada", "viewer")
        assert b'data-ways="user token"' in room.request("/login").body
        page = room.request("/login?problem=wait&wait_s=8").body
        assert b'data-problem="wait"' in page
        assert b"again in 8 s" in page
        for given in (
            "problem=%22%3E%3Cscript%3E",
            "problem=wait&wait_s=%3Cb%3E",
            "problem=wait&wait_s=99999",
            f"problem=wait&wait_s={'9' * 5000}",
        ):
            assert b"<script>" not in room.request(f"/login?{given}").body
            assert b"<b>" not in room.request(f"/login?{given}").body
    with RoomApp(tmp_path, trusted_proxies=["10.0.0.1"], user_header="X-User") as room:
        room.users.remove_user("ada")
        assert b'data-ways="none"' in room.request("/login").body


@pytest.mark.parametrize("form", [b"user=ada", b"\xff\xfe=1", b"a=1&" * 9, b"user=%ed%a0%80&password=%00"])
def test_a_form_that_lacks_something_is_a_failed_login(tmp_path: Path, form: bytes) -> None:
    """And no error of the server."""
    with _room(tmp_path, {}) as room:
        answer = room.request("/login", "POST", form)
        assert (answer.status, answer.headers["location"]) == (303, "login?problem=password")
        assert "set-cookie" not in answer.headers


def test_a_second_login_ends_the_session_before(tmp_path: Path) -> None:
    """Whoever sits down at the same browser gets a session of his own."""
    with _room(tmp_path, {}) as room:
        first = room.log_in("ada").cookie
        second = room.log_in("ada", PASSWORD, cookie=first).cookie
        assert room.request("/api/state", cookie=first).status == 401
        assert room.request("/api/state", cookie=second).status == 200


def _room(folder: Path, web: dict) -> RoomApp:
    """A control room with one user."""
    (folder / "users.json").touch(mode=0o600)
    (folder / "users.json").write_text('{"format": 1}', encoding="utf-8")
    room = RoomApp(folder, **web)
    room.add_user("ada", "reviewer")
    return room
