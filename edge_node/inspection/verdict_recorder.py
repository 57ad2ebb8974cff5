"""Build a ``Verdict`` message from a decision, its frame and the node's identity. Reads the clock, no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.clock import boot_id, time_quality
from edge_node.inspection.surface_scale import add_area_mm2, configured_scale
from edge_node.messages.verdict import Verdict

if TYPE_CHECKING:
    from edge_node.camera.frame import Frame
    from edge_node.config.sections import Config
    from edge_node.inference.bundle import Bundle
    from edge_node.messages.camera_view import CameraView
    from edge_node.messages.verdict import Decision, EpochEnd, Pose


class VerdictRecorder:
    """Build the verdicts of one bundle and epoch; keeps the fields that are the same on every frame."""

    def __init__(self, config: Config, bundle: Bundle, epoch: str) -> None:
        node = config.node
        self._scale = configured_scale(config.camera)
        self._id_prefix = f"{node.robot}:{epoch}"
        self._same: dict[str, Any] = {
            "site": node.site,
            "robot": node.robot,
            "asset": node.asset,
            "bundle": bundle.reference,
            "config_sha256": config.sha256,
        }

    def verdict(  # noqa: PLR0913  # each is a field of the verdict, by name
        self,
        decision: Decision,
        frame: Frame,
        *,
        seq: int,
        dropped: int,
        unchanged: int = 0,
        inference_ms: float,
        view: CameraView | None = None,
        pose: Pose | None = None,
        pose_age_ms: float | None = None,
        evidence_sha256: str | None = None,
        evidence_reasons: tuple[str, ...] = (),
        previous_sha256: str | None = None,
        previous_epoch: EpochEnd | None = None,
    ) -> Verdict:
        """Return the verdict with number ``seq`` of this epoch.

        Args:
            decision: by the models, or by the inspectability check.
            frame: the frame that was decided.
            seq: the number from the spool.
            dropped: frames that were captured but not decided since the last verdict.
            unchanged: frames since the last verdict that showed nothing new, and were not to be decided.
            inference_ms: time of preprocessing and models.
            view: how the frame became what was judged; None: as it is.
            pose: of the robot at the capture, with the range to the surface if it is known.
            pose_age_ms: time between the capture and the nearest measurement.
            evidence_sha256: name of the picture that was kept.
            evidence_reasons: why it was kept.
            previous_sha256: of the payload of the verdict before it in this epoch.
            previous_epoch: the end of the epoch before, if this verdict is the first.
        """
        has_place = pose is not None and pose.has_place  # a range alone is in the scale
        return Verdict(
            **msgspec.structs.asdict(self._add_area(decision, frame, pose, view)),
            **self._same,
            id=f"{self._id_prefix}:{seq}",
            seq=seq,
            pose=pose if has_place else None,
            pose_age_ms=pose_age_ms if has_place else None,
            observed_at=frame.observed_at,
            monotonic_ns=frame.captured_at_ns,
            boot_id=boot_id(),
            time_quality=time_quality(),
            source=frame.source,
            frame_id=frame.frame_id,
            frame_age_ms=round(frame.age_ms, 3),
            frames_dropped=dropped,
            frames_unchanged=unchanged,
            inference_ms=round(inference_ms, 3),
            evidence_sha256=evidence_sha256,
            evidence_reasons=evidence_reasons,
            previous_sha256=previous_sha256,
            previous_epoch=previous_epoch,
        )

    def _add_area(
        self, decision: Decision, frame: Frame, pose: Pose | None, view: CameraView | None
    ) -> Decision:
        """Return the decision with its area in mm², where the scale of the picture is known."""
        height, width = frame.pixels.shape[:2]
        counted_px = width * height if view is None else view.counted_px
        return add_area_mm2(decision, counted_px, self._scale.at(pose, (width, height), view))
