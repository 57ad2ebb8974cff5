"""What people see of alerts, and the test message with what came of it on each channel."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.alert_sections import AlertRule
from edge_node.control_room.alerts.alert_desk import AlertDesk, describe_rule
from edge_node.control_room.alerts.apprise_sender import AppriseSender
from edge_node.control_room.alerts.channels import Channel
from edge_node.control_room.history.history import History
from edge_node.control_room.settings import build_settings
from tests.support.alert_receivers import Webhook

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)


def test_a_test_message_says_what_came_of_it_on_each_channel(tmp_path: Path) -> None:
    """It stands among the messages, and a channel that refused is shown so; nothing secret is."""
    history, good, bad = History(tmp_path), Webhook(), Webhook(answer=500)
    settings = build_settings({"hostname": "127.0.0.1"}, alerts={"rules": {"quiet": {"when": "silent"}}})
    sender = AppriseSender([Channel("good", (good.url,)), Channel("bad", (bad.url,))])
    desk = AlertDesk(settings, history.database, sender, lambda: NOW)
    first, second = desk.test(("good", "bad"), "ada")
    assert (first.channel, first.is_delivered, second.is_delivered) == ("good", True, False)
    assert "500" in second.why
    assert good.got[0]["title"] == "Test: Control room"
    assert good.got[0]["message"].startswith(
        'A test of the alerts of the control room "Control room", asked for by ada'
    )
    view = desk.describe()
    assert [(one["name"], one["state"], one["why"]) for one in view["channels"]] == [
        ("good", "delivered", ""),
        ("bad", "given_up", second.why),
    ]
    (message,) = view["messages"]
    assert (message["kind"], [one["state"].value for one in message["deliveries"]]) == (
        "test",
        ["delivered", "given_up"],
    )
    assert "T0PSECRET" not in repr(view)
    assert desk.mute("quiet", 8.0, "ada") == NOW + timedelta(hours=8)
    (rule,) = desk.describe()["rules"]
    assert (rule["muted_until"], rule["muted_by"], rule["channels"]) == (
        NOW + timedelta(hours=8),
        "ada",
        ("good", "bad"),
    )
    assert desk.mute("quiet", None, "ada") is None
    assert desk.describe()["rules"][0]["muted_until"] is None
    good.close()
    bad.close()
    history.close()


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"when": "finding", "severity": "late"}, "a finding of severity late or worse"),
        ({"when": "growing", "assets": ("pipe L-7",)}, "a growing defect; only pipe L-7"),
        ({"when": "silent", "sites": ("quay",)}, "a robot silent for 60 s; only quay"),
        ({"when": "part", "parts": ("camera", "pose")}, "camera or pose of a robot failing for 30 s"),
        ({"when": "coverage", "below": 0.5}, "less than 50 % of frames judged in 300 s"),
        ({"when": "rolled_back"}, "a bundle rolled back"),
    ],
)  # fmt: skip
def test_a_rule_in_words(rule: dict, text: str) -> None:
    """As the page and the command line show it."""
    assert describe_rule(AlertRule(**rule)) == text
