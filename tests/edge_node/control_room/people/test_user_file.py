"""The file of users: for its owner alone, replaced as a whole."""

from __future__ import annotations

import stat
import threading
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.people.roles import Role
from edge_node.control_room.people.user_file import UserFile, hash_secret
from edge_node.errors import ConfigError
from tests.support.room_app import QUICK_HASH

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def users(tmp_path: Path) -> UserFile:
    """A file with one user and one program."""
    made = UserFile(tmp_path / "users.json")
    made.add_user("ada", Role.REVIEWER, QUICK_HASH)
    made.add_token("importer", Role.VIEWER)
    return made


def test_a_change_is_for_the_owner_alone_and_changes_the_proof(users: UserFile) -> None:
    """To which sessions are bound: another role or password is another proof."""
    proofs = {users.read().users[0].proof()}
    users.change_user("ada", role=Role.ADMIN)
    proofs.add(users.read().users[0].proof())
    users.change_user("ada", password_hash=QUICK_HASH.replace("$m=8", "$m=16"))
    proofs.add(users.read().users[0].proof())
    assert len(proofs) == 3
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    users.remove_user("ada")
    users.remove_token("importer")
    assert users.read().users == users.read().tokens == ()


def test_a_token_is_stored_only_as_its_hash(users: UserFile) -> None:
    """It is shown once, by whoever adds it."""
    token = users.add_token("export", Role.OPERATOR)
    assert token.startswith("corrosion_")
    assert len(token) > 40
    assert token not in users.path.read_text(encoding="utf-8")
    assert hash_secret(token) in users.path.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o666])
def test_a_file_that_others_can_read_or_change_is_refused(users: UserFile, mode: int) -> None:
    """With the command that mends it; also before a change."""
    users.path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        users.read()
    with pytest.raises(ConfigError, match="chmod 600"):
        users.remove_user("ada")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Ada", "there is a user 'ada' already"),
        ("\uff41\uff44\uff41", "there is a user 'ada' already"),  # the same in full width
        ("importer", "there is a token"),
        ("", "empty"),
        (" ada", "begins with"),
        ("ada ", "ends in a blank"),
        ("a" * 65, "65 characters"),
        ("ad\u202ea", "not allowed"),
        ("ad\na", "not allowed"),
    ],
)
def test_a_name_that_is_taken_or_none_is_refused(users: UserFile, name: str, why: str) -> None:
    """No two people may look like one."""
    with pytest.raises(ConfigError, match=why):
        users.add_user(name, Role.ADMIN, QUICK_HASH)
    assert [user.name for user in users.read().users] == ["ada"]


def test_whoever_is_not_there_is_not_changed(users: UserFile) -> None:
    """The sentence names those who are."""
    for change in (users.remove_user, users.remove_token):
        with pytest.raises(ConfigError, match=r"there is no .* 'eve'; known: (ada|importer)"):
            change("eve")


@pytest.mark.parametrize(
    ("was", "becomes", "why"),
    [
        (QUICK_HASH, "secret horse", "no argon2 hash"),
        ("reviewer", "chief", "chief"),
        ('"importer"', '"Ada"', "there twice"),
        ('"format": 1', '"format": 2', "format"),
        ("{", "{{", "malformed"),
    ],
)
def test_what_was_put_in_by_hand_is_checked(users: UserFile, was: str, becomes: str, why: str) -> None:
    """And a password that stands there is not repeated."""
    text = users.path.read_text(encoding="utf-8").replace(was, becomes, 1)
    users.path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=why) as caught:
        users.read()
    assert "secret horse" not in str(caught.value)


def test_of_two_changes_at_once_none_is_lost(users: UserFile) -> None:
    """Each waits for the other."""
    names = [f"user-{number}" for number in range(8)]
    threads = [threading.Thread(target=users.add_user, args=(name, Role.VIEWER, "")) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {user.name for user in users.read().users} == {"ada", *names}


def test_a_byte_order_mark_of_an_editor_is_dropped(users: UserFile) -> None:
    """And UTF-16 is told as what it is."""
    text = users.path.read_text(encoding="utf-8")
    users.path.write_text(text, encoding="utf-8-sig")
    assert users.read().users
    users.path.write_text(text, encoding="utf-16")
    with pytest.raises(ConfigError, match="UTF-16"):
        users.read()
