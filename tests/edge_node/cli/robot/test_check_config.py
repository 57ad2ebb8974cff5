"""``check-config`` judges the camera's source without touching it, and keeps its password."""

from __future__ import annotations

import pytest

from edge_node.config.sections import example_config
from edge_node.signing import make_key_pair
from tests.support.processes import command


def check(tmp_path, source, **node):
    """Run the command on a configuration with this source and keys of ``[node]``."""
    path = tmp_path / "node.toml"
    path.write_text(
        example_config(
            node={"site": "quay", "robot": "crawler-1", **node},
            camera={"source": source},
            bundle={"path": "default"},
            mqtt={"hostname": "127.0.0.1"},
        ),
        encoding="utf-8",
    )
    return command("edge_node.cli", "check-config", str(path))


def test_a_password_is_not_printed(tmp_path):
    """What is said of a good configuration can be shown to anybody."""
    found = check(tmp_path, "rtsp://admin:s3cret@10.0.0.9/live")
    assert found.returncode == 0, found.stderr
    assert "s3cret" not in found.stdout
    assert "rtsp://10.0.0.9/live" in found.stdout


@pytest.mark.parametrize("source", ["ftp://host/x", "csi:left", "file:///etc/passwd"])
def test_a_source_that_can_never_work_is_refused(tmp_path, source):
    """A scheme that is not allowed is exit code 78 and one line, before any daemon starts."""
    found = check(tmp_path, source)
    assert found.returncode == 78
    assert "[camera] source" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_a_signing_key_that_cannot_sign_is_named(tmp_path):
    """Missing, open to others or no key: exit code 78 and one line; a good one passes."""
    key = tmp_path / "robot.pem"
    for content, mode, said in (
        (None, 0, "No such file"),
        (b"no key", 0o600, "wanted a private key in PEM"),
        (b"no key", 0o644, "lets others read"),
    ):
        if content is not None:
            key.write_bytes(content)
            key.chmod(mode)
        found = check(tmp_path, "/dev/video0", signing_key_file=str(key))
        assert found.returncode == 78
        assert f"[node] signing_key_file: {key}: " in found.stderr
        assert said in found.stderr
        assert len(found.stderr.strip().splitlines()) == 1
    key.unlink()
    make_key_pair(key)
    assert check(tmp_path, "/dev/video0", signing_key_file=str(key)).returncode == 0


def test_what_a_configuration_holds_does_not_reach_the_terminal_as_it_is(tmp_path):
    """An escape sequence in a name is told by its number, and in what is quoted it is a sign of itself."""
    path = tmp_path / "node.toml"
    text = example_config(
        node={"site": "quay", "robot": "crawler-1", "asset": "L-7\x1b[2J"},
        bundle={"path": "default"},
        mqtt={"hostname": "127.0.0.1"},
    )
    path.write_text(text + '[node2]\n"a\\u001b[2J" = 1\n', encoding="utf-8")
    found = command("edge_node.cli", "check-config", str(path))
    assert found.returncode == 78
    assert "[node] asset: holds the control character U+001B" in found.stderr
    assert "\x1b" not in found.stderr
