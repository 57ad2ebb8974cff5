"""Who sends a request, and how long that holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.deeds import Deed
from edge_node.control_room.people.logins import Claim, LoginRefusedError, check_logins, read_shared_token
from edge_node.control_room.people.roles import Origin, Person, Role
from edge_node.control_room.sections import WebConfig
from edge_node.control_room.settings import build_settings
from edge_node.errors import ConfigError
from tests.support.room_app import PASSWORD, QUICK_HASH, RoomApp

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "correct horse battery staple"  # noqa: S105  of this test


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    """The file of the shared token."""
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    return str(tmp_path / "token")


def test_without_users_whoever_is_on_the_loopback_may_everything_until_there_is_one(tmp_path: Path) -> None:
    """The first start needs nothing; the first user closes it, and the last that goes does not open it."""
    with RoomApp(tmp_path) as room:
        claim = Claim("127.0.0.1")
        assert room.logins.identify(claim) == Person("", Role.ADMIN, Origin.LOOPBACK, "127.0.0.1")
        room.add_user("ada", "viewer")
        assert room.logins.identify(claim) is None
        room.users.remove_user("ada")
        assert room.logins.identify(claim) is None


@pytest.mark.parametrize("change", ["role", "role and back", "password", "removed", "logout"])
def test_a_session_ends_with_what_it_was_opened_by(tmp_path: Path, change: str) -> None:
    """Also one that comes back from the file after a restart."""
    with RoomApp(tmp_path) as room:
        room.add_user("ada", "reviewer")
        cookie, _ = asyncio.run(room.logins.log_in("ada", PASSWORD, "10.0.0.1"))
        person = room.logins.identify(Claim("10.0.0.2", cookie=cookie))
        assert person is not None
        assert (person.name, person.role, person.address) == ("ada", Role.REVIEWER, "10.0.0.2")
        if change.startswith("role"):
            room.users.change_user("ada", role=Role.ADMIN)
            if change == "role and back":  # nobody asked for anything in between
                room.users.change_user("ada", role=Role.REVIEWER)
        elif change == "password":
            room.users.change_user("ada", password_hash=QUICK_HASH.replace("$m=8", "$m=16"))
        elif change == "removed":
            room.users.remove_user("ada")
        else:
            room.logins.log_out(person)
        assert room.logins.identify(Claim("10.0.0.2", cookie=cookie)) is None
    with RoomApp(tmp_path) as again:
        assert again.logins.identify(Claim("10.0.0.2", cookie=cookie)) is None


def test_right_tokens_and_sessions_are_never_refused_because_of_wrong_ones(
    tmp_path: Path, token_file: str
) -> None:
    """Hundreds of guesses from the address that everybody has behind a proxy."""
    with RoomApp(tmp_path, token_file=token_file) as room:
        room.add_user("ada", "reviewer")
        program = room.users.add_token("export", Role.VIEWER)
        for _ in range(300):
            wrong = Claim("10.0.0.1", bearer="guess")
            assert room.logins.identify(wrong) is None
            room.logins.note_wrong_token(wrong)
        assert room.logins.note_wrong_token(wrong) > 0
        shared = room.logins.identify(Claim("10.0.0.1", bearer=TOKEN))
        assert shared == Person("", Role.ADMIN, Origin.SHARED_TOKEN, "10.0.0.1")
        named = room.logins.identify(Claim("10.0.0.1", bearer=program))
        assert named == Person("export", Role.VIEWER, Origin.PROGRAM, "10.0.0.1")
        with pytest.raises(LoginRefusedError) as caught:
            room.logins.log_in_by_token("guess", "10.0.0.1")
        assert caught.value.reason == "token"
        cookie, _ = room.logins.log_in_by_token(TOKEN, "10.0.0.1")
        assert room.logins.identify(Claim("10.0.0.1", cookie=cookie)) is not None
        assert asyncio.run(room.logins.log_in("ada", PASSWORD, "10.0.0.1"))[1].name == "ada"
        told = room.history.audit_entries(limit=99, action=Deed.FAILED_LOGIN)
        assert 0 < len(told) < 20


def test_a_user_waits_after_wrong_passwords_and_only_there(tmp_path: Path) -> None:
    """The right one too, from where the wrong ones came; the audit has them under the user's name."""
    with RoomApp(tmp_path) as room:
        room.add_user("ada", "reviewer")
        reasons = []
        for password in ["wrong"] * 4 + [PASSWORD]:
            try:
                asyncio.run(room.logins.log_in("ada", password, "10.0.0.1"))
            except LoginRefusedError as err:
                reasons.append(err.reason)
        assert reasons == ["password"] * 3 + ["wait"] * 2
        asyncio.run(room.logins.log_in("ada", PASSWORD, "10.0.0.2"))
        entries = room.history.audit_entries(limit=9)
        assert [(one.action, one.user, one.outcome) for one in entries] == [
            (Deed.LOGIN, "ada", "done"),
            (Deed.FAILED_LOGIN, "ada", "failed"),
            (Deed.FAILED_LOGIN, "ada", "failed"),
        ]


def test_what_was_typed_as_nobodys_name_is_written_nowhere(tmp_path: Path) -> None:
    """It may be a password in the wrong field."""
    with RoomApp(tmp_path) as room:
        room.add_user("ada", "reviewer")
        with pytest.raises(LoginRefusedError):
            asyncio.run(room.logins.log_in("my secret password", "", "10.0.0.1"))
        (entry,) = room.history.audit_entries(limit=9)
        assert (entry.user, entry.text) == ("", "no such user")
    assert b"my secret" not in (tmp_path / "history.db").read_bytes()


@pytest.mark.parametrize(
    ("users", "groups", "found"),
    [
        (("eve",), ("inspectors, staff",), ("eve", Role.REVIEWER)),
        (("eve",), ("inspectors|it;staff",), ("eve", Role.ADMIN)),  # the highest of all
        (("eve",), ("it", "inspectors"), None),  # twice: one of them the client sent
        (("ada",), (), ("ada", Role.OPERATOR)),  # in the users' file
        (("eve",), ("staff",), None),
        (("eve", "ada"), ("it",), None),  # twice: one of them the client sent
        (("",), ("it",), None),
        (("ev\u202ee",), ("it",), None),
        (None, ("it",), None),
    ],
)
def test_a_trusted_proxy_names_users_and_groups(
    tmp_path: Path, users: tuple[str, ...] | None, groups: tuple[str, ...], found: tuple[str, Role] | None
) -> None:
    """Whoever has no role there is nobody, unless a role is configured for all."""
    web = {
        "trusted_proxies": ["10.0.0.1"],
        "user_header": "X-User",
        "role_header": "X-Groups",
        "header_roles": {"inspectors": "reviewer", "it": "admin"},
    }
    with RoomApp(tmp_path, **web) as room:
        room.users.add_user("ada", Role.OPERATOR, "")
        person = room.logins.identify(Claim("9.9.9.9", proxy_users=users, proxy_groups=groups))
        assert (person and (person.name, person.role)) == found
    with RoomApp(tmp_path, **web, header_default_role="viewer") as room:
        person = room.logins.identify(Claim("9.9.9.9", proxy_users=("eve",)))
        assert person == Person("eve", Role.VIEWER, Origin.PROXY, "9.9.9.9")


@pytest.mark.parametrize("content", ["short", "", "x" * 5000, "fifteen signs!!"])
def test_a_token_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    """At the start, with the file and how to make one."""
    (tmp_path / "token").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="wanted one line of at least 16 characters"):
        read_shared_token(WebConfig(token_file=str(tmp_path / "token")))


def test_what_logins_need_is_checked_before_anything_starts(tmp_path: Path) -> None:
    """A file of users that is not there, or that others can read."""
    room = {"state_dir": str(tmp_path)}
    file = tmp_path / "users.json"
    settings = build_settings({"hostname": "x"}, room=room, web={"users_file": str(file)})
    with pytest.raises(ConfigError, match="user add"):
        check_logins(settings)
    file.write_text('{"format": 1}', encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        check_logins(settings)
    file.chmod(0o600)
    check_logins(settings)
