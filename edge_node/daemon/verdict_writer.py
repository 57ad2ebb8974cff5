"""Have the picture of an inspected frame kept, then append the frame's verdict to the spool."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from edge_node.inspection.inspector import make_marking
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import EvidenceReason, Outcome
from edge_node.plain_struct import PlainStruct
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

    # Whether a finding needs the picture of a verdict that comes after others that it has not seen yet.
    FindingPreview = Callable[[Verdict, Sequence[Verdict]], EvidenceReason | None]

_NO_NAME = "0" * 64  # of a picture that is not written yet
_KEEP = {Outcome.CORRODED: Keep.HIGH, Outcome.UNCORRODED: Keep.LOW}


class _Waiting(PlainStruct, frozen=True):
    """An inspected frame whose verdict is not appended yet."""

    judged: Judged
    inspection: Inspection
    reasons: tuple[EvidenceReason, ...]


class VerdictWriter:
    """Append verdicts in the main thread; pictures are encoded and written in the evidence thread."""

    def __init__(  # noqa: PLR0913  # each is a part, by name
        self,
        spool: Spool,
        evidence: EvidenceStore,
        pictures: EvidenceThread,
        pose: PoseTrack,
        *,
        requests: Sequence[Callable[[Frame], bool]] = (),
        preview: FindingPreview = lambda _verdict, _waiting: None,
    ) -> None:
        """Prepare.

        Args:
            spool: numbers the verdicts.
            evidence: keeps pictures.
            pictures: the thread in which it does.
            pose: where the robot was at each moment.
            requests: each called once with each inspected frame; true keeps its picture in any case.
            preview: tells whether a finding needs a picture.
        """
        self._spool = spool
        self._evidence = evidence
        self._pictures = pictures
        self._pose = pose
        self._requests = tuple(requests)
        self._preview = preview
        self._waiting: deque[_Waiting] = deque()
        self._unchanged = 0  # of the last frame

    def start(self) -> None:
        """Start the evidence thread."""
        self._pictures.start()

    def stop(self) -> None:
        """Finish the pictures in work, for a moment, and end the evidence thread."""
        self._pictures.stop()

    def keep_picture(self, judged: Judged, inspection: Inspection) -> PendingPicture | None:
        """Have the picture kept if the evidence rules or a command want it; None if it is not.

        Called once for each frame, in the order in which their verdicts are appended afterwards.
        """
        evidence, decision, frame = self._evidence, inspection.decision, judged.prepared.frame
        reasons = evidence.reasons(decision, self._finding_needs(judged, inspection), time.monotonic())
        if any([request(frame) for request in self._requests]):  # noqa: C419  all are called
            reasons = tuple(sorted({*reasons, EvidenceReason.SNAPSHOT}, key=list(EvidenceReason).index))
        picture = None
        if reasons:
            picture = self._pictures.keep(
                lambda: evidence.keep(
                    frame.pixels,
                    reasons,
                    marking=make_marking(inspection),
                    finding=(decision.material, decision.form),
                ),
                is_needed=reasons != (EvidenceReason.FINDING_WORSE,),
            )
        self._waiting.append(_Waiting(judged, inspection, reasons if picture is not None else ()))
        return picture

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
        reasons: tuple[EvidenceReason, ...] = ()
        if self._waiting and self._waiting[0].judged is judged:
            reasons = self._waiting.popleft().reasons
        recorder, frame = judged.prepared.judge.recorder, judged.prepared.frame
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
                view=inspection.framing.numbers if inspection.framing is not None else None,
                pose=pose,
                pose_age_ms=pose_age_ms,
                evidence_sha256=evidence_sha256,
                evidence_reasons=() if evidence_sha256 is None else tuple(one.value for one in reasons),
                previous_sha256=link.previous_sha256,
                previous_epoch=link.previous_epoch,
            )

        keep = _KEEP.get(inspection.decision.outcome, Keep.NORMAL)
        return self._spool.append(Kind.VERDICT, make, keep=keep)

    def _finding_needs(self, judged: Judged, inspection: Inspection) -> EvidenceReason | None:
        """Tell whether a finding needs the picture, with the frames counted that no finding has seen yet."""
        if inspection.decision.outcome is not Outcome.CORRODED:
            return None
        verdict = self._foresee(_Waiting(judged, inspection, ()))
        return self._preview(verdict, [self._foresee(waiting) for waiting in self._waiting])

    def _foresee(self, waiting: _Waiting) -> Verdict:
        """Return a frame's verdict as it will be, but for its number and the name of its picture."""
        frame = waiting.judged.prepared.frame
        return waiting.judged.prepared.judge.recorder.verdict(
            waiting.inspection.decision,
            frame,
            seq=1,
            dropped=0,
            inference_ms=waiting.inspection.inference_ms,
            pose=self._pose.at(frame.captured_at_ns)[0],
            evidence_sha256=_NO_NAME if waiting.reasons else None,
        )
