"""Handle what people see and do of alerts: rules, channels, what was told, a test message, muting a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from edge_node.control_room.alerts.apprise_sender import choose_channels
from edge_node.control_room.deeds import Deed
from edge_node.control_room.web.access import person_of
from edge_node.control_room.web.json.json_responses import (
    read_json,
    respond,
    respond_from_thread,
    respond_problem,
)
from edge_node.control_room.web.services import get_services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from edge_node.control_room.alerts.alert_desk import AlertDesk
    from edge_node.control_room.people.roles import Person
    from edge_node.control_room.web.services import Services

_NO_CHANNEL = (
    "no channel: [alerts] channels_file of the control room's configuration names none, so nobody can be told"
)


class _TestOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By which channels a test message is sent; by all if none is named."""

    channels: tuple[str, ...] = ()


class _MuteOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For how long a rule tells nobody."""

    hours: Annotated[float, msgspec.Meta(gt=0, le=8760)] = 8.0


async def get_alerts(request: Request) -> Response:
    """Rules, channels by name, and what was told of late to whom; addresses are not among it."""
    desk = _desk(request)
    return await respond_from_thread(desk.describe)


async def post_test(request: Request) -> Response:
    """POST to send a test message; ``channels`` as JSON names some, else all get it. Says what came of it."""
    desk = _desk(request)
    order = await read_json(request, _TestOrder, empty=b"{}")
    if not desk.channels:
        return respond_problem(409, _NO_CHANNEL)
    if unknown := [name for name in order.channels if not choose_channels(desk.channels, [name])]:
        return respond_problem(404, f"no channel {unknown[0]!r}; there are {', '.join(desk.channels)}")
    channels = choose_channels(desk.channels, order.channels)
    return respond(await run_in_threadpool(_test, get_services(request), desk, person_of(request), channels))


async def post_mute(request: Request) -> Response:
    """POST to mute a rule, ``hours`` as JSON, or to end that: what it finds is listed, and nobody is told."""
    desk, names = _desk(request), request.path_params
    if names["name"] not in desk.rules:
        return respond_problem(404, f"no rule {names['name']!r}; there are {', '.join(desk.rules) or 'none'}")
    if names["deed"] not in ("mute", "unmute"):
        return respond_problem(404, "no such deed; known are mute, unmute")
    order = await read_json(request, _MuteOrder, empty=b"{}")
    hours = order.hours if names["deed"] == "mute" else None
    return respond(
        await run_in_threadpool(_mute, get_services(request), desk, person_of(request), names["name"], hours)
    )


ROUTES = [
    Route("/api/alerts", get_alerts),
    Route("/api/alerts/test", post_test, methods=["POST"]),
    Route("/api/alerts/rules/{name}/{deed}", post_mute, methods=["POST"]),
]


def _desk(request: Request) -> AlertDesk:
    desk = get_services(request).alerts
    assert desk is not None  # noqa: S101  every room has one
    return desk


def _test(services: Services, desk: AlertDesk, person: Person, channels: Sequence[str]) -> dict[str, Any]:
    subject = ", ".join(channels)
    services.audit.note(person, Deed.ALERT, subject, outcome="asked", text="test message")
    outcomes = desk.test(channels, person.name)
    is_good = all(one.is_delivered for one in outcomes)
    text = "; ".join(f"{one.channel}: {one.why or 'taken'}" for one in outcomes)
    services.audit.note_done(
        person, Deed.ALERT, subject, outcome="done" if is_good else "failed", text=f"test message; {text}"
    )
    return {
        "outcomes": [
            {"channel": one.channel, "delivered": one.is_delivered, "text": one.why} for one in outcomes
        ]
    }


def _mute(
    services: Services, desk: AlertDesk, person: Person, rule: str, hours: float | None
) -> dict[str, Any]:
    text = "unmute" if hours is None else f"mute for {hours:g} h"
    services.audit.note(person, Deed.ALERT, rule, outcome="asked", text=text)
    until = desk.mute(rule, hours, person.name or person.origin.value)
    services.audit.note_done(person, Deed.ALERT, rule, text=text)
    return {"rule": rule, "muted_until": until}
