"""Offers a signed bundle to one robot, answers what it asks for, and says how it ends.

The robot decides: it asks for pieces when its link has room, checks each, installs, and tries the bundle.
This end answers requests within the file and nothing else, and may be started again at any time: the robot
goes on where it was.
"""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from edge_node.backoff import Backoff
from edge_node.control_room.robots.commander import LIFETIME_S, build
from edge_node.errors import CorrosionError, UpdateError
from edge_node.messages.command import Verb
from edge_node.messages.response import BundleRequest, Response, Result
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import LinkError, Outgoing
from edge_node.signing import signed_bytes
from edge_node.update.fetcher import piece_payload
from edge_node.update.state import Step
from edge_node.update.transport_file import check_size, read_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Endpoint, Incoming

_POLL_S = 0.2
_ANNOUNCE_AGAIN_S = 15.0  # to a robot that says nothing: it may have been away
_MOST_WAITING = 64  # requests; a robot has 16 on the way


class BundleSender:
    """One transfer to one robot; belongs to one thread.

    Attributes:
        sent_bytes: of the file, also what was sent twice.
        reached_bytes: the furthest that the robot asked for.
        size_bytes: of the file.
    """

    def __init__(
        self,
        source: BinaryIO,
        where: str,
        endpoint: Endpoint,
        topics: Topics,
        sign: Callable[[bytes], str] | None = None,
    ) -> None:
        """Prepare to send the open file ``source``, which messages call ``where``.

        Raises:
            UpdateError: it is no bundle file, or not whole.
        """
        self._source = source
        self.size_bytes = source.seek(0, 2)
        source.seek(0)
        head = read_head(source, where)
        check_size(head, self.size_bytes, where)
        source.seek(0)
        digest = hashlib.sha256()
        while content := source.read(1 << 20):
            digest.update(content)
        self.statement = head.statement
        self._sha256 = digest.hexdigest()
        self._endpoint = endpoint
        self._topics = topics
        self._sign = sign
        self._waiting: deque[tuple[int, int]] = deque(maxlen=_MOST_WAITING)
        self._answers: deque[Response] = deque()
        self._command_ids: set[str] = set()
        self._heard_s = float("-inf")
        self.sent_bytes = self.reached_bytes = 0

    def send(
        self, *, timeout_s: float, until: frozenset[str], on_progress: Callable[[str], None]
    ) -> Response:
        """Announce the file and serve it until the robot says one of ``until``, or that it will not.

        Args:
            timeout_s: give up when the robot says nothing for so long.
            until: codes of responses that end it well, such as ``installed`` or ``confirmed``.
            on_progress: told of each step, and when nobody listens.

        Returns:
            The robot's last response.

        Raises:
            CorrosionError: the robot says nothing, or the broker does not take us.
        """
        backoff, self._heard_s = Backoff(), time.monotonic()
        while True:
            try:
                return self._serve(timeout_s, until, on_progress)
            except LinkError as err:
                if err.refused or time.monotonic() - self._heard_s > timeout_s:
                    raise
                on_progress(f"{err}; trying again")
                time.sleep(backoff.next_s())

    def _serve(self, timeout_s: float, until: frozenset[str], on_progress: Callable[[str], None]) -> Response:
        client_id = f"{self._endpoint.client_id[:48]}-{secrets.token_hex(4)}"
        session = Session(replace(self._endpoint, client_id=client_id), on_message=self._received)
        try:
            session.open()
            session.subscribe((self._topics.response,))
            session.subscribe((self._topics.bundle_request,), qos=0)
            self._announce(session)
            announced_s = time.monotonic()
            while True:
                while self._waiting and session.can_write:
                    self._answer(session, *self._waiting.popleft())
                session.poll(_POLL_S)
                while self._answers:
                    answer = self._answers.popleft()
                    on_progress(
                        answer.text if answer.code != Step.INSTALLED.value else f"installed, {answer.text}"
                    )
                    if answer.code in until or answer.result in (Result.REFUSED, Result.FAILED):
                        return answer
                now_s = time.monotonic()
                if now_s - self._heard_s > timeout_s:
                    raise CorrosionError(
                        f"{self._topics.site}/{self._topics.robot} has said nothing for {timeout_s:g} s;"
                        " what it has is kept, send again to go on"
                    )
                if now_s - max(self._heard_s, announced_s) > _ANNOUNCE_AGAIN_S and not self._is_on_trial:
                    self._announce(session)
                    announced_s = now_s
        finally:
            session.close(0.2)

    @property
    def _is_on_trial(self) -> bool:
        return self.reached_bytes >= self.size_bytes

    def _announce(self, session: Session) -> None:
        command_id = uuid.uuid4().hex
        values = {
            "name": self.statement.name,
            "version": self.statement.version,
            "sha256": self._sha256,
            "size_bytes": self.size_bytes,
        }
        payload = build(Verb.UPDATE, values, lifetime_s=LIFETIME_S, command_id=command_id)
        topic = f"{self._topics.base}/cmd/{Verb.UPDATE.value}"
        user = (("signature", self._sign(signed_bytes(topic, payload))),) if self._sign else ()
        self._command_ids.add(command_id)
        session.publish(Outgoing(topic, payload, user=user, response_topic=self._topics.response))

    def _answer(self, session: Session, offset: int, length: int) -> None:
        self._source.seek(offset)
        content = self._source.read(length)
        if len(content) != length:
            raise UpdateError("the file became shorter while it was sent")
        payload = piece_payload(self._sha256, offset, content)
        session.publish(
            Outgoing(self._topics.bundle_piece, payload, qos=0, content_type="application/octet-stream")
        )
        self.sent_bytes += length
        self.reached_bytes = max(self.reached_bytes, offset + length)

    def _received(self, message: Incoming) -> None:
        """Take a request or a response; what cannot be read, or is outside the file, is left out."""
        try:
            if message.topic == self._topics.bundle_request:
                request = msgspec.json.decode(message.payload, type=BundleRequest)
                if request.sha256 == self._sha256 and request.offset + request.length <= self.size_bytes:
                    self._heard_s = time.monotonic()
                    self._waiting.append((request.offset, request.length))
            elif message.topic == self._topics.response:
                response = msgspec.json.decode(message.payload, type=Response)
                if response.command_id in self._command_ids:
                    self._heard_s = time.monotonic()
                    self._answers.append(response)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
