"""Remember which verdicts and findings this robot has given, so that a review of another id is refused.

For each epoch the number of its last verdict and the numbers of its findings are kept in one bounded file of
the state folder. Verdict numbers have no gaps, so the last one says which there were. The file is written
by a thread of its own: a slow disk delays no frame.
"""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from edge_node.durable_file import replace_file
from edge_node.messages.review import is_finding
from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from edge_node.camera.frame import Frame
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.verdict import Verdict

FILE_NAME = "known_subjects.json"
MAX_EPOCHS = 2000  # one for each start: years of daily starts, 150 kB
MAX_FINDINGS = 20_000  # numbers of 8 digits: 200 kB
_MAX_FILE_BYTES = 4 * 1024 * 1024
_CLOSE_S = 2.0  # how long closing waits for a disk

_log = logging.getLogger(__name__)


class KnownEpoch(msgspec.Struct):
    """What was given in one epoch.

    Attributes:
        epoch: its id.
        last: number of its last verdict; None while it goes on, and after an end that nobody could record.
        findings: numbers of its findings; None if they are not known.
    """

    epoch: str
    last: int | None = None
    findings: list[int] | None = None


class KnownSubjects:
    """Note verdicts and findings as they are given; a verdict listener of the main thread."""

    def __init__(self, folder: Path, open_findings: Callable[[], Iterable[str]]) -> None:
        """Continue the file in ``folder``; a damaged one begins anew.

        Args:
            folder: of the state.
            open_findings: the ids of the findings that are open now.
        """
        self._path = folder / FILE_NAME
        self._open_findings = open_findings
        self._epochs = {known.epoch: known for known in _load(self._path)}
        self._current: KnownEpoch | None = None
        self._seen = 0
        self._open: set[str] = set()
        self._changes: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="known subjects", daemon=True)

    def __enter__(self) -> KnownSubjects:  # noqa: PYI034  Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def on_verdict(self, _frame: Frame, _inspection: Inspection, verdict: Verdict, /) -> None:
        """Note a verdict and the findings that are open behind it."""
        self.note(verdict)

    def note(self, verdict: Verdict) -> None:
        """Note a verdict; the file is written when an epoch begins and when a finding opens."""
        epoch = verdict.id.rsplit(":", 2)[1]
        is_changed = self._current is None or self._current.epoch != epoch
        if is_changed:
            self._begin(epoch, verdict)
        self._seen = verdict.seq
        open_ones = set(self._open_findings())
        for subject in open_ones - self._open:
            is_changed = self._note_finding(subject) or is_changed
        self._open = open_ones
        if is_changed:
            self._changes.put(self._encode())

    def find_problem(self, subject: str) -> str | None:
        """Return in a sentence why this robot never gave ``subject``, an id of its own; None if it may."""
        _, epoch, number = subject.rsplit(":", 2)
        known = self._epochs.get(epoch)
        if known is None:
            return (
                f"{subject} is not known to this robot: it gave no verdict of epoch {epoch}"
                f" since its last {MAX_EPOCHS} starts, or its state folder was replaced"
            )
        last = self._seen if known is self._current else known.last
        seq = int(number.lstrip("f"))
        if last is not None and seq > last:
            return f"{subject} was never given: the last verdict of its epoch is {last}"
        if is_finding(subject) and known.findings is not None and seq not in known.findings:
            return f"{subject} was never given: no finding of its epoch has this number"
        return None

    def close(self) -> None:
        """Write the last number of the epoch."""
        if self._current is not None:
            self._current.last = self._seen
            self._changes.put(self._encode())
        self._changes.put(None)
        if self._thread.is_alive():
            self._thread.join(_CLOSE_S)

    def _begin(self, epoch: str, verdict: Verdict) -> None:
        # Where it ended without a word, the next epoch's first verdict says how far it came.
        before = getattr(verdict, "previous_epoch", None)
        if before is not None:
            self._epochs.setdefault(before.epoch, KnownEpoch(before.epoch)).last = before.seq
        is_whole = verdict.seq == 1  # else it began under a program that noted nothing
        known = self._epochs.setdefault(epoch, KnownEpoch(epoch, findings=[] if is_whole else None))
        known.last = None
        self._current = known
        self._trim()

    def _note_finding(self, subject: str) -> bool:
        """Note an open finding; true if it is new."""
        _, epoch, number = subject.rsplit(":", 2)
        known = self._epochs.get(epoch)
        if known is None or known.findings is None or int(number.lstrip("f")) in known.findings:
            return False
        known.findings.append(int(number.lstrip("f")))
        self._trim()
        return True

    def _trim(self) -> None:
        """Forget the oldest epochs and findings beyond the bounds."""
        while len(self._epochs) > MAX_EPOCHS:
            del self._epochs[next(iter(self._epochs))]
        count = sum(len(known.findings or ()) for known in self._epochs.values())
        for known in self._epochs.values():
            if count <= MAX_FINDINGS:
                return
            count -= len(known.findings or ())
            known.findings = None

    def _encode(self) -> bytes:
        return msgspec.json.encode(list(self._epochs.values()))

    def _run(self) -> None:
        while (content := self._changes.get()) is not None:
            try:
                replace_file(self._path, [content])
            except OSError as err:
                _log.warning("%s: %s; older reviews may be refused after a restart", self._path, err.strerror)


def _load(path: Path) -> list[KnownEpoch]:
    if not path.exists():
        return []
    with suppress(TextFileError, msgspec.DecodeError, RecursionError):
        return msgspec.json.decode(read_bounded(path, _MAX_FILE_BYTES), type=list[KnownEpoch])
    _log.warning("%s: cannot be read; reviews of earlier verdicts will be refused", path)
    return []
