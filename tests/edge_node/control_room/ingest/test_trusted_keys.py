"""A review counts as a person's if a key signed it that the room trusts, as it was signed."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.ingest.trusted_keys import RoomKeys
from edge_node.control_room.robots.commander import build_command
from edge_node.control_room.settings import build_settings
from edge_node.errors import ConfigError
from edge_node.messages.command import Verb
from edge_node.messages.response import Response, Result
from edge_node.messages.verdict import encode
from edge_node.mqtt.types import Incoming
from edge_node.signing import Signer, make_key_pair, signed_bytes
from tests.support.records import TOPICS
from tests.support.room_records import review as review_of_room
from tests.support.signed_records import keys_of
from tests.support.verdicts import START

if TYPE_CHECKING:
    from pathlib import Path

SUBJECT = "crawler-1:epoch:f3"


def _said(
    key: Path | None,
    *,
    asked: dict[str, str] | None = None,
    command_id: str = "from-a-terminal",
    **beside: str,
) -> bytes:
    """The response to a review; with ``beside``, what the robot says of it beside the signature."""
    given = {"subject": SUBJECT, "judgement": "confirmed", "by": "Anna", **(asked or {})}
    payload = build_command(Verb.REVIEW, given, lifetime_s=60, command_id=command_id)
    data = {**given, **beside}
    if key is not None:
        signature = Signer(key).sign(signed_bytes(TOPICS.command("review"), payload))
        data |= {"signed_command": payload.decode(), "signature": base64.b64encode(signature).decode()}
    return encode(
        Response(
            id=f"crawler-1:epoch:response:{command_id}{len(data)}",
            seq=1,
            site="quay",
            robot="crawler-1",
            at=START,
            verb="review",
            command_id=command_id,
            result=Result.DONE,
            code="recorded",
            text="recorded",
            data=data,
        )
    )


def _stored(folder: Path, payload: bytes, keys: RoomKeys | None) -> tuple[str, str, str]:
    with closing(History(folder)) as history:
        store(history, [Incoming(TOPICS.response, payload, is_retained=False)], keys=keys)
        (found,) = history.reviews()
        return found.origin, found.reviewer, found.opinion.value


def test_a_signed_review_counts_as_it_was_signed(tmp_path: Path) -> None:
    """Whatever the robot says beside it; of a key that is not named, or of none, it is the robot's claim."""
    public = make_key_pair(tmp_path / "terminal.pem")
    make_key_pair(tmp_path / "other.pem")
    trusted = keys_of(trusted_keys=[str(public)])
    signed = _said(tmp_path / "terminal.pem", by="Alice", judgement="disputed")
    assert _stored(tmp_path / "a", signed, trusted) == ("signed", "Anna", "confirmed")
    assert _stored(tmp_path / "b", signed, None) == ("robot", "Alice", "disputed")
    assert _stored(tmp_path / "c", _said(tmp_path / "other.pem"), trusted)[0] == "robot"
    assert _stored(tmp_path / "d", _said(None), trusted)[0] == "robot"
    own = keys_of(key_file=str(tmp_path / "terminal.pem"))  # the room's own key is trusted as well
    assert _stored(tmp_path / "e", signed, own)[0] == "signed"


def test_a_signature_is_of_one_robot_and_one_command(tmp_path: Path) -> None:
    """Under another command's id, or from another robot, it is a claim like any other."""
    keys = keys_of(trusted_keys=[str(make_key_pair(tmp_path / "terminal.pem"))])
    said = msgspec.json.decode(_said(tmp_path / "terminal.pem"), type=Response)
    for change in ({"command_id": "another-one"}, {"robot": "crawler-2"}):
        assert keys.read_signed_review(msgspec.structs.replace(said, **change)) is None
    assert keys.read_signed_review(said) is not None


def test_a_robot_with_a_key_of_its_own_is_signed_for_by_no_other(tmp_path: Path) -> None:
    """Keys are files or PEM texts; one that cannot be used is told with its name."""
    fleet, own = make_key_pair(tmp_path / "fleet.pem"), make_key_pair(tmp_path / "own.pem")
    robots = {"keys": [str(fleet)], "keys_of": {"quay/crawler-1": [own.read_text()]}}
    keys = RoomKeys(build_settings({"hostname": "127.0.0.1"}, robots=robots))
    assert keys.has_key_of("quay", "crawler-1")
    assert keys.has_key_of("quay", "crawler-2")
    assert not RoomKeys().has_key_of("quay", "crawler-1")
    with pytest.raises(ConfigError, match=r"\[robots\] keys_of.quay/crawler-1 nowhere.pem"):
        RoomKeys(build_settings({"hostname": "h"}, robots={"keys_of": {"quay/crawler-1": ["nowhere.pem"]}}))
    with pytest.raises(ConfigError, match="SITE/ROBOT"):
        build_settings({"hostname": "h"}, robots={"keys_of": {"crawler-1": []}})


def test_only_a_signed_withdrawal_takes_a_review_back(tmp_path: Path) -> None:
    """What a robot says without a person's signature takes nothing back, nor does one of another review."""
    keys = keys_of(trusted_keys=[str(make_key_pair(tmp_path / "terminal.pem"))])
    review = review_of_room(origin="login", finding_id=SUBJECT)
    asked = {"judgement": "withdrawn", "withdraws": review.review_id}
    with closing(History(tmp_path / "room")) as history:
        history.add_review(review)
        for key, withdrawal, counts in (
            (None, asked, True),
            (tmp_path / "terminal.pem", {**asked, "withdraws": "review-of-others"}, True),
            (tmp_path / "terminal.pem", asked, False),
        ):
            said = _said(key, asked=withdrawal, command_id=f"undo-{withdrawal['withdraws']}-{key is None}")
            store(history, [Incoming(TOPICS.response, said, is_retained=False)], keys=keys)
            (found,) = history.reviews()
            assert found.counts is counts
        assert (found.withdrawn.reviewer, found.withdrawn.origin) == ("Anna", "signed")
