"""The whole of it: a fault in a real history is a mail and a call of a webhook, without anybody's help."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from sqlalchemy import select

from edge_node.control_room.alerts.alert_service import AlertService
from edge_node.control_room.alerts.apprise_sender import AppriseSender
from edge_node.control_room.alerts.channels import read_channels
from edge_node.control_room.history.alerts.message_book import AlertMessage, MessageBook
from edge_node.control_room.history.history import History
from edge_node.control_room.history.storage.alert_tables import alert_rule
from edge_node.control_room.settings import build_settings
from tests.support.alert_receivers import receivers
from tests.support.processes import free_port, wait_for
from tests.support.room_records import finding

if TYPE_CHECKING:
    from pathlib import Path

RULES = select(alert_rule.c.name)


def test_a_finding_leaves_by_mail_and_webhook_and_no_rule_starts_no_thread(tmp_path: Path, caplog) -> None:
    """Rules without a channel say so in the log; one address that takes nothing holds up no other."""
    history = History(tmp_path)
    with receivers() as (mail, webhook):
        path = tmp_path / "channels.toml"
        path.write_text(
            f'duty = ["{mail.url}", "json://127.0.0.1:{free_port()}"]\nhook = "{webhook.url}"\n',
            encoding="utf-8",
        )
        book = MessageBook(history.database)
        book.add_message(AlertMessage(0, datetime.now(timezone.utc), "rust", "alert", "a", "b", 1), ["gone"])
        rules = {"rust": {"when": "finding", "severity": "late"}}
        for given in ({"channels_file": str(path), "rules": rules, "gather_s": 0}, {"rules": rules}, {}):
            settings = build_settings({"hostname": "127.0.0.1"}, alerts=given)
            sender = AppriseSender(read_channels(settings.alerts))
            service = AlertService(settings, history, sender, lambda: datetime.now(timezone.utc))
            service.start()
            if "channels_file" in given:
                wait_for(lambda: history.database.rows(RULES), 10, "the first look")
                now = datetime.now(timezone.utc)
                history.add_finding(finding(peak_severity="late", last_observed_at=now))
                wait_for(lambda: book.last_delivered("duty") and book.last_delivered("hook"), 20, "both")
                wait_for(lambda: book.last_try("duty 2"), 20, "the address that takes nothing")
                told = book.count_deliveries()
            service.stop()
    states = {"gone": "given_up", "duty": "delivered", "duty 2": "waiting", "hook": "delivered"}
    assert told == dict.fromkeys(states.items(), 1)
    assert mail.got[0]["subject"].startswith("quay/crawler-1: late corrosion of steel")
    assert webhook.got[0]["title"] == mail.got[0]["subject"]
    assert [record.getMessage() for record in caplog.records if "no channel" in record.getMessage()] == [
        "[alerts] has rules but no channel: what they find is listed, and nobody is told"
    ]
    history.close()
