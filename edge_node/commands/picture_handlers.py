"""Keep the next frame as evidence (``snapshot``) and send kept pictures (``evidence``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.commands.responses import CommandOutcome
from edge_node.evidence.store import PictureSize
from edge_node.messages.response import Result

if TYPE_CHECKING:
    from edge_node.camera.frame import Frame
    from edge_node.commands.admission import AdmittedCommand
    from edge_node.commands.responses import ResponseWriter
    from edge_node.evidence.store import EvidenceStore
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.command import SendEvidence, Snapshot
    from edge_node.messages.verdict import Verdict


class SnapshotHandler:
    """Execute ``snapshot``: request the next inspected frame, and respond when its verdict is spooled.

    A verdict listener; every method belongs to the main thread.
    """

    def __init__(self, responses: ResponseWriter) -> None:
        self._responses = responses
        self._waiting: list[AdmittedCommand[Snapshot]] = []
        self._claimed: list[tuple[Frame, list[AdmittedCommand[Snapshot]]]] = []

    def handle(self, admitted: AdmittedCommand[Snapshot]) -> None:
        """Request the next frame; the response follows with its picture."""
        self._waiting.append(admitted)

    @property
    def is_waiting(self) -> bool:
        """Whether a frame is requested."""
        return bool(self._waiting)

    def claim(self, frame: Frame) -> bool:
        """Return whether the picture of ``frame``, which was inspected, is requested; call once a frame."""
        if not self._waiting:
            return False
        self._claimed.append((frame, self._waiting))
        self._waiting = []
        return True

    def on_verdict(self, frame: Frame, _inspection: Inspection, verdict: Verdict, /) -> None:
        """Respond to whoever requested this frame's picture."""
        if not self._claimed or self._claimed[0][0] is not frame:
            return
        _, commands = self._claimed.pop(0)
        if verdict.evidence_sha256 is None:
            outcome = CommandOutcome(Result.FAILED, "disk", "the picture could not be kept")
        else:
            outcome = CommandOutcome(Result.DONE, data={"sha256": verdict.evidence_sha256})
        for admitted in commands:
            self._responses.respond(admitted, outcome)


class EvidenceHandler:
    """Execute ``evidence``: queue a kept picture for sending."""

    def __init__(self, evidence: EvidenceStore) -> None:
        self._evidence = evidence

    def handle(self, admitted: AdmittedCommand[SendEvidence]) -> CommandOutcome:
        """Queue the picture, if it is kept."""
        command = admitted.command
        if self._evidence.request(command.sha256, PictureSize(command.size)):
            return CommandOutcome(Result.ACCEPTED, "queued", "sent when no verdict waits")
        return CommandOutcome(Result.REFUSED, "not_kept", "no such picture here, or not any more")
