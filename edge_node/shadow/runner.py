"""Run the shadow: a second bundle that inspects frames again in spare time and reports where it disagrees.

It never decides. The main thread leaves the newest inspected frame in one slot and goes on. A thread hands it
to a process of the lowest priority, at most so often and for at most its share of the time; while the bundle
in use has a frame, that process is stopped, wherever it is. Its decision is compared with the verdict.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeVar

import msgspec

from edge_node.backoff import Backoff
from edge_node.inspection.inspector import recorded_view
from edge_node.inspection.overlay import Marking
from edge_node.messages.shadow import Change, Disagreement
from edge_node.messages.status import Part, PartState, ShadowHealth
from edge_node.messages.topics import Kind
from edge_node.shadow.comparison import DecisionComparison, compare_decisions, describe_change
from edge_node.shadow.process import ShadowEndedError, ShadowProcess, ShadowRefusedError
from edge_node.shadow.worker import WorkerSetup
from edge_node.spool.rows import Keep

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.frame import Frame
    from edge_node.config.sections import Config, ShadowConfig
    from edge_node.evidence.store import EvidenceStore
    from edge_node.inference.bundle import Bundle
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.verdict import BundleReference, Verdict
    from edge_node.shadow.worker import ShadowAnswer
    from edge_node.spool.spool import Spool
    from edge_node.view.recorded_view import RecordedView

_T = TypeVar("_T")

_IDLE_S = 0.5  # how soon a stop is noticed
_STOP_S = 3.0

_log = logging.getLogger(__name__)


class Shadow:
    """Compare a bundle with the one in use, while open as a context manager."""

    def __init__(self, config: Config, spool: Spool, evidence: EvidenceStore | None) -> None:
        """Prepare.

        Args:
            config: of the node; ``[shadow] path`` is given.
            spool: takes disagreements.
            evidence: keeps their pictures.
        """
        self._config: ShadowConfig = config.shadow
        self._node = config.node
        self._setup = WorkerSetup(
            bundle=self._config.path or "",
            threads=self._config.threads,
            material=config.inspect.material,
            tiles_across=config.inspect.tiles_across,
            tiles_down=config.inspect.tiles_down,
            tile_overlap=config.inspect.tile_overlap,
        )
        self._spool = spool
        self._evidence = evidence
        self._changed = threading.Condition()
        self._slot: tuple[Frame, Inspection, Verdict] | None = None
        self._live = self._stopping = False
        self._reload = True
        self._process: ShadowProcess | None = None
        self._working: ShadowProcess | None = None
        self._report = ShadowHealth(
            part=Part(state=PartState.STARTING, text="is loaded"), counts=DecisionComparison().summary()
        )
        # Of the thread:
        self._comparison = DecisionComparison()
        self._backoff = Backoff()
        self._unreported = self._ended = 0
        self._due_s = self._report_due_s = 0.0
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def __enter__(self) -> Shadow:  # noqa: PYI034  Self needs Python 3.11
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the thread and its process."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(_STOP_S)

    def on_reload(self, _bundle: Bundle | None, /) -> None:
        """Load the shadow's bundle again too."""
        self.reload()

    def reload(self) -> None:
        """Load the bundle again: it replaces the shadow before, or is refused and that one goes on."""
        with self._changed:
            self._reload = True
            self._changed.notify_all()

    @property
    def is_working(self) -> bool:
        """Whether it has a frame now."""
        with self._changed:
            return self._working is not None

    @property
    def health(self) -> ShadowHealth:
        """Its state, and how often it disagreed."""
        with self._changed:
            return self._report

    # -- at every frame ---------------------------------------------------------------------------------

    def give_way(self, is_live: bool) -> None:
        """Stop its process while the bundle in use has a frame; returns at once."""
        with self._changed:
            self._live = is_live
            if self._working is not None and not self._config.beside:
                if is_live:
                    self._working.wait()
                else:
                    self._working.go_on()
            self._changed.notify_all()

    def on_verdict(self, frame: Frame, inspection: Inspection, verdict: Verdict, /) -> None:
        """Leave an inspected frame to the shadow, in place of one that it has not taken."""
        if verdict.stages:  # else no model ran: too dark, blurred, frozen
            with self._changed:
                self._slot = (frame, inspection, verdict)
                self._changed.notify_all()

    # -- the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                if self._reload:
                    self._load()
                elif (taken := self._take()) is not None:
                    self._judge(*taken)
        except Exception:  # noqa: BLE001  # whatever it is, the bundle in use goes on
            _log.exception("the shadow ends")
            self._set_part(PartState.FAILING, "ended by a fault; see the log")
        finally:
            if self._process is not None:
                self._process.end()

    def _load(self) -> None:
        """Load the bundle in a new process; the one before goes on if it is refused."""
        self._reload = False
        fresh = None
        try:
            fresh = ShadowProcess(self._setup, lambda: self._stopping)
            ready = fresh.load()  # never stopped: a refusal is reported even without spare time
        except (ShadowRefusedError, ShadowEndedError) as err:
            if fresh is not None:
                fresh.end()
            if not self._stopping:
                self._not_loaded(err)
            return
        if self._process is not None:
            self._process.end()
        self._process = fresh
        if not ready.stepped_back:
            _log.warning("the shadow cannot lower its priority here: it takes processor time from the node")
        self._begin_counting(None, ready.bundle)
        self._set_part(PartState.OK, "the golden probe holds")
        _log.info("shadow %s is ready", _name(ready.bundle))

    def _not_loaded(self, err: ShadowRefusedError | ShadowEndedError) -> None:
        goes_on = f"; {_name(self._report.new)} goes on" if self._process is not None else ""
        _log.error("the shadow in %s is refused: %s%s", self._config.path, err, goes_on)
        if isinstance(err, ShadowRefusedError) or self._process is not None:
            state = PartState.OK if self._process is not None else PartState.FAILING
            self._set_part(state, f"refused: {err}{goes_on}")
        else:
            self._process_ended(err)

    def _take(self) -> tuple[Frame, Inspection, Verdict] | None:
        """Wait for the newest inspected frame, until it is due and the bundle in use is idle."""
        with self._changed:
            wait_s = self._due_s - time.monotonic()
            if wait_s > 0:
                self._changed.wait_for(lambda: self._stopping or self._reload, wait_s)
                return None
            may_begin = self._slot and self._process and (self._config.beside or not self._live)
            if not may_begin:
                self._changed.wait(_IDLE_S)
                return None
            taken, self._slot = self._slot, None
            return taken

    def _judge(self, frame: Frame, inspection: Inspection, verdict: Verdict) -> None:
        process = self._process
        if process is None:
            return
        view = recorded_view(inspection)
        began_s = time.monotonic()
        try:
            answer = self._spare(process, lambda: process.judge(frame.pixels, view))
        except ShadowEndedError as err:
            process.end()
            self._process = None
            if not self._stopping:
                _log.error("the shadow: %s", err)
                self._process_ended(err)
            return
        self._backoff.reset()
        took_s = time.monotonic() - began_s
        rest_s = max(took_s * (1 / self._config.share - 1), self._config.min_interval_s - took_s)
        self._due_s = began_s + took_s + rest_s
        self._compare(frame, verdict, answer, view)

    def _process_ended(self, err: ShadowEndedError) -> None:
        """Start the process again, after a longer wait each time."""
        self._ended += 1
        wait_s = self._backoff.next_s()
        self._reload = True
        self._set_part(PartState.FAILING, f"{err}; starting again")
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, wait_s)

    def _compare(
        self, frame: Frame, verdict: Verdict, answer: ShadowAnswer, view: RecordedView | None
    ) -> None:
        if verdict.bundle != self._report.old:
            self._begin_counting(verdict.bundle, self._report.new)
        change = compare_decisions(verdict, answer.decision)
        self._comparison.note(change)
        if change.differs:
            self._unreported += 1
            self._report_change(frame, verdict, change, view)
        with self._changed:
            self._report = msgspec.structs.replace(
                self._report, inference_ms=answer.inference_ms, counts=self._comparison.summary()
            )

    def _report_change(
        self, frame: Frame, verdict: Verdict, change: Change, view: RecordedView | None
    ) -> None:
        """Spool a disagreement with its picture, at most one each report interval."""
        now_s = time.monotonic()
        new = self._report.new
        if now_s < self._report_due_s or new is None:
            return
        self._report_due_s = now_s + self._config.report_interval_s
        evidence_sha256 = verdict.evidence_sha256
        if self._evidence is not None and self._config.keep_pictures:
            marking = None if view is None else Marking(None, (), view)
            evidence_sha256 = self._evidence.keep_for_shadow(
                frame.pixels, evidence_sha256, now_s, marking=marking
            )
        unreported, self._unreported = self._unreported - 1, 0

        def make(seq: int) -> Disagreement:
            return Disagreement(
                id=f"{self._node.robot}:{self._spool.epoch}:{Kind.SHADOW.value}:{seq}",
                seq=seq,
                site=self._node.site,
                robot=self._node.robot,
                at=datetime.now(timezone.utc),
                verdict=verdict.id,
                observed_at=verdict.observed_at,
                old_bundle=verdict.bundle,
                new_bundle=new,
                evidence_sha256=evidence_sha256,
                unreported=unreported,
                **{name: getattr(change, name) for name in change.__struct_fields__},
            )

        self._spool.append(Kind.SHADOW, make, keep=Keep.LEAST)
        _log.info("shadow disagrees with %s: %s", verdict.id, describe_change(change))

    def _begin_counting(self, old: BundleReference | None, new: BundleReference | None) -> None:
        self._comparison = DecisionComparison()
        with self._changed:
            counts = self._comparison.summary()
            self._report = msgspec.structs.replace(self._report, old=old, new=new, counts=counts)

    def _set_part(self, state: PartState, text: str) -> None:
        with self._changed:
            part = Part(state=state, text=text)
            self._report = msgspec.structs.replace(self._report, part=part, ended=self._ended)

    def _spare(self, process: ShadowProcess, work: Callable[[], _T]) -> _T:
        """Do ``work`` with ``process``, which is stopped whenever the bundle in use has a frame."""
        with self._changed:
            self._working = process
            if self._live and not self._config.beside:
                process.wait()
        try:
            return work()
        finally:
            with self._changed:
                self._working = None
                process.go_on()


def _name(bundle: BundleReference | None) -> str:
    return f"{bundle.name}-{bundle.version}" if bundle else "none"
