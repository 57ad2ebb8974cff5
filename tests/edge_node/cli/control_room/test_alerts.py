"""``edge-node control-room alerts``: a real test message, its outcome for each channel, and what was told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edge_node.cli.control_room import server
from edge_node.cli.framework import Subcommand, run_command
from edge_node.control_room.history.history import History
from tests.support.alert_receivers import Webhook

if TYPE_CHECKING:
    from pathlib import Path


def main(words: list[str]) -> int:
    """Run the command."""
    return run_command("edge-node", "", {"control-room": Subcommand(server.__name__, "")}, words)


def test_a_test_message_is_sent_and_told_with_its_outcome(tmp_path: Path, capsys) -> None:
    """Before the first start and beside a running room; 1 if a channel did not take it; 78 without any."""
    good, bad = Webhook(), Webhook(answer=403)
    channels, config = tmp_path / "channels.toml", tmp_path / "room.toml"
    channels.write_text(f'good = "{good.url}"\nbad = "{bad.url}"\n', encoding="utf-8")
    base = f'[mqtt]\nhostname = "127.0.0.1"\n[room]\nstate_dir = "{tmp_path / "room"}"\n'
    rule = '[alerts.rules.quiet]\nwhen = "silent"\n'
    config.write_text(f'{base}[alerts]\nchannels_file = "{channels}"\n{rule}', encoding="utf-8")
    command = ["control-room", "alerts"]
    assert main([*command, "test", "--config", str(config)]) == 1
    out = capsys.readouterr().out
    assert "good: delivered" in out
    assert "bad: not delivered: " in out
    assert not (tmp_path / "room").exists()
    History(tmp_path / "room").close()
    assert main([*command, "test", "--config", str(config), "--channel", "good", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"channel": "good", "delivered": True, "text": ""}]
    assert len(good.got) == 2
    assert main([*command, "list", "--config", str(config)]) == 0
    out = capsys.readouterr().out
    assert "rule quiet: a robot silent for 60 s; by good, bad" in out
    assert "channel good: delivered" in out
    history = History(tmp_path / "room")
    assert [(one.subject, one.outcome, one.origin) for one in history.audit_entries(limit=9)] == [
        ("good", "done", "command_line")
    ]
    history.close()
    config.write_text(base + rule, encoding="utf-8")
    assert main([*command, "test", "--config", str(config)]) == 78
    assert "no channel" in capsys.readouterr().err
    good.close()
    bad.close()
