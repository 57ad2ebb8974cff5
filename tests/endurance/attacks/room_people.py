"""Attacks on who may use the control room: guesses, forged headers and names, exposed files."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from edge_node.control_room.people.roles import Role
from edge_node.control_room.people.user_file import UserFile
from edge_node.messages.verdict import encode
from tests.endurance.attacks.rig import Attack, Succeeded
from tests.support.answering_robot import AnsweringRobot
from tests.support.control_room import ControlRoom
from tests.support.processes import Mosquitto, command
from tests.support.room_app import PASSWORD, QUICK_HASH
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "correct horse battery staple"  # noqa: S105  of this attack
_GUESSES = 200


def guess_from_one_address(folder: Path) -> str:
    """Guess tokens and passwords from the address that everybody has behind a proxy."""
    with _Room(folder) as room:
        cookie = room.log_in("ada")
        began_s = time.monotonic()
        for number in range(_GUESSES):
            room.request("/api/state", Authorization=f"Bearer guess-{number}")
            room.log_in("ada" if number % 2 else f"nobody-{number}", f"guess-{number}")
            if room.request("/api/state", Authorization=f"Bearer {TOKEN}")[0] != 200:
                raise Succeeded(f"after {number + 1} guesses the right token is refused")
            if room.request("/api/state", Cookie=cookie)[0] != 200:
                raise Succeeded(f"after {number + 1} guesses a session is refused")
            if number % 40 == 0 and not room.log_in("bob"):
                raise Succeeded(f"after {number + 1} guesses another user cannot log in")
        took_s = time.monotonic() - began_s
        entries = json.loads(
            room.request("/api/audit?action=failed_login&limit=1000", Authorization=f"Bearer {TOKEN}")[2]
        )["entries"]
    if len(entries) > _GUESSES:
        raise Succeeded(f"{_GUESSES} guesses fill the audit with {len(entries)} entries")
    return f"{2 * _GUESSES} guesses in {took_s:.0f} s: token, session and another user were never refused"


def forge_headers(folder: Path) -> str:
    """Name a user and an address in headers without being the trusted proxy."""
    web = {"trusted_proxies": ["10.9.9.9"], "user_header": "X-Remote-User", "header_default_role": "admin"}
    with _Room(folder, **web) as room:
        for headers in (
            {"X-Remote-User": "ada"},
            {"X-Remote-User": "ada", "X-Forwarded-For": "10.9.9.9"},
            {"X-Remote-User": "ada", "X-Real-IP": "10.9.9.9", "Forwarded": "for=10.9.9.9"},
            {"x_remote_user": "ada"},
        ):
            if room.request("/api/state", **headers)[0] != 401:
                raise Succeeded(f"{headers} is believed")
        room.log_in("ada", "guess", **{"X-Forwarded-For": "6.6.6.6"})
        found = room.request("/api/audit?action=failed_login", Authorization=f"Bearer {TOKEN}")[2]
    if b"6.6.6.6" in found:
        raise Succeeded("the audit has the address that a client made up")
    return "a user and an address in headers of anybody are worth nothing"


def review_as_another(folder: Path) -> str:
    """Sign a review with the name of somebody else, and with a role that may review nothing."""
    with _Room(folder) as room:
        with AnsweringRobot(room.broker.port, "quay", "crawler-1") as robot:
            robot.publish("corrosion/v1/quay/crawler-1/verdict", encode(verdict(1, "C")))
            deadline_s = time.monotonic() + 20
            while room.request(_REVIEW, "POST", _review("Ada"), Cookie=room.log_in("bob"))[0] == 409:
                if time.monotonic() > deadline_s:
                    raise Succeeded("the verdict never came")
        found = json.loads(
            room.request("/api/verdicts/crawler-1:epoch:1", Authorization=f"Bearer {TOKEN}")[2]
        )
        if {one["reviewer"] for one in found["reviews"]} != {"bob"}:
            raise Succeeded(f"reviews are signed by {[one['reviewer'] for one in found['reviews']]}")
        if room.request(_REVIEW, "POST", _review("Ada"), Cookie=room.log_in("vera"))[0] != 403:
            raise Succeeded("a viewer reviews")
    return "the review carries the login's name, and a viewer's is refused"


def use_what_has_ended(folder: Path) -> str:
    """Go on with a session after its logout, and after its user is gone."""
    with _Room(folder) as room:
        ended = room.log_in("bob")
        room.request("/logout", "POST", Cookie=ended)
        if room.request("/api/state", Cookie=ended)[0] != 401:
            raise Succeeded("a cookie is good after the logout")
        kept = room.log_in("bob")
        UserFile(room.room.folder / "users.json").remove_user("bob")
        if room.request("/api/state", Cookie=kept)[0] != 401:
            raise Succeeded("a user who is gone goes on")
    return "both are at the login"


def write_the_files(folder: Path) -> str:
    """Start on a file of users that others can read, and on a token that anybody can change."""
    told = []
    for name, mode in (("users.json", 0o644), ("token", 0o666)):
        where = folder / name.partition(".")[0]
        where.mkdir()
        room = ControlRoom(where, 1, web={"token_file": str(where / "token")})
        room.folder.mkdir()
        for file, content in ((where / "token", TOKEN), (room.folder / "users.json", '{"format": 1}')):
            file.write_text(content, encoding="utf-8")
            file.chmod(mode if file.name == name else 0o600)
        ended = command("edge_node.cli", "control-room", "--config", str(where / "room.toml"))
        if ended.returncode != 78:
            raise Succeeded(f"{name} with mode {mode:04o} is accepted")
        told.append(f"{name} {mode:04o}")
    return f"{' and '.join(told)} are refused at the start"


_REVIEW = "/api/verdicts/crawler-1:epoch:1/review"


def _review(by: str) -> bytes:
    return json.dumps({"judgement": "confirmed", "by": by}).encode()


class _Room:
    """A control room with a token and three users; a ``with`` block."""

    def __init__(self, folder: Path, **web: Any) -> None:
        self.broker = Mosquitto(folder)
        (folder / "token").touch(mode=0o600)
        (folder / "token").write_text(TOKEN, encoding="utf-8")
        self.room = ControlRoom(folder, self.broker.port, web={"token_file": str(folder / "token"), **web})
        users = UserFile(self.room.folder / "users.json")
        for name, role in (("ada", Role.ADMIN), ("bob", Role.REVIEWER), ("vera", Role.VIEWER)):
            users.add_user(name, role, QUICK_HASH)

    def __enter__(self) -> _Room:  # noqa: PYI034  Self needs Python 3.11
        self.broker.start()
        self.room.start(connected=False)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.room.stop()
        self.broker.kill()

    def log_in(self, name: str, password: str = PASSWORD, **headers: str) -> str:
        """Return the cookie; "" if the login is refused."""
        form = urlencode({"user": name, "password": password}).encode()
        _, found, _ = self.request("/login", "POST", form, **headers)
        return found.get("set-cookie", "").partition(";")[0]

    def request(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers in lower case, and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.room.port, timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()


ATTACKS = (
    Attack("room: guesses of tokens and passwords from everybody's address", guess_from_one_address),
    Attack("room: headers that name a user and an address", forge_headers),
    Attack("room: a review in another's name", review_as_another),
    Attack("room: a session that has ended", use_what_has_ended),
    Attack("room: files of secrets that others can read or write", write_the_files),
)
