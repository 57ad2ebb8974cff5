"""Where findings meet the disk: tracked verdict by verdict, saved, and handed to the spool."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from edge_node.findings import FindingTracker, TrackerState
from edge_node.spool_types import Keep, Kind
from edge_node.verdict import encode

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.config import FindingsConfig
    from edge_node.findings import Finding
    from edge_node.reviews import Review
    from edge_node.spool import Spool
    from edge_node.verdict import Verdict

STATE_NAME = "findings.json"
MAX_STATE_BYTES = 4 * 1024 * 1024  # a kind of corrosion is 1 kB; there are tens of kinds at most

_log = logging.getLogger("edge_node.findings")


class FindingDesk:
    """Used by the main thread alone; ``close`` saves what a clean stop would lose."""

    def __init__(self, config: FindingsConfig, folder: Path, spool: Spool) -> None:
        """Go on where ``folder`` says that the last run stopped; a damaged file is set aside."""
        self._path = folder / STATE_NAME
        self._spool = spool
        self._enabled = config.enabled
        self._tracker = FindingTracker(config, _load(self._path))

    def see(self, verdict: Verdict) -> list[Finding]:
        """Take in a verdict, and spool what changed; returns that, numbered.

        The state is saved before the message is spooled: after a kill in between, the control room hears
        of the finding with its next update, which stands alone, and never of one that nobody closes.
        """
        if not self._enabled:
            return []
        changes = self._tracker.see(verdict)
        if changes:
            self._save()
        return [self._spooled(finding) for finding in changes]

    def review(self, finding_id: str, review: Review) -> Finding | None:
        """Mark an open finding with what a person said, and spool it; None if there is no such open one."""
        found = self._tracker.review(finding_id, review) if self._enabled else None
        if found is None:
            return None
        self._save()
        return self._spooled(found)

    def close(self) -> None:
        """Save the frames that count towards a finding but did not open one yet."""
        if self._enabled:
            self._save()

    def _spooled(self, finding: Finding) -> Finding:
        seq = self._spool.append(
            Kind.FINDING,
            lambda seq: encode(msgspec.structs.replace(finding, seq=seq)),
            keep=Keep.HIGH,
        )
        return msgspec.structs.replace(finding, seq=seq)

    def _save(self) -> None:
        """Replace the file as a whole; a full disk costs the memory of a restart, not the finding."""
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                file.write(msgspec.json.encode(self._tracker.state))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as err:
            _log.warning("%s: %s; open findings would not survive a restart now", self._path, err.strerror)


def _load(path: Path) -> TrackerState | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_STATE_BYTES), type=TrackerState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        _log.warning("%s: %s; set aside, findings begin anew", path, err)
        with suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
        return None
