"""A room's history that is fed with a robot's record, as its ingest would be."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from edge_node.control_room.history.history import History
from edge_node.control_room.history.record_proof.robot_proofs import read_proofs
from edge_node.control_room.ingest.batch_store import store
from edge_node.control_room.ingest.trusted_keys import RoomKeys
from edge_node.control_room.settings import build_settings
from edge_node.mqtt.types import Incoming
from tests.support.records import TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace
    from edge_node.control_room.history.record_proof.robot_proofs import RobotProof


def keys_of(*files: Path, **commands: object) -> RoomKeys:
    """The keys of a room that trusts these robots' keys."""
    robots = {"keys": [str(file) for file in files]}
    return RoomKeys(build_settings({"hostname": "127.0.0.1"}, robots=robots, commands=commands))


def arrived(payload: bytes) -> Incoming:
    """The message in which a verdict or checkpoint comes."""
    leaf = "checkpoint" if b'"last_seq":' in payload else "verdict"
    return Incoming(f"{TOPICS.base}/{leaf}", payload, is_retained=False)


@contextmanager
def fed(
    folder: Path,
    batches: Iterable[Iterable[bytes]],
    keys: RoomKeys | None = None,
    place: DatabasePlace | None = None,
) -> Iterator[History]:
    """A history after these batches."""
    with closing(History(folder, place=place)) as history:
        for batch in batches:
            store(history, [arrived(payload) for payload in batch], keys=keys)
        yield history


def proof_of(history: History) -> RobotProof:
    """What is proved of the one robot."""
    (found,) = read_proofs(history.database)
    return found
