"""Execute ``review``: mark the finding, protect its picture from deletion and send it whole."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from edge_node.commands.responses import CommandOutcome
from edge_node.messages.command import CommandError, arguments
from edge_node.messages.response import Result
from edge_node.messages.review import Review, ReviewJudgement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.commands.admission import AdmittedCommand
    from edge_node.commands.known_subjects import KnownSubjects
    from edge_node.evidence.store import EvidenceStore
    from edge_node.findings.log import FindingLog
    from edge_node.messages.command import RecordReview
    from edge_node.messages.topics import Topics


class ReviewHandler:
    """Execute ``review`` in the main thread; the receiver has recorded it in the audit before."""

    def __init__(
        self,
        topics: Topics,
        known: KnownSubjects,
        evidence: EvidenceStore,
        findings: FindingLog,
        severities: Sequence[str],
    ) -> None:
        """Prepare.

        Args:
            topics: of this robot.
            known: which verdicts and findings there were.
            evidence: protects pictures.
            findings: marks those that are open.
            severities: the labels that a severity may have.
        """
        self._topics = topics
        self._known = known
        self._evidence = evidence
        self._findings = findings
        self._severities = severities

    def handle(self, admitted: AdmittedCommand[RecordReview]) -> CommandOutcome:
        """Mark the finding if it is still open, protect the picture, have it sent whole.

        Raises:
            CommandError: it is of another robot, of a verdict that does not exist, or has unknown labels.
        """
        command = admitted.command
        self._check(command)
        labels = arguments(command)
        found = self._findings.review(
            command.subject, msgspec.convert({**labels, "at": datetime.now(timezone.utc)}, Review)
        )
        if command.judgement is ReviewJudgement.WITHDRAWN:  # needs no picture; what is protected stays so
            return CommandOutcome(Result.DONE, "recorded", "withdrawn", labels)
        sha256 = command.evidence_sha256 or (found.best_evidence_sha256 if found else None)
        is_kept = sha256 is not None and self._evidence.protect(sha256)
        if sha256 is not None and is_kept:
            self._evidence.request(sha256)
        is_open = found is not None
        data = {**labels, "evidence_sha256": sha256, "evidence_kept": is_kept, "finding_open": is_open}
        data = {name: value for name, value in data.items() if value is not None}
        is_lost = sha256 is not None and not is_kept
        text = "recorded" + ("; the picture is not here, or not any more" if is_lost else "")
        return CommandOutcome(Result.DONE, "recorded", text, data)

    def _check(self, command: RecordReview) -> None:
        robot = command.subject.rsplit(":", 2)[0]
        if robot != self._topics.robot:
            raise CommandError("not_ours", f"{command.subject} is not of robot {self._topics.robot}")
        problem = self._known.find_problem(command.subject)
        if problem is not None and command.subject not in self._findings.open_ids():
            raise CommandError("unknown_subject", problem)
        if command.severity is not None and command.severity not in self._severities:
            known = ", ".join(self._severities)
            raise CommandError("unknown_label", f"severity {command.severity}: known are {known}")
