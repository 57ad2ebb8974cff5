"""A person's judgement reaches the robot: its finding is marked, its picture protected and sent whole."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_node.messages.command import CommandError, arguments
from edge_node.messages.review import Review
from edge_node.messages.topics import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_node.evidence.store import EvidenceStore
    from edge_node.findings.log import FindingLog
    from edge_node.messages.command import RecordReview
    from edge_node.messages.response import Scalar
    from edge_node.messages.topics import Topics
    from edge_node.spool.spool import Spool


class Recorded(NamedTuple):
    """What became of a review: a sentence for people, and the response's data."""

    text: str
    data: dict[str, Scalar]


class ReviewHandler:
    """Belongs to the main thread. That a review is in the audit is seen to before it comes here."""

    def __init__(
        self,
        topics: Topics,
        spool: Spool,
        evidence: EvidenceStore,
        findings: FindingLog,
        severities: Sequence[str],
    ) -> None:
        """Prepare.

        Args:
            topics: of this robot.
            spool: whose numbers say which verdicts exist.
            evidence: protects pictures.
            findings: marks those that are open.
            severities: the labels that a severity may have.
        """
        self._topics = topics
        self._spool = spool
        self._evidence = evidence
        self._findings = findings
        self._severities = severities

    def carry_out(self, command: RecordReview) -> Recorded:
        """Mark the finding if it is still open, protect the picture, have it sent whole.

        Raises:
            CommandError: it is of another robot, of what was never said, or in words we do not know.
        """
        self._check(command)
        said = arguments(command)
        found = self._findings.review(
            command.subject, msgspec.convert({**said, "at": datetime.now(timezone.utc)}, Review)
        )
        sha256 = command.evidence_sha256 or (found.best_evidence_sha256 if found else None)
        kept = sha256 is not None and self._evidence.protect(sha256)
        if sha256 is not None and kept:
            self._evidence.request(sha256)
        data = {**said, "evidence_sha256": sha256, "evidence_kept": kept, "finding_open": found is not None}
        text = "recorded" + ("" if kept or sha256 is None else "; the picture is not here, or not any more")
        return Recorded(text, {name: value for name, value in data.items() if value is not None})

    def _check(self, command: RecordReview) -> None:
        robot, epoch, number = command.subject.rsplit(":", 2)
        if robot != self._topics.robot:
            raise CommandError("not_ours", f"{command.subject} is not of robot {self._topics.robot}")
        last = self._spool.last_number(Kind.VERDICT)
        if epoch == self._spool.epoch and int(number.lstrip("f")) > last:
            raise CommandError(
                "unknown_subject", f"{command.subject} was never said: the last verdict is {last}"
            )
        if command.severity is not None and command.severity not in self._severities:
            known = ", ".join(self._severities)
            raise CommandError("unknown_label", f"severity {command.severity}: known are {known}")
