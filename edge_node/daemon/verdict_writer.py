"""Have the picture of an inspected frame kept, then append the frame's verdict to the spool."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from edge_node.inspection.inspector import make_marking
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import Outcome
from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.camera.frame import Frame
    from edge_node.daemon.inference_thread import Judged
    from edge_node.evidence.store import EvidenceStore
    from edge_node.evidence.thread import EvidenceThread, PendingPicture
    from edge_node.inspection.inspector import Inspection
    from edge_node.inspection.pose_track import PoseTrack
    from edge_node.messages.verdict import Verdict
    from edge_node.spool.spool import Spool

_KEEP = {Outcome.CORRODED: Keep.HIGH, Outcome.UNCORRODED: Keep.LOW}


class VerdictWriter:
    """Append verdicts in the main thread; pictures are encoded and written in the evidence thread."""

    def __init__(
        self,
        spool: Spool,
        evidence: EvidenceStore,
        pictures: EvidenceThread,
        pose: PoseTrack,
        *,
        requests: Sequence[Callable[[Frame], bool]] = (),
    ) -> None:
        """Prepare.

        Args:
            spool: numbers the verdicts.
            evidence: keeps pictures.
            pictures: the thread in which it does.
            pose: where the robot was at each moment.
            requests: each called once with each inspected frame; true keeps its picture in any case.
        """
        self._spool = spool
        self._evidence = evidence
        self._pictures = pictures
        self._pose = pose
        self._requests = tuple(requests)
        self._unchanged = 0  # of the last frame

    def start(self) -> None:
        """Start the evidence thread."""
        self._pictures.start()

    def stop(self) -> None:
        """Finish the pictures in work, for a moment, and end the evidence thread."""
        self._pictures.stop()

    def keep_picture(self, frame: Frame, inspection: Inspection) -> PendingPicture | None:
        """Have the picture kept if the evidence rules or a command want it; None if it is not."""
        evidence, outcome = self._evidence, inspection.decision.outcome
        is_requested = any([request(frame) for request in self._requests])  # noqa: C419  all are called
        if not (evidence.wants(outcome, time.monotonic()) or is_requested):
            return None
        corroded = is_requested or outcome is Outcome.CORRODED
        return self._pictures.keep(
            lambda: evidence.keep(frame.pixels, corroded=corroded, marking=make_marking(inspection))
        )

    def append(
        self, judged: Judged, inspection: Inspection, *, dropped: int, evidence_sha256: str | None
    ) -> Verdict:
        """Append the frame's verdict to the spool, which numbers it, and return it.

        Args:
            judged: the frame, and who judged it.
            inspection: of the frame.
            dropped: frames that were captured but got no verdict since the last one.
            evidence_sha256: name of the picture that was kept.
        """
        frame, recorder = judged.prepared.frame, judged.prepared.judge.recorder
        unchanged, self._unchanged = frame.unchanged - self._unchanged, frame.unchanged
        pose, pose_age_ms = self._pose.at(frame.captured_at_ns)

        def make(seq: int) -> Verdict:
            link = self._spool.chain.link
            return recorder.verdict(
                inspection.decision,
                frame,
                seq=seq,
                dropped=dropped,
                unchanged=unchanged,
                inference_ms=inspection.inference_ms,
                pose=pose,
                pose_age_ms=pose_age_ms,
                evidence_sha256=evidence_sha256,
                previous_sha256=link.previous_sha256,
                previous_epoch=link.previous_epoch,
            )

        keep = _KEEP.get(inspection.decision.outcome, Keep.NORMAL)
        return self._spool.append(Kind.VERDICT, make, keep=keep)
