"""Store the messages that alerts made, and what became of each on each channel, bounded."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, delete, func, insert, literal_column, or_, select, update

from edge_node.control_room.history.alerts.event_book import Fate
from edge_node.control_room.history.alerts.newest_rows import bind_columns, keep_newest
from edge_node.control_room.history.database import from_us, to_us
from edge_node.control_room.history.sql_filters import LIMIT, ONE, bound_limit
from edge_node.control_room.history.storage.alert_tables import (
    alert_delivery,
    alert_event,
    alert_message,
    alert_rule,
)
from edge_node.control_room.history.storage.tables import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from edge_node.control_room.history.alerts.event_book import AlertEvent
    from edge_node.control_room.history.database import Database

MAX_MESSAGES = 5_000  # that are kept, the newest; with their deliveries


class DeliveryState(str, Enum):
    """What became of a message on one channel."""

    WAITING = "waiting"  # not sent yet, or to be tried again
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"


class Delivery(NamedTuple):
    """A message on one channel."""

    key: int
    message_key: int
    channel: str
    state: DeliveryState
    tries: int
    why: str
    changed_at: datetime


class AlertMessage(NamedTuple):
    """A message that was made, for the channels that stand in its deliveries."""

    key: int
    at: datetime
    rule: str
    kind: str
    title: str
    text: str
    events: int


_MESSAGE_NAMES = ("at_us", "rule", "kind", "title", "text", "events")
_ADD_MESSAGE = insert(alert_message).values(bind_columns(alert_message, *_MESSAGE_NAMES))
_MESSAGES = (
    select(alert_message.c.message_key, *(alert_message.c[name] for name in _MESSAGE_NAMES))
    .order_by(alert_message.c.message_key.desc())
    .limit(LIMIT)
)
_DELIVERY_NAMES = ("message_key", "channel", "state", "tries", "why", "changed_us")
_ADD_DELIVERY = insert(alert_delivery).values(bind_columns(alert_delivery, *_DELIVERY_NAMES))
_DELIVERIES = select(alert_delivery.c.delivery_key, *(alert_delivery.c[name] for name in _DELIVERY_NAMES))
_DELIVERIES_FROM = _DELIVERIES.where(alert_delivery.c.message_key >= bindparam("first")).order_by(
    alert_delivery.c.delivery_key
)
_DUE = (
    select(
        *(alert_delivery.c.delivery_key, alert_message.c.message_key, alert_message.c.at_us),
        *(alert_message.c.rule, alert_message.c.kind, alert_message.c.title, alert_message.c.text),
        *(alert_message.c.events, alert_delivery.c.tries),
    )
    .join_from(alert_delivery, alert_message, alert_message.c.message_key == alert_delivery.c.message_key)
    .where(alert_delivery.c.channel == bindparam("channel"), alert_delivery.c.state == bindparam("state"))
    .order_by(alert_delivery.c.delivery_key)
)
_NOTE_DELIVERY = (
    update(alert_delivery)
    .where(alert_delivery.c.delivery_key == bindparam("key"))
    .values(
        state=bindparam("new_state"),
        tries=alert_delivery.c.tries + ONE,
        why=bindparam("new_why"),
        changed_us=bindparam("at"),
    )
)
_COUNTS = select(alert_delivery.c.channel, alert_delivery.c.state, func.count()).group_by(
    alert_delivery.c.channel, alert_delivery.c.state
)


_TELL_EVENT = (
    update(alert_event)
    .where(alert_event.c.event_key == bindparam("key"))
    .values(fate=bindparam("new_fate"), message_key=bindparam("message", type_=NUMBER))
)
_TELL_RULE = (
    update(alert_rule).where(alert_rule.c.name == bindparam("rule_name")).values(told_us=bindparam("at"))
)
_TRIM_MESSAGES = keep_newest(alert_message.c.message_key)
_TRIM_DELIVERIES = delete(alert_delivery).where(
    alert_delivery.c.message_key < select(func.min(alert_message.c.message_key)).scalar_subquery()
)
_LAST_OF_CHANNEL = select(func.max(alert_delivery.c.changed_us)).where(
    alert_delivery.c.channel == bindparam("channel"), alert_delivery.c.state == bindparam("state")
)
_LAST_TRY = (
    select(alert_delivery.c.state, alert_delivery.c.why, alert_delivery.c.changed_us, alert_delivery.c.tries)
    .where(
        alert_delivery.c.channel == bindparam("channel"),
        or_(alert_delivery.c.tries > literal_column("0"), alert_delivery.c.why != literal_column("''")),
    )
    .order_by(alert_delivery.c.changed_us.desc(), alert_delivery.c.delivery_key.desc())
    .limit(ONE)
)


class MessageBook:
    """The messages of one history; any thread may use it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_message(
        self, message: AlertMessage, channels: Sequence[str], events: Sequence[AlertEvent] = ()
    ) -> int:
        """Store a message with a delivery that waits for each channel; return its key.

        ``events`` are those that it tells: they are told by it, and their rule has been told now.
        """
        at_us = to_us(message.at)
        with self._database.transaction():
            key = self._database.insert(
                _ADD_MESSAGE,
                {
                    "at_us": at_us,
                    **{name: getattr(message, name) for name in ("rule", "kind", "title", "text", "events")},
                },
            )
            for channel in channels:
                values = {"message_key": key, "channel": channel, "state": DeliveryState.WAITING.value}
                self._database.insert(_ADD_DELIVERY, {**values, "tries": 0, "why": "", "changed_us": at_us})
            if events:
                told = [{"key": one.key, "new_fate": Fate.TOLD.value, "message": key} for one in events]
                self._database.write_all(_TELL_EVENT, told)
                self._database.write(_TELL_RULE, {"rule_name": message.rule, "at": at_us})
            if self._database.write(_TRIM_MESSAGES, {"kept": MAX_MESSAGES}):
                self._database.write(_TRIM_DELIVERIES)
        return key

    def add_outcome(
        self, message_key: int, channel: str, state: DeliveryState, why: str, now: datetime
    ) -> None:
        """Store what came of a message that was sent at once, such as a test."""
        values = {"message_key": message_key, "channel": channel, "state": state.value, "tries": 1}
        self._database.insert(_ADD_DELIVERY, {**values, "why": why, "changed_us": to_us(now)})

    def due(self, channel: str) -> list[tuple[int, AlertMessage, int]]:
        """Return what waits for a channel, oldest first: the delivery's key, the message, tries so far."""
        values = {"channel": channel, "state": DeliveryState.WAITING.value}
        return [
            (row[0], AlertMessage(row[1], from_us(row[2]), *row[3:8]), row[8])
            for row in self._database.rows(_DUE, values)
        ]

    def note_deliveries(self, keys: Iterable[int], state: DeliveryState, why: str, now: datetime) -> None:
        """Store what came of an attempt to deliver."""
        values = {"new_state": state.value, "new_why": why, "at": to_us(now)}
        self._database.write_all(_NOTE_DELIVERY, [{"key": key, **values} for key in keys])

    def messages(self, limit: int) -> list[tuple[AlertMessage, list[Delivery]]]:
        """Return the newest messages with their deliveries, newest first."""
        rows = self._database.rows(_MESSAGES, {"limit": bound_limit(limit)})
        if not rows:
            return []
        of_message: dict[int, list[Delivery]] = {}
        for row in self._database.rows(_DELIVERIES_FROM, {"first": rows[-1][0]}):
            one = Delivery(row[0], row[1], row[2], DeliveryState(row[3]), row[4], row[5], from_us(row[6]))
            of_message.setdefault(one.message_key, []).append(one)
        found = (AlertMessage(row[0], from_us(row[1]), *row[2:]) for row in rows)
        return [(message, of_message.get(message.key, [])) for message in found]

    def count_deliveries(self) -> dict[tuple[str, str], int]:
        """Return how many deliveries there are of each channel and state."""
        return {(row[0], row[1]): int(row[2]) for row in self._database.rows(_COUNTS)}

    def last_try(self, channel: str) -> tuple[DeliveryState, str, datetime] | None:
        """Return what came of the last attempt on a channel, why, and when; None before the first."""
        rows = self._database.rows(_LAST_TRY, {"channel": channel})
        return (DeliveryState(rows[0][0]), rows[0][1], from_us(rows[0][2])) if rows else None

    def last_delivered(self, channel: str) -> datetime | None:
        """Return when a channel last took a message."""
        values = {"channel": channel, "state": DeliveryState.DELIVERED.value}
        found = self._database.rows(_LAST_OF_CHANNEL, values)[0][0]
        return None if found is None else from_us(found)
