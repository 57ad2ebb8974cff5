"""Offer a signed bundle to one robot and send the pieces that it requests.

The robot drives the transfer: it requests pieces when its link is free, checks each, installs the bundle and
tries it. The sender serves requests within the file and may be restarted at any time: the robot resumes.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from edge_node.backoff import Backoff
from edge_node.control_room.robots.commander import LIFETIME_S, build_command, command_message
from edge_node.errors import CorrosionError, UpdateError
from edge_node.messages.command import Verb
from edge_node.messages.response import BundleRequest, Response, Result
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import LinkError, Outgoing
from edge_node.update.fetcher import piece_payload
from edge_node.update.state import Step
from edge_node.update.transport_file import check_size, read_head

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Endpoint, Incoming

_POLL_S = 0.2
_ANNOUNCE_AGAIN_S = 15.0  # to a silent robot: it may have been offline
_MAX_WAITING = 64  # requests; a robot has at most 16 in flight
_ENDED_HERE = "the sender was stopped; what the robot has is kept, send again to go on"


class BundleSender:
    """One transfer to one robot; belongs to one thread, ``stop`` to any.

    Attributes:
        release: name and version of the bundle.
        sent_bytes: of the file, repeated pieces included.
        reached_bytes: end of the furthest piece that the robot requested.
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
        """Read and hash the open file ``source``; error messages call it ``where``.

        Raises:
            UpdateError: the file is no bundle, or is incomplete.
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
        self.release = head.statement
        self._sha256 = digest.hexdigest()
        self._endpoint = endpoint
        self._topics = topics
        self._sign = sign
        self._waiting: deque[tuple[int, int]] = deque(maxlen=_MAX_WAITING)
        self._responses: deque[Response] = deque()
        self._command_ids: set[str] = set()
        self._heard_s = float("-inf")
        self._ended = threading.Event()
        self.sent_bytes = self.reached_bytes = 0

    def send(
        self, *, timeout_s: float, until: frozenset[str], on_progress: Callable[[str], None]
    ) -> Response:
        """Announce the file and serve it until the robot responds with a code in ``until``, or refuses.

        Args:
            timeout_s: give up when the robot is silent for so long.
            until: codes of responses that mean success, such as ``installed`` or ``confirmed``.
            on_progress: called with a text at each step, and when the link is lost.

        Returns:
            The robot's last response.

        Raises:
            CorrosionError: the robot is silent, the broker refuses the connection, or ``stop`` was called.
        """
        backoff, self._heard_s = Backoff(), time.monotonic()
        while not self._ended.is_set():
            try:
                return self._serve(timeout_s, until, on_progress)
            except LinkError as err:
                if err.refused or time.monotonic() - self._heard_s > timeout_s:
                    raise
                on_progress(f"{err}; trying again")
                self._ended.wait(backoff.next_s())
        raise CorrosionError(_ENDED_HERE)

    def stop(self) -> None:
        """Have ``send`` end soon."""
        self._ended.set()

    def _serve(self, timeout_s: float, until: frozenset[str], on_progress: Callable[[str], None]) -> Response:
        client_id = f"{self._endpoint.client_id[:48]}-{secrets.token_hex(4)}"
        session = Session(replace(self._endpoint, client_id=client_id), on_message=self._received)
        try:
            session.open()
            session.subscribe((self._topics.response,))
            session.subscribe((self._topics.bundle_request,), qos=0)
            self._announce(session)
            announced_s = time.monotonic()
            while not self._ended.is_set():
                while self._waiting and session.can_write:
                    self._send_piece(session, *self._waiting.popleft())
                session.poll(_POLL_S)
                while self._responses:
                    response = self._responses.popleft()
                    installed = response.code == Step.INSTALLED.value
                    on_progress(f"installed, {response.text}" if installed else response.text)
                    if response.code in until or response.result in (Result.REFUSED, Result.FAILED):
                        return response
                now_s = time.monotonic()
                if now_s - self._heard_s > timeout_s:
                    raise CorrosionError(
                        f"{self._topics.site}/{self._topics.robot} has said nothing for {timeout_s:g} s;"
                        " what it has is kept, send again to go on"
                    )
                if now_s - max(self._heard_s, announced_s) > _ANNOUNCE_AGAIN_S and not self._is_on_trial:
                    self._announce(session)
                    announced_s = now_s
            raise CorrosionError(_ENDED_HERE)
        finally:
            session.close(0.2)

    @property
    def _is_on_trial(self) -> bool:
        return self.reached_bytes >= self.size_bytes

    def _announce(self, session: Session) -> None:
        command_id = uuid.uuid4().hex
        values = {
            "name": self.release.name,
            "version": self.release.version,
            "sha256": self._sha256,
            "size_bytes": self.size_bytes,
        }
        payload = build_command(Verb.UPDATE, values, lifetime_s=LIFETIME_S, command_id=command_id)
        self._command_ids.add(command_id)
        session.publish(command_message(self._topics, Verb.UPDATE, payload, self._sign))

    def _send_piece(self, session: Session, offset: int, length: int) -> None:
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
        """Queue a request or a response; ignore unreadable ones and requests outside the file."""
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
                    self._responses.append(response)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
