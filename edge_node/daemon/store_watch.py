"""Have the store of installed bundles followed while the configuration names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.camera.frame import Frame
    from edge_node.daemon.bundle_loader import BundleLoader
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.reloader import Reloader
    from edge_node.inspection.inspector import Inspection
    from edge_node.messages.verdict import Verdict
    from edge_node.update.state import Event
    from edge_node.update.trial_keeper import TrialKeeper


class StoreWatch:
    """Pass on what a ``TrialKeeper`` needs, and replace it when a reload changed ``[bundle]``.

    Used by the main thread alone; a context manager that notes a clean stop.
    """

    interval_s = 0.5  # of a TrialKeeper

    def __init__(
        self, loader: BundleLoader, reloader: Reloader, bundle: Bundle, on_event: Callable[[Event], None]
    ) -> None:
        """Begin with ``bundle``, which is in use; ``on_event`` is called with each step of an update."""
        self._loader = loader
        self._reloader = reloader
        self._on_event = on_event
        self._config = loader.config.bundle
        self._keeper = self._make_keeper(bundle)
        loader.note_in_use(bundle)

    def __enter__(self) -> StoreWatch:  # noqa: PYI034  Self needs Python 3.11
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._keeper is not None:
            self._keeper.close()

    @property
    def text(self) -> str:
        """The trial in a sentence; empty when there is none."""
        return self._keeper.text if self._keeper is not None else ""

    @property
    def is_on_trial(self) -> bool:
        """Whether a bundle is on trial: it needs verdicts, also of what has not changed."""
        return self._keeper is not None and self._keeper.is_on_trial

    def on_reload(self, bundle: Bundle | None, /) -> None:
        """Follow another store, or none, if the reload took another ``[bundle]``."""
        if bundle is not None:
            self._loader.note_in_use(bundle)
        if bundle is not None and self._loader.config.bundle != self._config:
            if self._keeper is not None:
                self._keeper.close()
            self._config = self._loader.config.bundle
            self._keeper = self._make_keeper(bundle)
        elif self._keeper is not None:
            self._keeper.on_reload(bundle)

    def on_verdict(self, frame: Frame, inspection: Inspection, verdict: Verdict, /) -> None:
        """Count a verdict of the bundle in use."""
        if self._keeper is not None:
            self._keeper.on_verdict(frame, inspection, verdict)

    def count_failure(self, err: Exception) -> bool:
        """Count a frame that could not be judged against the trial; return False if there is none."""
        return self._keeper is not None and self._keeper.count_failure(err)

    def look(self, now_s: float) -> None:
        """Follow the store's state, and end a trial that is decided."""
        if self._keeper is not None:
            self._keeper.look(now_s)

    def _make_keeper(self, bundle: Bundle) -> TrialKeeper | None:
        store = self._loader.store
        if store is None:
            return None
        from edge_node.update.trial_keeper import TrialKeeper  # not by every node: its imports take 10 ms

        return TrialKeeper(store, self._config, self._reloader, bundle, self._on_event)
