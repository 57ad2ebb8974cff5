"""Users are added, changed and removed on the command line; no password ever stands there."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import argon2
import msgspec
import pytest

from edge_node.cli.framework import run_command
from edge_node.cli.main import COMMANDS
from edge_node.control_room.history.history import History
from edge_node.control_room.people import passwords
from edge_node.control_room.people.passwords import is_password
from edge_node.control_room.people.user_file import UserFile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run ``edge-node control-room user`` with words and stdin; return code, stdout, stderr."""
    monkeypatch.setattr("signal.signal", lambda *_given: None)
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # test_passwords holds the costs
    monkeypatch.setattr(passwords, "_hasher", lambda: cheap)

    def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        argv = ["control-room", "user", *words, "--state-dir", str(tmp_path / "room")]
        code = run_command("edge-node", "", COMMANDS, argv)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_users_come_and_go_with_passwords_from_a_file_or_stdin(say: Any, tmp_path: Path) -> None:
    """And each change is in the audit of the room, under the account that made it."""
    users = UserFile(tmp_path / "room" / "users.json")
    (tmp_path / "secret").write_text("correct horse\nsecond line\n", encoding="utf-8")
    History(tmp_path / "room").close()
    assert say("add", "ada", "--role", "reviewer", "--password-file", str(tmp_path / "secret"))[0] == 0
    assert say("add", "eve", "--role", "viewer", "--no-password")[0] == 0
    assert say("role", "ada", "admin")[0] == 0
    assert is_password(users.read().users[0].password, "correct horse")
    assert say("password", "ada", "--password-stdin", stdin="battery staple\n")[0] == 0
    assert is_password(users.read().users[0].password, "battery staple")
    code, token, _ = say("token", "add", "export", "--role", "operator")
    assert (code, token.startswith("corrosion_")) == (0, True)
    listed = msgspec.json.decode(say("list", "--json")[1])
    assert [(one["name"], one["role"], one["kind"]) for one in listed] == [
        ("ada", "admin", "user"),
        ("eve", "viewer", "user"),
        ("export", "operator", "token"),
    ]
    assert say("list")[1].splitlines()[1] == "eve     viewer    user, no password: by the proxy only"
    assert say("remove", "eve")[0] == 0
    assert say("token", "remove", "export")[0] == 0
    assert [user.name for user in users.read().users] == ["ada"]
    history = History(tmp_path / "room", read_only=True)
    texts = [(one.subject, one.text, one.origin) for one in history.audit_entries(limit=9)]
    history.close()
    assert texts[-1] == ("ada", "add as reviewer", "command_line")
    assert texts[0] == ("export", "token remove", "command_line")
    assert "battery" not in str(texts)


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("add", "ada", "--role", "viewer"), "", "use --password-file or --password-stdin"),
        (("add", "ada", "--role", "viewer", "--password-stdin"), "short\n", "has 5 characters"),
        (("add", "ada", "--role", "viewer", "--password-file", "/nowhere"), "", "/nowhere"),
        (("remove", "ada"), "", "there is no user 'ada'; known: none"),
        (("list",), "", "user add NAME"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(say: Any, words: tuple[str, ...], stdin: str, said: str) -> None:
    """And changes nothing."""
    code, _, err = say(*words, stdin=stdin)
    assert code != 0
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_password_is_no_argument(say: Any) -> None:
    """Every user of the machine sees the arguments of a process; what stands there is not repeated."""
    for words in (
        ("add", "ada", "--role", "viewer", "--password", "correct horse"),
        ("password", "ada", "secret"),
    ):
        with pytest.raises(SystemExit):
            say(*words)


def test_the_first_user_of_a_room_that_others_reach_can_be_added(say: Any, tmp_path: Path) -> None:
    """Its configuration lets nobody start it before there is one."""
    config = tmp_path / "room.toml"
    config.write_text(
        f'[mqtt]\nhostname = "x"\n[room]\nstate_dir = "{tmp_path / "room"}"\n[web]\nhost = "0.0.0.0"\n',
        encoding="utf-8",
    )
    words = ("add", "ada", "--role", "admin", "--no-password", "--config", str(config))
    assert say(*words)[0] == 0
    assert (tmp_path / "room" / "users.json").is_file()
