"""The file of channels: names and addresses, and no address in what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.control_room.alert_sections import AlertsConfig
from edge_node.control_room.alerts.channels import read_channels
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def read(path: Path, text: str, **rules: object):
    """The channels of a file with this text."""
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return read_channels(msgspec.convert({"channels_file": str(path), "rules": rules}, AlertsConfig))


def test_a_channel_has_a_name_and_one_address_or_several(tmp_path: Path, monkeypatch) -> None:
    """What is printed of it is its name; systemd may hand the file over."""
    text = 'duty = "mailto://secret"\nboth = ["json://secret", "ntfy://secret"]\n'
    one, two = read(tmp_path / "channels.toml", text)
    assert (one.name, one.urls, two.urls) == (
        "duty",
        ("mailto://secret",),
        ("json://secret", "ntfy://secret"),
    )
    assert "secret" not in repr(one)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    given = msgspec.convert({"channels_file": "$CREDENTIALS_DIRECTORY/channels.toml"}, AlertsConfig)
    assert [channel.name for channel in read_channels(given)] == ["duty", "both"]
    assert read_channels(AlertsConfig()) == ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("duty = mailto://secret", "not TOML (line 1)"),
        ("mailto://secret", "not TOML"),
        ("duty = 5\nnight = []\n", "channel duty: wanted an address in quotes"),
        ('"secret name" = "x"', "a channel's name has letters"),
        ('[duty]\nurl = "mailto://secret"', "channel duty: wanted an address in quotes"),
    ],
)
def test_what_is_wrong_is_said_without_an_address(tmp_path: Path, text: str, wanted: str) -> None:
    """Each problem with the name of its channel."""
    with pytest.raises(ConfigError) as refused:
        read(tmp_path / "channels.toml", text)
    assert wanted in str(refused.value)
    assert "secret" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == (2 if "night" in text else 1)


def test_a_file_that_is_missing_or_everybodys_and_a_rule_without_its_channel(tmp_path: Path) -> None:
    """A channel that everybody can change could have the room call anybody."""
    path = tmp_path / "channels.toml"
    with pytest.raises(ConfigError, match="No such file"):
        read_channels(AlertsConfig(channels_file=str(path)))
    with pytest.raises(ConfigError, match='no channel "nihgt"; channels_file has duty'):
        read(path, 'duty = "json://x"', quiet={"when": "silent", "channels": ["duty", "nihgt"]})
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="every user of this machine can change it"):
        read_channels(AlertsConfig(channels_file=str(path)))
