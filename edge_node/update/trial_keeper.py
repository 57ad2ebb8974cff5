"""Follow the store of installed bundles, count a bundle's trial, and confirm it or roll it back.

This process and command lines beside it change the store's state; the keeper reads it twice a second and has
the bundle that it names loaded, which replaces the one in use between two frames.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import msgspec

from edge_node.errors import UpdateError
from edge_node.messages.verdict import Outcome
from edge_node.update.bundle_store import now, packaged_version
from edge_node.update.installed_bundle import find_slot
from edge_node.update.trial import RecentFigures, judge_trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.frame import Frame
    from edge_node.config.sections import BundleConfig
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.reloader import Reloader
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.verdict import Verdict
    from edge_node.update.bundle_store import BundleStore
    from edge_node.update.state import Event, SlotId, State
    from edge_node.update.trial import Trial

_SAVE_TRIAL_S = 5.0  # a kill forgets so much of a trial at most
_SAVE_FIGURES_S = 600.0  # the disk may be an SD card
_DECIDED = (Outcome.CORRODED, Outcome.UNCORRODED)

_log = logging.getLogger(__name__)


class TrialKeeper:
    """Keep the bundle in use and its trial up to date; used by the main thread alone.

    Listens to verdicts and reloads, and is called periodically; a context manager that notes a clean stop.
    """

    interval_s = 0.5

    def __init__(
        self,
        store: BundleStore,
        config: BundleConfig,
        reloader: Reloader,
        bundle: Bundle,
        on_event: Callable[[Event], None],
    ) -> None:
        """Begin with ``bundle``, which is in use.

        Args:
            store: the installed bundles.
            config: how long a trial takes, and what fails it.
            reloader: loads another bundle.
            bundle: the one in use.
            on_event: called once with each step of an update, while the store is locked.
        """
        self._store = store
        self._config = config
        self._reloader = reloader
        self._on_event = on_event
        self._figures = RecentFigures()
        self._bundle = bundle.reference
        self._slot: SlotId | None = find_slot(store, bundle)
        self._trial: Trial | None = None
        self._decision: tuple[bool, str] | None = None
        self._is_rolled_back = False  # the bundle in use; it judges until the one before it is loaded
        self._stamp: tuple[int, int] | None = None
        self._label = self._behind = ""
        self._saved_s = self._saved_figures_s = time.monotonic()
        self._unsaved = False
        self._take_up()

    def __enter__(self) -> TrialKeeper:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def text(self) -> str:
        """The trial in a sentence; empty when there is none."""
        return f"{self._label} is on trial; {self._behind} is behind it" if self._trial is not None else ""

    @property
    def is_on_trial(self) -> bool:
        """Whether verdicts are counted for a trial that is not decided."""
        return self._trial is not None and self._decision is None

    def on_reload(self, bundle: Bundle | None, /) -> None:
        """Note that another bundle is in use from now on, unless it was refused."""
        if bundle is None:
            return
        before = self._figures.figures()
        self._bundle = bundle.reference
        self._slot, self._figures = find_slot(self._store, bundle), RecentFigures()
        self._take_up()
        if self._trial is not None and before is not None:
            self._trial = msgspec.structs.replace(self._trial, before=before)
            self._save_trial()

    def on_verdict(self, _frame: Frame, inspection: Inspection, verdict: Verdict, /) -> None:
        """Count a verdict of the bundle in use."""
        if verdict.bundle != self._bundle:
            return  # of the bundle before, whose last frames are recorded after the reload
        if inspection.inference_ms <= 0:
            return  # rejected as not inspectable before any model ran
        abstained = inspection.decision.outcome not in _DECIDED
        self._figures.count(abstained=abstained, inference_ms=inspection.inference_ms)
        if self._trial is not None:
            self._trial = self._trial.count(
                abstained=abstained, inference_ms=inspection.inference_ms, config=self._config
            )
            self._judge()

    def count_failure(self, err: Exception) -> bool:
        """Count a frame that could not be judged against the trial; return False if there was none."""
        if self._trial is None:
            return self._is_rolled_back
        _log.error("%s, on trial, cannot judge a frame: %s: %s", self._label, type(err).__name__, err)
        self._trial = msgspec.structs.replace(self._trial, errors=self._trial.errors + 1)
        self._judge()
        return True

    def look(self, now_s: float) -> None:
        """Follow the store's state, end a trial that is decided, and save figures when that is due."""
        stamp = self._store.stamp()
        if stamp != self._stamp:
            try:
                self._read()
                self._stamp = self._store.stamp()
            except UpdateError as err:
                _log.error("%s", err)
                self._stamp = stamp
            except OSError as err:
                _log.error("%s: %s; trying again", self._store.path, err.strerror or err)
        if self._decision is not None:
            self._end_trial(*self._decision)
        if self._unsaved and now_s - self._saved_s >= _SAVE_TRIAL_S:
            self._save_trial()
        elif self._trial is None and now_s - self._saved_figures_s >= _SAVE_FIGURES_S:
            self._save_figures()

    def close(self) -> None:
        """Save that the node stops cleanly: it is no crash of the bundle on trial."""
        if self._trial is not None:
            self._trial = msgspec.structs.replace(self._trial, running=False)
            self._save_trial()
        else:
            self._save_figures()

    def _read(self) -> None:
        """Read a new state: another bundle, events to report."""
        state = self._store.state()
        if state.current != self._slot:
            self._reloader.request()
        elif (state.trial is None) != (self._trial is None):
            self._take_up()
        unreported = [event for event in state.events if event.seq > state.reported]
        if not unreported:
            return
        with self._store.locked(wait=False):
            for event in unreported:
                _log.info("bundle %s %s: %s", event.bundle, event.step.value, event.text)
                self._on_event(event)
            self._store.change(lambda state: msgspec.structs.replace(state, reported=unreported[-1].seq))

    def _take_up(self) -> None:
        """Begin or continue the trial of the bundle in use that the state names, if there is one."""
        self._trial, self._decision, self._unsaved, self._is_rolled_back = None, None, False, False
        try:
            state = self._store.state()
        except UpdateError as err:
            _log.error("%s", err)
            return
        if state.current == self._slot and state.trial is not None:
            self._trial = msgspec.structs.replace(state.trial, running=True)
            self._label, self._behind = state.label(state.current), state.label(state.previous)
            self._save_trial()

    def _judge(self) -> None:
        self._unsaved = True
        if self._trial is not None and self._decision is None:
            self._decision = judge_trial(self._trial, self._config)
            if self._decision is not None:
                self._end_trial(*self._decision)

    def _end_trial(self, good: bool, reason: str) -> None:
        def step(state: State) -> State:
            if state.current != self._slot or state.trial is None:
                return state
            if good:
                return state.confirm(reason, now())
            return state.roll_back(reason, now(), factory=packaged_version())

        if not self._change(step):
            return  # again at the next look
        self._trial, self._decision, self._is_rolled_back = None, None, not good
        if not good:
            _log.error("%s is rolled back: %s", self._label, reason)

    def _save_trial(self) -> None:
        trial = self._trial

        def step(state: State) -> State:
            if state.current != self._slot or state.trial is None:
                return state
            return msgspec.structs.replace(state, trial=trial)

        if trial is not None and self._change(step):
            self._unsaved = False
        self._saved_s = time.monotonic()

    def _save_figures(self) -> None:
        figures, self._saved_figures_s = self._figures.figures(), time.monotonic()
        if figures is not None:
            self._change(
                lambda state: (
                    msgspec.structs.replace(state, figures=figures) if state.current == self._slot else state
                )
            )

    def _change(self, step: Callable[[State], State]) -> bool:
        """Change the state unless somebody else does just now, or the disk does not take it."""
        try:
            with self._store.locked(wait=False):
                self._store.change(step)
        except (UpdateError, OSError) as err:
            _log.warning("%s", err)
            return False
        return True
