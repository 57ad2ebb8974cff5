"""The control room's command line: a configuration is judged in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.processes import command

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command_line_ends_with_78_and_one_sentence(tmp_path: Path) -> None:
    """What a service manager must not try again, and never a traceback."""
    for given in (
        [],
        ["--broker", "x", "--host", "0.0.0.0"],  # noqa: S104  that is refused
        ["--broker", "127.0.0.1", "--token-file", str(tmp_path / "absent"), "--state-dir", str(tmp_path)],
    ):
        ended = command("edge_node.cli", "control-room", *given)
        assert ended.returncode == 78, (given, ended)
        assert len(ended.stderr.splitlines()) == 1, (given, ended.stderr)
        assert ended.stderr.startswith("edge-node: ")


def test_check_judges_and_ends(tmp_path: Path) -> None:
    """Before a service is started on it; each problem is said once."""
    file = tmp_path / "room.toml"
    example = command("edge_node.cli", "control-room", "--example").stdout
    own = example.replace("/var/lib/corrosion-room", str(tmp_path / "state")).replace(
        "# state_dir", "state_dir"
    )
    file.write_text(own, encoding="utf-8")
    ended = command("edge_node.cli", "control-room", "--check", "--config", str(file))
    assert (ended.returncode, ended.stdout[:5]) == (0, "good.")
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").touch()
    channels = tmp_path / "channels.toml"
    channels.write_text('phone = "jsons://x.example"\n', encoding="utf-8")
    channels.chmod(0o666)
    file.write_text(own.replace("# channels_file =", f'channels_file = "{channels}"'), encoding="utf-8")
    ended = command("edge_node.cli", "control-room", "--check", "--config", str(file))
    assert ended.returncode == 78
    assert f"{file}: [room] state_dir = '{tmp_path}/state': is a file, wanted a folder" in ended.stderr
    assert ended.stderr.count("every user of this machine can change it") == 1
