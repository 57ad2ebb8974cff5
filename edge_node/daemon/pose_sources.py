"""Receive poses from a datagram socket or an MQTT topic and record them in a track."""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING

from edge_node.errors import ConfigError
from edge_node.messages.pose import MAX_POSE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.inspection.pose_track import PoseTrack
    from edge_node.mqtt.types import Incoming

_WAIT_S = 0.5  # how soon the receiver notices a stop

_log = logging.getLogger(__name__)


class PoseReceiver:
    """Receive poses on a UDP port, in a thread of its own."""

    def __init__(self, track: PoseTrack, host: str, port: int) -> None:
        """Bind the port.

        Raises:
            ConfigError: it cannot be bound.
        """
        self._track = track
        self._stop = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.bind((host, port))
        except OSError as err:
            self._socket.close()
            raise ConfigError(
                f"[pose] udp_port = {port} on {host}: {err.strerror or err}; choose another port"
            ) from err
        self._socket.settimeout(_WAIT_S)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="pose", daemon=True)

    def __enter__(self) -> PoseReceiver:  # noqa: PYI034  Self needs Python 3.11
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and close the port."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * _WAIT_S)
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                message, _ = self._socket.recvfrom(MAX_POSE_BYTES + 1)
            except TimeoutError:
                continue
            except OSError as err:
                if not self._stop.is_set():
                    _log.warning("poses: %s", err.strerror or err)
                    self._stop.wait(_WAIT_S)
                continue
            self._track.take(message)


class PoseTopic:
    """Receive poses from one MQTT topic: an ``Inbox`` of the publisher."""

    qos = 0  # a pose that comes late is of no use

    def __init__(self, track: PoseTrack, topic: str) -> None:
        self.filters: Sequence[str] = (topic,)
        self._track = track

    def take(self, message: Incoming) -> None:
        """Record a pose; a retained one is left out: the broker kept it, and nobody knows for how long."""
        if not message.is_retained:
            self._track.take(message.payload)
