"""Deliveries: what a channel takes, what it refuses and takes later, what hangs, what is given up."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.alerts.apprise_sender import AppriseSender, Outgoing
from edge_node.control_room.alerts.channels import Channel
from edge_node.control_room.alerts.courier import BoundedSend, Courier
from edge_node.control_room.history.alerts.message_book import AlertMessage, DeliveryState, MessageBook
from edge_node.control_room.history.history import History
from tests.support.alert_receivers import Webhook
from tests.support.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 12, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook that takes all."""
    made = Webhook()
    yield made
    made.close()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[MessageBook]:
    """The messages of a history."""
    history = History(tmp_path)
    yield MessageBook(history.database)
    history.close()


@pytest.fixture
def courier(webhook: Webhook, book: MessageBook) -> Iterator[Courier]:
    """Delivers to the webhook, with the clock at NOW; not started yet."""
    send = BoundedSend(AppriseSender([Channel("duty", (webhook.url,))]), "duty")
    made = Courier(send, "duty", book._database, lambda: NOW, too_old_h=24.0)
    yield made
    made.stop()


def wait_at(book: MessageBook, *ages_h: float) -> list[int]:
    """Let messages of these ages wait."""
    return [
        book.add_message(
            AlertMessage(
                0, NOW - timedelta(hours=age), "rust", "alert", f"title {age:g}", f"text {age:g}", 1
            ),
            ["duty"],
        )
        for age in ages_h
    ]


def states(book: MessageBook) -> list[tuple[DeliveryState, int, str]]:
    """State, tries and reason of each delivery, oldest first."""
    return [(one.state, one.tries, one.why) for _, found in book.messages(99)[::-1] for one in found]


def test_what_waits_for_a_channel_leaves_as_one_message(webhook, book, courier) -> None:
    """The first few in full, the others by their number; what is too old is given up."""
    wait_at(book, 30, *range(8, 0, -1))
    courier.start()
    wait_for(lambda: all(one[0] is not DeliveryState.WAITING for one in states(book)), 10, "delivered")
    (got,) = webhook.got
    assert got["title"] == "8 alerts, title 8"
    assert "text 4" in got["message"]
    assert "text 3" not in got["message"]
    assert got["message"].endswith("and 3 more: see the page")
    assert states(book)[0] == (DeliveryState.GIVEN_UP, 1, "it could not be sent for too long")
    assert states(book)[1:] == [(DeliveryState.DELIVERED, 1, "")] * 8
    wait_at(book, 0.5)
    courier.wake()
    wait_for(lambda: len(webhook.got) == 2, 10, "the next one")
    assert (webhook.got[1]["title"], webhook.got[1]["message"]) == ("title 0.5", "text 0.5")


def test_a_channel_that_refuses_is_tried_again_later(webhook, book, courier, caplog) -> None:
    """The message waits with the reason; new ones do not hurry it; one line in the log."""
    webhook.answer = 503
    wait_at(book, 1)
    courier.start()
    wait_for(lambda: webhook.paths, 10, "an attempt")
    wait_for(lambda: states(book)[0][1] == 1, 10, "its outcome")
    state, _, why = states(book)[0]
    assert state is DeliveryState.WAITING
    assert "503" in why
    courier.wake()
    courier.wake()
    assert len(webhook.paths) == 1
    assert [record.getMessage() for record in caplog.records if record.name.endswith("courier")] == [
        f"alerts by channel duty are not delivered, trying again: {why}"
    ]


def test_an_attempt_that_hangs_is_left_and_no_second_one_begins_beside_it(webhook) -> None:
    """Until it has ended."""
    send = BoundedSend(AppriseSender([Channel("duty", (webhook.url,))]), "duty")
    webhook.held.clear()
    assert send.send(Outgoing("a", "b"), 0.05) == "no answer within 0 s"
    assert send.send(Outgoing("c", "d"), 0.05) == "the attempt before has not ended yet"
    webhook.held.set()
    wait_for(lambda: webhook.got, 10, "the first one")
    wait_for(lambda: send.send(Outgoing("e", "f"), 10) == "", 10, "a free channel")
    assert [got["title"] for got in webhook.got] == ["a", "e"]
