"""Fetch a bundle that the control room offers, piece by piece over the robot's own MQTT connection.

The robot requests and the other side answers: nothing is taken that was not requested, and never more is on
the way than fits beside the verdicts. The head comes first, and nothing else before its signature, expiry and
version were good. Every block is compared with the signed list as it arrives. A cut link or a kill costs what
was on the way.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from enum import Enum
from typing import TYPE_CHECKING

from edge_node.disk_budget import Worth
from edge_node.errors import CorrosionError, UpdateError
from edge_node.messages.response import BundleRequest
from edge_node.messages.verdict import encode
from edge_node.mqtt.types import Outgoing
from edge_node.update.bundle_store import now
from edge_node.update.partial_file import Offer, PartialFile, discard
from edge_node.update.piece_requests import PieceRequests
from edge_node.update.release import BLOCK_BYTES
from edge_node.update.state import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.messages.topics import Topics
    from edge_node.mqtt.types import Incoming
    from edge_node.update.installer import Installer
    from edge_node.update.piece_requests import Piece

_log = logging.getLogger(__name__)

SHA256_BYTES = 32
OFFSET_BYTES = 8
PREFIX_BYTES = SHA256_BYTES + OFFSET_BYTES  # of a piece: which file, and where in it
_BUSY_S = 60.0  # a transfer that was silent for so long may be replaced by another
_GIVE_UP_S = 86_400.0  # without a piece for so long, no one sends it any more
_MOST_BAD_BLOCKS = 3  # then the sender has other bytes than were signed


class Phase(Enum):
    """The phase of a transfer."""

    NONE = "none"
    HEAD = "head"  # list of contents and signature
    CHECKING = "checking"  # a thread looks at them
    BODY = "body"
    INSTALLING = "installing"  # a thread checks and probes


class Fetcher:
    """Fetch one bundle at a time; its methods may be called from any thread.

    It is an ``Inbox`` of the publisher, which pieces come through, and an ``Outbox``, which has requests.
    """

    qos = 0  # both ways: a piece that is lost is requested again

    def __init__(self, topics: Topics, installer: Installer, wake: Callable[[], None]) -> None:
        """Continue a transfer that was interrupted, if there is one.

        Args:
            topics: of this robot.
            installer: checks and installs what was fetched.
            wake: called when there is something to request.
        """
        self.filters: Sequence[str] = (topics.bundle_piece,)
        self._wake = wake
        self._topics = topics
        self._installer = installer
        self._store = installer.store
        self._lock = threading.RLock()
        self._requests = PieceRequests()
        self._partial: PartialFile | None = None
        self._phase = Phase.NONE
        self._bad_blocks = 0
        self._progress_s = time.monotonic()
        self.bytes_arrived = 0
        installer.budget.register(Worth.DOWNLOAD, self._store.path, self)
        self._resume()

    @property
    def text(self) -> str:
        """The transfer that is going on, in steps of ten percent; empty when none is."""
        with self._lock:
            if self._partial is None:
                return ""
            if self._phase is Phase.INSTALLING:
                return f"checking {self._partial.offer.label}"
            tenths = 10 * self._partial.size_bytes // self._partial.offer.size_bytes
            return f"fetching {self._partial.offer.label}: {tenths * 10} %"

    def offer(self, offer: Offer) -> tuple[bool, str, str]:
        """Take an offer; return whether it is taken, a code and a sentence."""
        with self._lock:
            there = self._partial
            if self._phase in (Phase.CHECKING, Phase.INSTALLING):
                return (
                    False,
                    "busy",
                    f"{there.offer.label if there else 'a bundle'} is being checked just now",
                )
            if refusal := self._find_refusal(offer):
                return (False, *refusal)
            if there is not None and there.offer.sha256 == offer.sha256:
                self._adopt(there, offer)
                return True, "resumed", f"{there.size_bytes} of {offer.size_bytes} bytes are here"
            if there is not None and time.monotonic() - self._progress_s < _BUSY_S:
                return False, "busy", f"{there.offer.label} is being fetched just now"
            try:
                self._begin(PartialFile.begin(self._store.incoming, offer))
            except OSError as err:
                self._forget()
                return False, "disk", f"{err.strerror or err}"
        self._wake()
        return True, "fetching", f"{offer.size_bytes} bytes, verdicts first"

    @property
    def held_bytes(self) -> int:
        """Size of what was fetched and would be given up for verdicts."""
        with self._lock:
            is_fetching = self._partial is not None and self._phase in (Phase.HEAD, Phase.BODY)
            return self._partial.size_bytes if self._partial is not None and is_fetching else 0

    def give_way(self, need_bytes: int, need_files: int) -> int:  # noqa: ARG002  it is given up as a whole
        """Give the transfer up, because verdicts or the audit need its space; return the bytes freed."""
        with self._lock:
            freed = self.held_bytes
            if self._partial is None or not freed:
                return 0
            try:
                self._partial.cut(0)
            except OSError:
                return 0
            self._refuse("verdicts need its space on the disk")
            return freed

    def begin(self) -> None:
        """Note that a connection begins: what was on the way over the last one does not come any more."""
        with self._lock:
            self._requests.begin()

    def next_message(self, now_s: float, *, is_idle: bool) -> Outgoing | None:  # noqa: ARG002  few bytes
        """Return the request for the next piece that is due, if one is."""
        with self._lock:
            partial = self._partial
            if partial is None or self._phase not in (Phase.HEAD, Phase.BODY):
                return None
            if now_s - self._progress_s > _GIVE_UP_S:
                self._refuse("nobody has sent it for a day")
                return None
            due = self._requests.due(partial.size_bytes, partial.wanted_end, now_s, most=1)
            return self._request(partial, due[0]) if due else None

    def answered(self, code: int | None) -> None:
        """Do nothing: the answer to a request is a piece."""

    def take(self, message: Incoming) -> None:
        """Take a piece; what was not requested is left out."""
        with self._lock:
            partial = self._partial
            if partial is None or self._phase not in (Phase.HEAD, Phase.BODY) or message.is_retained:
                return
            payload = message.payload
            if len(payload) <= PREFIX_BYTES or payload[:SHA256_BYTES].hex() != partial.offer.sha256:
                return
            offset = int.from_bytes(payload[SHA256_BYTES:PREFIX_BYTES], "big")
            content = payload[PREFIX_BYTES:]
            follows = self._requests.receive(offset, content, partial.size_bytes, time.monotonic())
            if follows is None:
                return
            self.bytes_arrived += len(content)
            self._progress_s = time.monotonic()
            if follows:
                self._grow(partial, follows)

    def _find_refusal(self, offer: Offer) -> tuple[str, str] | None:
        """Return code and sentence if the bundle is too large for this robot, or for its disk now."""
        if offer.size_bytes > self._installer.max_bytes:
            return "too_large", f"{offer.size_bytes} bytes, taken are {self._installer.max_bytes}"
        here = self._partial.size_bytes if self._partial is not None else 0
        try:
            self._installer.check_room(max(0, offer.size_bytes - here))
        except UpdateError as err:
            return "disk", str(err)
        return None

    def _grow(self, partial: PartialFile, content: bytes) -> None:
        try:
            if not self._installer.budget.allows(Worth.DOWNLOAD, self._store.path, len(content)):
                raise UpdateError("the disk has no room for it beside pictures and verdicts")  # noqa: TRY301  one way to end
            partial.append(content)
            if not partial.verify():
                self._requests.begin()
                self._bad_blocks += 1
                _log.warning(
                    "%s: a block differs from the signed list; asking for it again", partial.offer.label
                )
                if self._bad_blocks >= _MOST_BAD_BLOCKS:
                    raise UpdateError("what is sent is not what was signed")  # noqa: TRY301  one way to end
        except (UpdateError, OSError) as err:
            self._refuse(str(err))
            return
        if self._phase is Phase.HEAD and partial.head is not None:
            self._phase = Phase.CHECKING
            self._in_thread(self._check_head)
        elif partial.is_whole:
            self._phase = Phase.INSTALLING
            self._in_thread(self._install)

    def _check_head(self) -> None:
        partial = self._partial
        if partial is None or partial.head is None:
            return
        self._installer.check_head(partial.head, partial.offer.label)
        with self._lock:
            self._phase = Phase.INSTALLING if partial.is_whole else Phase.BODY
            if self._phase is Phase.INSTALLING:
                self._in_thread(self._install)
        self._wake()

    def _install(self) -> None:
        partial = self._partial
        if partial is None:
            return
        offer = partial.offer
        with partial.path.open("rb") as source:
            digest = hashlib.sha256()
            while content := source.read(BLOCK_BYTES):
                digest.update(content)
            if digest.hexdigest() != offer.sha256:
                raise UpdateError(f"{offer.label}: the sha256 of the file is not the one that was offered")
            self._record(Step.FETCHED, f"{offer.size_bytes} bytes, each block as it was signed")
            source.seek(0)
            self._installer.install(source, offer.label, command_id=offer.command_id)
        self._forget()

    def _in_thread(self, job: Callable[[], None]) -> None:
        """Do what takes longer than the link may wait."""

        def run() -> None:
            try:
                job()
            except CorrosionError as err:
                self._refuse(str(err))
            except Exception as err:  # noqa: BLE001  whatever the file does, the old bundle goes on
                _log.exception("update")
                self._refuse(f"unexpected {type(err).__name__}: {err}")

        threading.Thread(target=run, name="update", daemon=True).start()

    def _refuse(self, reason: str) -> None:
        """Give the transfer up and record why."""
        self._in_background(lambda: self._record(Step.REFUSED, reason, then=self._forget))

    def _in_background(self, job: Callable[[], None]) -> None:
        with self._lock:
            self._phase = Phase.INSTALLING  # nothing more is requested or taken
        if threading.current_thread().name == "update":
            job()
        else:
            threading.Thread(target=job, name="update", daemon=True).start()

    def _record(self, step: Step, text: str, *, then: Callable[[], None] = lambda: None) -> None:
        partial = self._partial
        if partial is None:
            return
        label, command_id = partial.offer.label, partial.offer.command_id
        _log.info("bundle %s %s: %s", label, step.value, text)
        try:
            with self._store.locked():
                self._store.change(
                    lambda state: state.add_event(step, label, text, now(), command_id=command_id)
                )
        except (UpdateError, OSError) as err:
            _log.error("%s", err)
        then()

    def _forget(self) -> None:
        with self._lock:
            self._partial, self._phase = None, Phase.NONE
            try:
                discard(self._store.incoming)
            except OSError as err:
                _log.error("%s: %s", self._store.incoming, err.strerror or err)

    def _begin(self, partial: PartialFile) -> None:
        self._partial, self._bad_blocks = partial, 0
        self._progress_s = time.monotonic()
        self._requests.begin()
        self._phase = Phase.HEAD if partial.head is None else Phase.CHECKING
        if partial.head is not None:
            self._in_thread(self._check_head)

    def _adopt(self, partial: PartialFile, offer: Offer) -> None:
        """Continue under another command: the end is reported to the last one."""
        partial.rename(self._store.incoming, offer)
        self._requests.begin()

    def _resume(self) -> None:
        try:
            partial = PartialFile.resume(self._store.incoming)
            done = {Step.INSTALLED, Step.REFUSED}
            if partial is None or any(
                event.command_id == partial.offer.command_id and event.step in done
                for event in self._store.state().events
            ):
                discard(self._store.incoming)
                return
        except (UpdateError, OSError) as err:
            _log.error("the transfer of a bundle that had begun is given up: %s", err)
            self._forget()
            return
        _log.info(
            "%s: %d of %d bytes are here", partial.offer.label, partial.size_bytes, partial.offer.size_bytes
        )
        self._begin(partial)

    def _request(self, partial: PartialFile, piece: Piece) -> Outgoing:
        request = BundleRequest(
            site=self._topics.site,
            robot=self._topics.robot,
            sha256=partial.offer.sha256,
            offset=piece.offset,
            length=piece.length,
        )
        return Outgoing(self._topics.bundle_request, encode(request), qos=0)


def piece_payload(sha256: str, offset: int, content: bytes) -> bytes:
    """Return a piece as it travels."""
    return bytes.fromhex(sha256) + offset.to_bytes(OFFSET_BYTES, "big") + content
