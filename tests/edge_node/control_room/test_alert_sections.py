"""The section [alerts]: every problem of every rule is named at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.settings import build_settings, load_settings
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MQTT = '[mqtt]\nhostname = "127.0.0.1"\n'


def test_rules_are_tables_with_names(tmp_path: Path) -> None:
    """Each kind has its own defaults; none is there by itself."""
    path = tmp_path / "room.toml"
    path.write_text(
        MQTT + '[alerts]\ngather_s = 5\n[alerts.rules.rust]\nwhen = "finding"\nseverity = "late"\n'
        '[alerts.rules.quiet]\nwhen = "silent"\n[alerts.rules.dark]\nwhen = "coverage"\nbelow = 0.5\n',
        encoding="utf-8",
    )
    alerts = load_settings(path).alerts
    assert list(alerts.rules) == ["rust", "quiet", "dark"]
    assert (alerts.rules["quiet"].lasts_s, alerts.rules["dark"].span_s) == (60.0, 300.0)
    assert build_settings({"hostname": "127.0.0.1"}).alerts.rules == {}


def test_all_that_is_wrong_with_all_rules_is_named_at_once(tmp_path: Path) -> None:
    """By the rule's name and the key; what one key cannot mean beside another comes next."""
    path = tmp_path / "room.toml"
    path.write_text(
        MQTT + '[alerts.rules.one]\nwhen = "fire"\n'
        '[alerts.rules.two]\nwhen = "silent"\nafter = 3\nafter_s = -1\n'
        '[alerts.rules.three]\nseverity = "late"\n[alerts.rules."a b"]\nwhen = "silent"\n',
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as refused:
        load_settings(path)
    text = str(refused.value)
    for wanted in (
        '[alerts.rules.one] when = \'fire\': wanted "finding" or "growing"',
        '[alerts.rules.two] unknown key "after"; did you mean "after_s"?',
        "[alerts.rules.two] after_s = -1: wanted more than 0",
        "[alerts.rules.three] when is missing",
        "[alerts.rules]",
    ):
        assert wanted in text
    assert len(text.splitlines()) == 5


def test_keys_that_contradict_the_kind_are_named_at_once() -> None:
    """With what the key is for, and the words that the room knows."""
    rules = {
        "one": {"when": "silent", "severity": "late", "parts": ["camera"]},
        "two": {"when": "coverage"},
        "three": {"when": "finding", "severity": "awful"},
    }
    with pytest.raises(ConfigError) as refused:
        build_settings({"hostname": "127.0.0.1"}, alerts={"rules": rules})
    assert str(refused.value).splitlines() == [
        '[alerts.rules.one] severity: only where when is finding or growing; here it is "silent"',
        '[alerts.rules.one] parts: only where when is part; here it is "silent"',
        "[alerts.rules.two] below is missing: the share of judged frames below which it tells, such as 0.5",
        '[alerts.rules.three] severity = "awful": [room] severities names only none, mid, late',
    ]
