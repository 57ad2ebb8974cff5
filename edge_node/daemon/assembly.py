"""The daemon: wires all rooms, walks frames through them, closes in reverse.

Threads: capture -> one-slot latest -> inspect and infer (here, the main thread) -> spool -> publisher.
Every wait has a timeout; one event stops it all.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from edge_node.camera.capture.capture_thread import CaptureThread
from edge_node.camera.latest import LatestFrame
from edge_node.commands.audit_log import FOLDER_NAME, Audit
from edge_node.commands.executor import CommandExecutor
from edge_node.commands.responses import ResponseWriter
from edge_node.commands.review_handler import ReviewHandler
from edge_node.daemon.main_loop import TICK_S, Node, Rooms
from edge_node.daemon.pose_sources import PoseReceiver, PoseTopic
from edge_node.delivery.publisher import Publisher
from edge_node.errors import BundleError, CameraError, ConfigError, RuntimeUnavailableError
from edge_node.evidence.picture_outbox import PictureOutbox
from edge_node.evidence.store import EvidenceStore
from edge_node.findings.log import FindingLog
from edge_node.inference.bundle import STORE_NAME
from edge_node.inference.loading import load_engine
from edge_node.inference.reloader import Reloader
from edge_node.inspection.pose_track import pose_track
from edge_node.integrations.home_assistant import HomeAssistantOutbox
from edge_node.messages.topics import Topics
from edge_node.monitoring.systemd import Notifier
from edge_node.mqtt.wake import Wake
from edge_node.shadow.runner import Shadow
from edge_node.signing import load_trusted_keys
from edge_node.spool.spool import Spool
from edge_node.update.bundle_store import BundleStore
from edge_node.update.fetcher import Fetcher
from edge_node.update.installed_bundle import load_installed, note_start
from edge_node.update.installer import Installer
from edge_node.update.trial_keeper import TrialKeeper

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from edge_node.config.sections import Config
    from edge_node.delivery.ports import Outbox
    from edge_node.inference.engine import Engine
    from edge_node.integrations.sparkplug_edge_node import SparkplugNode
    from edge_node.monitoring.live_view import LiveView

_T = TypeVar("_T")

_log = logging.getLogger(__name__)

DRAIN_S = 30.0  # a recording is over: wait so long for its verdicts to be delivered; they are on disk anyway


def run_daemon(config: Config, stop: threading.Event, reload: threading.Event | None = None) -> int:
    """Decide frames until ``stop`` is set or the recording ends; return the exit code.

    The code is 1 if a recording could not be read to its end; what could be was decided.

    Each time ``reload`` is set the bundle is read again and takes over between two frames, or is refused.

    Raises:
        ConfigError: the bundle or the camera source can never work.
        SpoolError: the spool cannot be opened.
    """
    notifier = Notifier()
    with ExitStack() as closing:
        wake = closing.enter_context(Wake())
        latest = LatestFrame()
        capture = _config_errors("[camera] source", lambda: CaptureThread(config.camera, latest))
        store, load = _models(config)
        engine = _config_errors("[bundle] path", load)
        spool = Spool.open(_state_dir(config) / "spool.sqlite", config.spool)
        closing.callback(spool.close)
        topics = Topics(config.node.site, config.node.robot)
        evidence = EvidenceStore(_state_dir(config) / "evidence", config.evidence)
        audit = Audit(_state_dir(config) / FOLDER_NAME)
        orders = (
            CommandExecutor(config.commands, topics, spool, evidence, audit)
            if config.commands.accept
            else None
        )
        reloader = Reloader(load, reload)
        fetcher = Fetcher(topics, Installer(store, config.bundle), wake.ring) if store and orders else None
        keeper = None
        if store is not None:
            answers = ResponseWriter(topics, spool, audit)
            keeper = TrialKeeper(store, config.bundle, reloader, answers, engine.bundle)
            keeper.fetcher = fetcher
            closing.callback(keeper.close)
        if orders is not None:
            orders.reloader, orders.fetcher = reloader, fetcher
        pose = pose_track(config.pose)
        pose_topic = PoseTopic(pose, config.pose.mqtt_topic) if config.pose.mqtt_topic else None
        inboxes = [one for one in (pose_topic, fetcher, orders.desk if orders else None) if one is not None]
        outboxes: list[Outbox] = [
            *(HomeAssistantOutbox(topics, config.mqtt), PictureOutbox(evidence, topics)),
            *([fetcher] if fetcher else []),
        ]
        listeners = [_sparkplug(config, topics, closing)] if config.mqtt.sparkplug else []
        publisher = Publisher(
            *(config.mqtt, topics, spool, wake), inboxes=inboxes, outboxes=outboxes, listeners=listeners
        )
        publisher.start()
        closing.callback(publisher.stop)
        closing.callback(capture.stop)
        _config_errors("[camera] source", capture.start)
        findings = FindingLog(config.findings, _state_dir(config), spool)
        findings.start()
        closing.callback(findings.close)
        if orders is not None:
            orders.reviews = ReviewHandler(topics, spool, evidence, findings, config.findings.severities)
        if config.pose.udp_port is not None:
            receiver = PoseReceiver(pose, config.pose.udp_host, config.pose.udp_port)
            receiver.start()
            closing.callback(receiver.stop)
        view = _page(config, closing) if config.http.enabled else None
        shadow = _shadow(config, spool, evidence, closing) if config.shadow.path is not None else None
        closing.callback(notifier.stopping)
        rooms = Rooms(
            *(capture, latest, engine, spool, publisher, evidence),
            orders=orders,
            findings=findings,
            pose=pose,
            reloader=reloader,
            view=view,
            shadow=shadow,
            keeper=keeper,
        )
        Node(config, rooms, notifier).decide_frames(stop)
        spool.flush(timeout_s=2.0)
        _deliver_the_rest(spool, publisher, stop)
    return 1 if capture.failure else 0


def _sparkplug(config: Config, topics: Topics, closing: ExitStack) -> SparkplugNode:
    """Show what is delivered as a Sparkplug edge node until the end."""
    from edge_node.integrations.sparkplug_edge_node import SparkplugNode

    view = SparkplugNode(config.mqtt, topics, _state_dir(config))
    view.start()
    closing.callback(view.stop)
    return view


def _shadow(config: Config, spool: Spool, evidence: EvidenceStore, closing: ExitStack) -> Shadow:
    """Run a second bundle beside the live one until the end."""
    shadow = Shadow(config, spool, evidence)
    shadow.start()
    closing.callback(shadow.stop)
    return shadow


def _models(config: Config) -> tuple[BundleStore | None, Callable[[], Engine]]:
    """Return the store of installed bundles, if they decide, and what loads the models.

    A trial that keeps crashing is ended before.
    """
    if config.bundle.path != STORE_NAME:
        return None, partial(load_engine, config.bundle)
    store = BundleStore(_state_dir(config) / STORE_NAME, load_trusted_keys(config.bundle.trusted_keys))
    note_start(store, config.bundle)
    return store, partial(load_installed, store, config.bundle)


def _page(config: Config, closing: ExitStack) -> LiveView:
    """Serve the local page until the end; a port that is taken costs the page, not the inspection."""
    from edge_node.monitoring.live_view import LiveView
    from edge_node.monitoring.local_page import LocalPage, PageError

    view = LiveView()
    try:
        page = LocalPage(config.http, view)
    except PageError as err:
        _log.error("%s; going on without the page", err)  # one sentence is all of it
        return view
    page.start()
    closing.callback(page.stop)
    return view


def _deliver_the_rest(spool: Spool, publisher: Publisher, stop: threading.Event) -> None:
    """After a recording: wait until the broker has its verdicts, for a while, unless asked to stop."""
    deadline_s = time.monotonic() + DRAIN_S
    while not stop.is_set() and not publisher.drain(timeout_s=TICK_S):
        if time.monotonic() > deadline_s:
            _log.warning("%d messages stay in the spool until the broker is there", spool.depth().waiting)
            return


def _config_errors(key: str, action: Callable[[], _T]) -> _T:
    """Turn what can never work into a configuration error: starting again will not mend it."""
    try:
        return action()
    except (CameraError, BundleError, RuntimeUnavailableError) as err:
        raise ConfigError(f"{key}: {err}") from err


def _state_dir(config: Config) -> Path:
    path = Path(config.node.state_dir)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise ConfigError(f"[node] state_dir = {str(path)!r}: {err.strerror or err}") from err
    return path
