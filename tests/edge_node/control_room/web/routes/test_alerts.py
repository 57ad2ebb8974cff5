"""Alerts over HTTP: who may see, test and mute; what the audit says; nothing secret."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.alert_receivers import Webhook
from tests.support.room_app import RoomApp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """Where alerts go."""
    made = Webhook()
    yield made
    made.close()


@pytest.fixture
def room(tmp_path: Path, webhook: Webhook) -> Iterator[RoomApp]:
    """A room with a rule, a channel, an operator and a viewer."""
    path = tmp_path / "channels.toml"
    path.write_text(f'duty = "{webhook.url}"\n', encoding="utf-8")
    rules = {"quiet": {"when": "silent"}}
    with RoomApp(tmp_path / "room", alerts={"channels_file": str(path), "rules": rules}) as made:
        for name, role in (("otto", "operator"), ("vera", "viewer")):
            made.add_user(name, role)
        yield made


def test_a_viewer_sees_alerts_and_an_operator_tests_and_mutes(room: RoomApp, webhook: Webhook) -> None:
    """Each deed is in the audit with what came of it; the address is nowhere."""
    vera, otto = (room.log_in(name).cookie for name in ("vera", "otto"))
    seen = room.request("/api/alerts", cookie=vera)
    assert [one["name"] for one in seen.json()["channels"]] == ["duty"]
    assert seen.json()["rules"][0]["text"] == "a robot silent for 60 s"
    for path in ("/api/alerts/test", "/api/alerts/rules/quiet/mute"):
        assert room.request(path, "POST", cookie=vera).status == 403
    said = room.request("/api/alerts/test", "POST", b'{"channels": ["duty"]}', cookie=otto).json()
    assert said == {"outcomes": [{"channel": "duty", "delivered": True, "text": ""}]}
    webhook.answer = 403
    said = room.request("/api/alerts/test", "POST", cookie=otto).json()
    assert "403" in said["outcomes"][0]["text"]
    muted = room.request("/api/alerts/rules/quiet/mute", "POST", b'{"hours": 2}', cookie=otto)
    assert muted.json()["muted_until"]
    assert room.request("/api/alerts/rules/quiet/unmute", "POST", cookie=otto).json()["muted_until"] is None
    entries = room.history.audit_entries(limit=20)
    told = [(one.user, one.subject, one.outcome) for one in entries if one.action.value == "alert"][::-1]
    assert told == [
        *[("otto", "duty", "asked"), ("otto", "duty", "done"), ("otto", "duty", "asked")],
        *[("otto", "duty", "failed"), ("otto", "quiet", "asked"), ("otto", "quiet", "done")],
        *[("otto", "quiet", "asked"), ("otto", "quiet", "done")],
    ]
    everything = (
        room.request("/api/alerts", cookie=otto).body + json.dumps([one.text for one in entries]).encode()
    )
    assert not [word for word in (b"hunter2", b"T0PSECRET", b"KEYSECRET", b"127.0.0.1") if word in everything]


def test_what_cannot_be_asked_is_refused_in_a_sentence(room: RoomApp) -> None:
    """A channel, a rule or a deed that is not there, and a body that is none."""
    otto = room.log_in("otto").cookie
    for path, body, status, word in (
        ("/api/alerts/test", b'{"channels": ["nobody"]}', 404, "there are duty"),
        ("/api/alerts/test", b'{"channel": "duty"}', 400, "unknown key channel"),
        ("/api/alerts/rules/loud/mute", b"", 404, "there are quiet"),
        ("/api/alerts/rules/quiet/shout", b"", 404, "mute, unmute"),
        ("/api/alerts/rules/quiet/mute", b'{"hours": -1}', 400, "hours"),
    ):
        answer = room.request(path, "POST", body, cookie=otto)
        assert answer.status == status
        assert word in answer.json()["problem"]


def test_without_a_channel_the_test_says_so(tmp_path: Path) -> None:
    """Rules alone tell nobody."""
    with RoomApp(tmp_path, alerts={"rules": {"quiet": {"when": "silent"}}}) as room:
        assert room.request("/api/alerts").json()["rules"][0]["channels"] == []
        answer = room.request("/api/alerts/test", "POST")
        assert (answer.status, answer.json()["problem"].startswith("no channel")) == (409, True)
