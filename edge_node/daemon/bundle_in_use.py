"""Hold the bundle that judges frames now, and replace it between two frames when a reload has ended."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from edge_node.daemon.inference_thread import Judge
from edge_node.inspection.inspector import configured_inspector
from edge_node.inspection.verdict_recorder import VerdictRecorder
from edge_node.messages.status import Part, PartState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_node.config.sections import Config
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.engine import Engine
    from edge_node.inference.reloader import Loaded, Reloader
    from edge_node.monitoring.systemd import Notifier
    from edge_node.view.view import View

_log = logging.getLogger(__name__)


class BundleListener(Protocol):
    """Called at the end of each reload, in the main thread."""

    def on_reload(self, bundle: Bundle | None, /) -> None:
        """Note the bundle that judges from now on; None if it was refused and the one before goes on."""


class BundleInUse:
    """Inspect frames with one bundle until another replaces it; used by the main thread alone.

    Attributes:
        judge: inspects the next frame.
        part: the state of the bundle, for ``status``.
    """

    interval_s = 0.5

    def __init__(  # noqa: PLR0913  # each is a part, by name
        self,
        config: Config,
        engine: Engine,
        epoch: str,
        *,
        reloader: Reloader,
        notifier: Notifier,
        listeners: Sequence[BundleListener] = (),
        failure_counters: Sequence[Callable[[Exception], bool]] = (),
        view: View | None = None,
    ) -> None:
        """Begin with ``engine``.

        Args:
            config: of the whole node.
            engine: the models.
            epoch: of the spool's numbers.
            reloader: loads another.
            notifier: the service manager.
            listeners: called at the end of each reload.
            failure_counters: each called with the exception of a frame that could not be judged; true if it
                counted it against a bundle on trial. Unless one does, the exception ends the node.
            view: how the picture that is judged is made of the camera's; a reload keeps it.
        """
        self._config = config
        self._view = view
        self._epoch = epoch
        self._reloader = reloader
        self._notifier = notifier
        self._listeners = tuple(listeners)
        self._failure_counters = tuple(failure_counters)
        self._adopt(engine)

    def count_failure(self, err: Exception) -> None:
        """Count a frame that could not be judged against the trial; raise ``err`` if there is none."""
        if not any(count(err) for count in self._failure_counters):
            raise err

    def look(self, _now_s: float) -> None:
        """Begin a reload that was asked for, and adopt the bundle of one that has ended."""
        if self._reloader.signalled.is_set():
            self._reloader.signalled.clear()
            self._notifier.reloading()
            self._reloader.request(with_config=True)
        loaded = self._reloader.take()
        if loaded is not None:
            self._end_reload(loaded)

    def _end_reload(self, loaded: Loaded) -> None:
        if loaded.engine is not None:
            self._config = loaded.config or self._config
            self._adopt(loaded.engine)
            loaded.take_over()
            _log.info("bundle %s has taken over%s", self._name, f"; {loaded.note}" if loaded.note else "")
        else:
            self.part = Part(state=PartState.OK, text=f"a new bundle was refused: {loaded.failure}")
            _log.error("bundle %s goes on; the new one was refused: %s", self._name, loaded.failure)
        for listener in self._listeners:
            listener.on_reload(loaded.engine.bundle if loaded.engine is not None else None)
        self._notifier.ready()

    def _adopt(self, engine: Engine) -> None:
        manifest = engine.bundle.manifest
        self._name = f"{manifest.name}-{manifest.version}"
        self.judge = Judge(
            configured_inspector(self._config.inspect, engine, self._view),
            VerdictRecorder(self._config, engine.bundle, self._epoch),
        )
        self.part = Part(state=PartState.OK, text="the golden probe holds")
