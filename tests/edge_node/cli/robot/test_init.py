"""``edge-node init``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.cli.robot import check_config, init
from edge_node.config.sections import load_config
from edge_node.errors import ConfigError, CorrosionError
from tests.support.processes import command
from tests.support.subcommands import run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("broker", "hostname", "port"),
    [
        ("broker.example:1884", "broker.example", 1884),
        ("[fe80::1]:1884", "fe80::1", 1884),
        ("::1", "::1", None),
    ],
)
def test_init_takes_the_broker_as_the_other_commands_do(
    tmp_path: Path, broker: str, hostname: str, port: int | None
) -> None:
    """HOST[:PORT], not a host name with a colon in it that no broker has."""
    file = tmp_path / "node.toml"
    assert command("edge_node.cli", "init", "--broker", broker, str(file)).returncode == 0
    mqtt = load_config(file).mqtt
    assert (mqtt.hostname, mqtt.port) == (hostname, port)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--site", "Kai 7"), "--site 'Kai 7': a blank at position 4 is not allowed; wanted 1 to 64 letters"),
        (("--robot", "-x"), None),
        (("--robot=_x",), "--robot '_x': it begins with \"_\"; wanted 1 to 64 letters"),
        (("--site", "q" * 65), "it has 65 characters; wanted 1 to 64 letters"),
        (("--broker", "foo:99999"), "--broker port 99999: wanted at most 65535"),
        (("--broker", "foo:x"), "--broker port 'x': wanted a whole number, found text"),
        (
            ("--broker", "mqtt://u:p@foo:1"),
            "--broker: wanted HOST or HOST:PORT without mqtt://, such as foo:1;",
        ),
        (("--broker", ""), "--broker '': wanted at least 1 character"),
        (("--camera", "ftp://host/x"), "--camera: "),
    ],
)
def test_what_can_never_be_used_is_refused_at_once(
    tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """By the option's name, with the rule in words and never a regular expression; no file is written."""
    with pytest.raises(SystemExit if said is None else CorrosionError) as caught:
        run(init, *options, tmp_path / "node.toml")
    if said is not None:
        assert said in str(caught.value)
        assert "regex" not in str(caught.value)
        assert "[node]" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_all_wrong_options_are_named_at_once(tmp_path: Path) -> None:
    """A line each."""
    with pytest.raises(ConfigError) as caught:
        run(init, "--site", "Kai 7", "--broker", "foo:99999", "--camera", "ftp://h", tmp_path / "node.toml")
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["--site", "--broker", "--camera:"]


@pytest.mark.runtime
def test_what_init_writes_the_same_user_can_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ordinary user's state lies in the home, root's and the service's in /var/lib."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home" / "state"))
    monkeypatch.setattr("edge_node.state_folder.os.geteuid", lambda: 1000)
    file = tmp_path / "node.toml"
    assert run(init, "--site", "quay", "--robot", "c", file) == 0
    assert load_config(file).node.state_dir == str(tmp_path / "home/state/corrosion-edge/quay/c")
    assert run(check_config, file) == 0
    assert run(init, "--service", "-") == 0
    assert '# state_dir = "/var/lib/corrosion-edge"' in capsys.readouterr().out
    with pytest.raises(ConfigError, match="exists already; --force replaces it"):
        run(init, file)
    with pytest.raises(ConfigError, match="is a folder, wanted the name of a file"):
        run(init, tmp_path)
    with pytest.raises(ConfigError, match=r"no folder .*nowhere"):
        run(init, tmp_path / "nowhere" / "node.toml")


def test_a_password_on_the_command_line_is_told_with_the_file_that_others_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file stays readable, because the service runs as a user of its own; so it is said, not shown."""
    file = tmp_path / "node.toml"
    file.touch(0o644)
    assert run(init, str(file), "--force", "--camera", "rtsp://admin:secret9@cam/live") == 0
    said = capsys.readouterr()
    assert "others can read" in said.err
    assert "secret9" not in said.err + said.out
