"""Two web processes of one room know the same people."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from edge_node.control_room.people.roles import Role
from edge_node.control_room.people.user_file import UserFile
from tests.support.room_app import QUICK_HASH
from tests.support.shared_room import RoomProcess, SharedRoom

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace

WRONG = "login?problem=password"


def test_a_login_holds_at_all_processes_and_wrong_passwords_count_at_all(
    tmp_path: Path, postgres_place: DatabasePlace
) -> None:
    """Logged out at one, unknown at the other; two processes are no more guesses than one."""
    (tmp_path / "room").mkdir(mode=0o700)
    UserFile(tmp_path / "room" / "users.json").add_user("ada", Role.REVIEWER, QUICK_HASH)
    with SharedRoom(tmp_path, 1, postgres_place.url, ingests=0, webs=2) as room:
        one, other = room.webs
        status, cookie, _ = request(one, "/login", body="user=ada&password=correct+horse")
        assert (status, bool(cookie)) == (303, True)
        assert request(other, "/api/robots", cookie=cookie)[0] == 200
        assert request(other, "/logout", cookie=cookie, body="x=1")[0] == 303
        assert request(one, "/api/robots", cookie=cookie)[0] == 401
        for number in range(3):
            assert request((one, other)[number % 2], "/login", body="user=ada&password=wrong")[2] == WRONG
        assert request(other, "/login", body="user=ada&password=wrong")[2].startswith("login?problem=wait")


def request(web: RoomProcess, path: str, cookie: str = "", body: str | None = None) -> tuple[int, str, str]:
    """Send a form, or ask; return status, cookie and where the answer leads."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    headers = {"Cookie": cookie} if cookie else {}
    if body is not None:
        headers |= {
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://127.0.0.1:{web.port}",
        }
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
    return answer.status, cookie, answer.getheader("location") or ""
