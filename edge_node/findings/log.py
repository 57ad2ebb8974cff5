"""Track findings verdict by verdict, save the tracker's state and append findings to the spool."""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from edge_node.disk_budget import DiskBudget, Worth
from edge_node.durable_file import replace_file
from edge_node.errors import SpoolError
from edge_node.fault_log import FaultLog
from edge_node.findings.candidate import TrackerState
from edge_node.findings.tracker import FindingTracker
from edge_node.messages.status import Alarm
from edge_node.messages.topics import Kind
from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge_node.camera.frame import Frame
    from edge_node.config.sections import FindingsConfig
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.finding import Finding
    from edge_node.messages.review import Review
    from edge_node.messages.verdict import EvidenceReason, Verdict
    from edge_node.spool.spool import Spool

STATE_NAME = "findings.json"
_CLOSE_S = 2.0  # how long closing waits for a disk
MAX_STATE_BYTES = 4 * 1024 * 1024  # a kind of corrosion is 1 kB; there are tens of kinds at most

_log = logging.getLogger(__name__)


class FindingLog:
    """Track findings in the main thread; while open, write them in another: a slow disk delays no frame."""

    def __init__(
        self,
        config: FindingsConfig,
        folder: Path,
        spool: Spool,
        budget: DiskBudget | None = None,
        *,
        announce: Callable[[str], None] = lambda _sha256: None,
    ) -> None:
        """Continue from the state in ``folder``; a damaged file is renamed and tracking starts anew.

        Args:
            config: when verdicts become a finding.
            folder: of the tracker's state.
            spool: takes the findings.
            budget: of the disk; pictures on it give way to the state.
            announce: called with the name of the picture that a finding's message names.
        """
        self._path = folder / STATE_NAME
        self._budget = budget or DiskBudget()
        self._fault = FaultLog("findings")
        self._spool = spool
        self._announce = announce
        self._enabled = config.enabled
        self._tracker = FindingTracker(config, _load(self._path))
        self._changes: queue.SimpleQueue[tuple[bytes, list[Finding]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="findings", daemon=True)

    def __enter__(self) -> FindingLog:  # noqa: PYI034  Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """An alarm while the tracker's state cannot be saved."""
        text = self._fault.text
        return (Alarm(code="findings_unsaved", text=text),) if text else ()

    @property
    def open_count(self) -> int | None:
        """The number of open findings; None where none are published."""
        if not self._enabled:
            return None
        return sum(candidate.is_open for candidate in self._tracker.state.candidates)

    @property
    def is_undecided(self) -> bool:
        """Whether more verdicts on the same sight may open a finding, or close one; for any thread."""
        return self._enabled and self._tracker.is_undecided

    def on_verdict(self, _frame: Frame, _inspection: Inspection, verdict: Verdict, /) -> None:
        """Track a verdict; see ``see``."""
        self.see(verdict)

    def see(self, verdict: Verdict) -> list[Finding]:
        """Track a verdict, and have the findings that changed saved and spooled.

        The state is saved before the message is spooled: after a kill in between, the control room receives
        the finding with its next update, which stands alone, and never one that nobody closes.

        Returns:
            The findings that changed; numbered unless the thread does the writing.
        """
        if not self._enabled:
            return []
        return self._write(self._tracker.see(verdict))

    def preview(self, verdict: Verdict, waiting: Sequence[Verdict] = ()) -> EvidenceReason | None:
        """Tell whether a finding needs the picture of the next verdict; see ``FindingTracker.preview``."""
        return self._tracker.preview(verdict, waiting) if self._enabled else None

    def open_ids(self) -> tuple[str, ...]:
        """Return the ids of the findings that are open now."""
        return self._tracker.open_ids if self._enabled else ()

    def review(self, finding_id: str, review: Review) -> Finding | None:
        """Mark an open finding with a person's review, and spool it; None if there is no such open one."""
        found = self._tracker.review(finding_id, review) if self._enabled else None
        return None if found is None else self._write([found])[0]

    def close(self) -> None:
        """Write what waits, then save the frames that count towards a finding but did not open one yet."""
        if self._thread.is_alive():
            self._changes.put(None)
            self._thread.join(_CLOSE_S)
        if self._enabled and not self._thread.is_alive():
            self._save(msgspec.json.encode(self._tracker.state))

    def _write(self, changes: list[Finding]) -> list[Finding]:
        """Have the state saved and ``changes`` spooled."""
        if not changes:
            return []
        for finding in changes:
            if finding.best_evidence_sha256 is not None:
                self._announce(finding.best_evidence_sha256)
        state = msgspec.json.encode(self._tracker.state)
        if not self._thread.is_alive():
            return self._keep(state, changes)
        self._changes.put((state, changes))
        return changes

    def _run(self) -> None:
        while (change := self._changes.get()) is not None:
            try:
                self._keep(*change)
            except SpoolError as err:
                _log.error("%s; a finding is not spooled", err)

    def _keep(self, state: bytes, changes: list[Finding]) -> list[Finding]:
        self._save(state)
        return [self._append(finding) for finding in changes]

    def _append(self, finding: Finding) -> Finding:
        """Append a finding to the spool and return it numbered."""
        return self._spool.append(
            Kind.FINDING, lambda seq: msgspec.structs.replace(finding, seq=seq), keep=Keep.HIGH
        )

    def _save(self, state: bytes) -> None:
        """Save the tracker's state; a full disk costs what a restart would know, not the finding."""
        try:
            self._budget.make_room(Worth.RECORD, self._path.parent, len(state))
            replace_file(self._path, [state])
        except OSError as err:
            self._fault.fail(
                f"{self._path}: {err.strerror or err}; open findings would not survive a restart now"
            )
        else:
            self._fault.succeed()


def _load(path: Path) -> TrackerState | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_STATE_BYTES), type=TrackerState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        _log.warning("%s: %s; the file is set aside, and no finding is open now", path, err)
        with suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
        return None
