"""Alerts in Prometheus: what is raised, what was delivered, and a channel that takes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.control_room.metrics.alert_metrics import describe_alerts
from tests.support.alert_receivers import Webhook
from tests.support.room_app import RoomApp

if TYPE_CHECKING:
    from pathlib import Path


def test_a_channel_that_takes_nothing_is_down_until_it_does(tmp_path: Path) -> None:
    """Rules that tell once have nothing that is raised."""
    webhook = Webhook(answer=500)
    path = tmp_path / "channels.toml"
    path.write_text(f'duty = "{webhook.url}"\n', encoding="utf-8")
    rules = {"quiet": {"when": "silent"}, "rust": {"when": "finding"}}
    with RoomApp(tmp_path / "room", alerts={"channels_file": str(path), "rules": rules}) as room:

        def read() -> dict[str, float]:
            samples = [sample for metric in describe_alerts(room.alerts) for sample in metric.samples]
            return {
                "/".join([one.name.removeprefix("corrosion_room_"), *one.labels.values()]): one.value
                for one in samples
            }

        assert read()["alert_channel_up/duty"] == 1
        room.alerts.test(("duty",), "")
        found = read()
        assert (found["alert_channel_up/duty"], found["alert_deliveries/duty/given_up"]) == (0, 1)
        assert [found[name] for name in ("alert_rules", "alerts_raised/quiet")] == [2, 0]
        assert "alerts_raised/rust" not in found
        webhook.answer = 200
        room.alerts.test(("duty",), "")
        assert read()["alert_channel_up/duty"] == 1
    webhook.close()
