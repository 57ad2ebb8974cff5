"""Check what robots and other rooms signed, by the keys that the configuration names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.checkpoint import split_seal
from edge_node.messages.command import MAX_COMMAND_BYTES, CommandError, RecordReview, Verb, decode_command
from edge_node.messages.response import SIGNATURE, SIGNED_COMMAND
from edge_node.messages.review import SubjectReview
from edge_node.messages.topics import Topics
from edge_node.signing import Signer, load_trusted_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.control_room.settings import RoomSettings
    from edge_node.messages.checkpoint import Checkpoint
    from edge_node.messages.response import Response
    from edge_node.signing import TrustedKey


class RoomKeys:
    """The public keys of robots, which sign checkpoints, and of those whose signed reviews count."""

    def __init__(self, settings: RoomSettings | None = None) -> None:
        """Read the keys of ``[robots]`` and ``[commands]``; without settings nothing signed is trusted.

        Raises:
            ConfigError: one cannot be used.
        """
        self._of_all: Sequence[TrustedKey] = ()
        self._of_robot: dict[str, Sequence[TrustedKey]] = {}
        self._reviewers: Sequence[TrustedKey] = ()
        if settings is None:
            return
        robots, commands = settings.robots, settings.commands
        self._of_all = [load_trusted_key(one, "[robots] keys") for one in robots.keys]
        self._of_robot = {
            name: [load_trusted_key(one, f"[robots] keys_of.{name}") for one in paths]
            for name, paths in robots.keys_of.items()
        }
        reviewers = [load_trusted_key(one, "[commands] trusted_keys") for one in commands.trusted_keys]
        if commands.key_file is not None:
            try:
                reviewers.append(Signer(Path(commands.key_file)).public_half(Path(commands.key_file)))
            except CorrosionError as err:
                raise ConfigError(f"[commands] key_file: {err}") from err
        self._reviewers = reviewers

    def has_key_of(self, site: str, robot: str) -> bool:
        """Tell whether a key may sign for a robot."""
        return bool(self._keys(site, robot))

    def signed(self, found: Checkpoint, payload: bytes) -> bool:
        """Tell whether a checkpoint's signature holds, by a key that may sign for its robot."""
        parts = split_seal(payload)
        return (
            parts is not None
            and parts[1] == found.signature
            and any(
                key.key_id.hex() == found.key_id and key.holds_checkpoint(found.signature, parts[0])
                for key in self._keys(found.site, found.robot)
            )
        )

    def read_signed_review(self, response: Response) -> SubjectReview | None:
        """Return the review that a person's key signed, as it was signed; None if none did.

        A robot passes on the command, with its signature: what the robot says of it beside does not count.
        """
        text, signature = response.data.get(SIGNED_COMMAND), response.data.get(SIGNATURE)
        if not isinstance(text, str) or not isinstance(signature, str) or len(text) > MAX_COMMAND_BYTES:
            return None
        payload = text.encode("utf-8", "replace")
        topic = Topics(response.site, response.robot).command(Verb.REVIEW.value)
        if not any(key.holds_command(signature, topic, payload) for key in self._reviewers):
            return None
        try:
            command = decode_command(Verb.REVIEW.value, payload)
        except CommandError:
            return None
        if not isinstance(command, RecordReview) or command.id != response.command_id:
            return None
        fields = {name: getattr(command, name) for name in SubjectReview.__struct_fields__ if name != "at"}
        return SubjectReview(**fields, at=command.issued_at)

    def _keys(self, site: str, robot: str) -> Sequence[TrustedKey]:
        """Return the keys that may sign for a robot: its own, if it has some, and no other's."""
        return self._of_robot.get(f"{site}/{robot}", self._of_all)
