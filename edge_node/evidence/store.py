"""Keep pictures as evidence, and queue them for sending.

``policy`` decides which. The pixels are the camera's, because models are trained on them; map and text are
embedded beside them (``marked_jpeg``). The files are managed by ``picture_folder``.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import cv2
from msgspec.structs import replace

from edge_node.disk_budget import DiskBudget
from edge_node.evidence.marked_jpeg import draw_marking, embed_marking, read_marking
from edge_node.evidence.picture_folder import PictureFolder, PictureKind
from edge_node.evidence.policy import EvidencePolicy
from edge_node.inspection.overlay import Marking
from edge_node.messages.status import Alarm, Part, PartState
from edge_node.messages.verdict import EvidenceReason
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from edge_node.config.delivery_sections import EvidenceConfig
    from edge_node.messages.verdict import Decision

_log = logging.getLogger(__name__)

_THUMBNAIL_QUALITY = 70  # about 10 kB at 320 pixels
_MAX_QUEUED = 1000  # thumbnails that wait for the link; older ones can be requested by command
_MAX_ATTEMPTS = 3  # a picture during which the link ends so often is skipped
_SETTLING_S = 1.0  # a plate that comes into view has ten worse pictures until then
FindingKind: TypeAlias = tuple[str | None, str | None]  # material and form
_KINDS = {  # of the other reasons it is a teaching picture
    EvidenceReason.SAMPLE: PictureKind.OTHER,
    EvidenceReason.CORRODED: PictureKind.CORRODED,
    EvidenceReason.SNAPSHOT: PictureKind.CORRODED,
}


class PictureSize(str, Enum):
    """The form in which a picture is sent."""

    FULL = "full"  # the original JPEG; its SHA-256 is the file name
    OVERLAY = "overlay"  # as large, with map and text drawn
    THUMBNAIL = "thumbnail"  # the overlay, small


class EvidencePicture(PlainStruct, frozen=True):
    """A picture to be sent.

    Attributes:
        sha256: of the full picture's bytes.
        content: JPEG; the full picture's bytes, or an overlay drawn from them.
        size: the form of ``content``.
        reasons: why it was kept, what teaches most first; none if an earlier version kept it.
    """

    sha256: str
    content: bytes
    size: PictureSize
    reasons: tuple[str, ...] = ()


class EvidenceStore:
    """Keep the pictures of one node; may be used by several threads."""

    def __init__(
        self,
        folder: Path,
        config: EvidenceConfig,
        budget: DiskBudget | None = None,
        *,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use ``folder``, made with mode 0700 if it is missing; its pictures count towards the bound.

        A folder that cannot be used is a state of the evidence, and tried again: inspection goes on.

        Args:
            folder: of the pictures.
            config: which to keep, and how many.
            budget: of the disk, which verdicts share.
            clock_s: monotonic time.
        """
        self._clock_s = clock_s
        self._config = config
        self._files = PictureFolder(folder, config, budget or DiskBudget())
        self._policy = EvidencePolicy(config)
        self._lock = threading.Lock()
        self._queue: deque[tuple[str, PictureSize]] = deque()
        self._settling: dict[FindingKind | None, tuple[str, float]] = {}
        self._not_sent: dict[str, None] = {}  # pictures whose thumbnail is not queued, oldest first
        self._attempts: dict[str, int] = {}

    @property
    def part(self) -> Part:
        """Whether pictures are kept, for ``status``."""
        text = self._files.fault.text
        return Part(state=PartState.FAILING, text=text) if text else Part(state=PartState.OK)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """An alarm while pictures are lost."""
        text = self._files.fault.text
        return (Alarm(code="evidence_lost", text=text),) if text else ()

    @property
    def held_bytes(self) -> int:
        """Size of all pictures on disk."""
        return self._files.held_bytes

    def look(self) -> None:
        """Keep to the free space of the disk, and notice when pictures can be kept again; waits for it."""
        self._files.look()

    def note_lost(self) -> None:
        """Record that a picture was not kept in time for its verdict."""
        self._files.fault.fail("the disk is too slow for pictures: some verdicts have none")

    def reasons(
        self, decision: Decision, in_finding: EvidenceReason | None, now_s: float
    ) -> tuple[EvidenceReason, ...]:
        """Return why to keep the picture of the next decision; see ``EvidencePolicy.reasons``."""
        return self._policy.reasons(decision, in_finding, now_s)

    def keep(
        self,
        pixels: NDArray[np.uint8],
        reasons: Sequence[EvidenceReason],
        *,
        marking: Marking | None = None,
        finding: FindingKind | None = None,
    ) -> str | None:
        """Write a picture and return its name.

        Args:
            pixels: uint8 ``(height, width, 3)``, blue, green, red, as the camera gave them.
            reasons: why it is kept, embedded too; by them it goes sooner or later when the bound is reached.
            marking: map and text to embed.
            finding: the kind of corrosion. Of pictures that are kept only as the worst of a finding so far,
                the thumbnail is drawn and sent once no worse one has followed for a second.

        Returns:
            None if the disk does not take it: the verdict is spooled without.
        """
        options = [cv2.IMWRITE_JPEG_QUALITY, self._config.jpeg_quality]
        encoded, data = cv2.imencode(".jpg", pixels, options)
        if not encoded:
            return None
        marking = replace(marking or Marking(None, ()), reasons=tuple(reason.value for reason in reasons))
        content = embed_marking(data.tobytes(), marking)
        sha256 = hashlib.sha256(content).hexdigest()
        if not self._files.add(sha256, content, _kind(reasons)):
            return None
        if self._config.send_thumbnails:
            with self._lock:
                self._settling.pop(finding, None)  # a worse one has followed
                if finding is not None and tuple(reasons) == (EvidenceReason.FINDING_WORSE,):
                    self._settling[finding] = sha256, self._clock_s() + _SETTLING_S
                    self._not_sent[sha256] = None
                    while len(self._not_sent) > _MAX_QUEUED:
                        self._not_sent.pop(next(iter(self._not_sent)))
                else:
                    self._enqueue(sha256, PictureSize.THUMBNAIL)
        return sha256

    def announce(self, sha256: str) -> None:
        """Send the thumbnail of a picture that a finding's message names, if it is not sent otherwise."""
        with self._lock:
            if sha256 in self._not_sent:
                self._enqueue(sha256, PictureSize.THUMBNAIL)

    def keep_for_shadow(
        self,
        pixels: NDArray[np.uint8],
        sha256: str | None,
        now_s: float,
        *,
        marking: Marking | None = None,
    ) -> str | None:
        """Keep the picture of a disagreement, within the budget; return its name, or None if it is not kept.

        Args:
            pixels: as for ``keep``.
            sha256: its name if it is kept already; then it is kept as long as those that teach.
            now_s: monotonic time.
            marking: with the view that was judged, if it is not the picture as it is.
        """
        if not self._policy.may_keep_for_shadow(now_s):
            return sha256
        if sha256 is not None:
            self._files.promote(sha256)
            return sha256
        return self.keep(pixels, (EvidenceReason.SHADOW,), marking=marking)

    def request(self, sha256: str, size: PictureSize = PictureSize.FULL) -> bool:
        """Queue a picture to be sent next; False if it is not here, or not any more."""
        if self._files.find(sha256) is None:
            return False
        with self._lock:
            self._attempts.pop(sha256, None)
            self._queue.appendleft((sha256, size))
        return True

    def protect(self, sha256: str) -> bool:
        """Keep a reviewed picture longer than others; False if it is not here, or not any more.

        Beyond their share of the bound, the pictures that were reviewed longest ago lose this protection.
        """
        return self._files.protect(sha256)

    def next_picture(self) -> EvidencePicture | None:
        """Return the picture to send next, or None; the caller then calls ``sent`` or ``failed`` with it."""
        while True:
            with self._lock:
                self._enqueue_settled()
                if not self._queue:
                    return None
                sha256, size = self._queue.popleft()
            content = self._files.read(sha256)
            if content is None:
                continue
            marking = read_marking(content)
            reasons = marking.reasons if marking is not None else ()
            shown = content if size is PictureSize.FULL else _draw(content, self._config, size, reasons)
            if shown is not None:
                return EvidencePicture(sha256, shown, size, reasons)

    def failed(self, picture: EvidencePicture) -> None:
        """Queue a picture again that was not acknowledged, up to ``_MAX_ATTEMPTS`` times."""
        with self._lock:
            attempts = self._attempts.get(picture.sha256, 0) + 1
            self._attempts[picture.sha256] = attempts
            if attempts < _MAX_ATTEMPTS:
                self._queue.appendleft((picture.sha256, picture.size))
            else:
                self._attempts.pop(picture.sha256)
                _log.warning(
                    "evidence %s: the link ended %d times while it was sent", picture.sha256, attempts
                )

    def sent(self, picture: EvidencePicture) -> None:
        """Record that the broker has the picture."""
        with self._lock:
            self._attempts.pop(picture.sha256, None)

    def _enqueue_settled(self) -> None:
        now_s = self._clock_s()
        for finding in [one for one, (_, due_s) in self._settling.items() if due_s <= now_s]:
            sha256, _ = self._settling.pop(finding)
            if sha256 in self._not_sent:
                self._enqueue(sha256, PictureSize.THUMBNAIL)

    def _enqueue(self, sha256: str, size: PictureSize) -> None:
        self._not_sent.pop(sha256, None)
        self._queue.append((sha256, size))
        if len(self._queue) > _MAX_QUEUED:
            self._queue.popleft()


def _kind(reasons: Sequence[EvidenceReason]) -> PictureKind:
    """Return the kind of a picture: that of its reason for which it is kept longest."""
    return max((_KINDS.get(reason, PictureKind.TEACHING) for reason in reasons), default=PictureKind.OTHER)


def _draw(
    content: bytes, config: EvidenceConfig, size: PictureSize, reasons: tuple[str, ...]
) -> bytes | None:
    """Return a picture with map and text drawn, as JPEG with ``reasons``; None if it cannot be decoded."""
    is_thumbnail = size is PictureSize.THUMBNAIL
    pixels = draw_marking(content, at_most_px=config.thumbnail_px if is_thumbnail else None)
    if pixels is None:
        return None
    quality = _THUMBNAIL_QUALITY if is_thumbnail else config.jpeg_quality
    encoded, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return embed_marking(data.tobytes(), Marking(None, (), reasons=reasons)) if encoded else None
