"""Build the daemon's parts bottom up, start them, run the main loop, and stop them in reverse.

Threads: capture -> newest frame -> inference (prepares too) -> main (records) -> spool writer -> publisher.
Every wait has a timeout; one event stops them all.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from edge_node.commands.bundle_handlers import ReloadHandler, UpdateHandler, respond_to_event
from edge_node.commands.executor import CommandExecutor, Handler, refuse_unsupported
from edge_node.commands.pause import PauseHandler, ResumeHandler
from edge_node.commands.picture_handlers import EvidenceHandler, SnapshotHandler
from edge_node.commands.receiver import CommandReceiver
from edge_node.commands.review_handler import ReviewHandler
from edge_node.daemon.bundle_in_use import BundleInUse
from edge_node.daemon.camera_assembly import config_errors, follow_changes, open_camera, start_camera
from edge_node.daemon.inference_thread import InferenceThread
from edge_node.daemon.main_loop import TICK_S, MainLoop
from edge_node.daemon.parts import (
    CameraParts,
    InspectionParts,
    ModelParts,
    MonitoringParts,
    Registry,
    StorageParts,
)
from edge_node.daemon.start import begin
from edge_node.daemon.status_reporter import Sources, StatusReporter
from edge_node.daemon.storage_assembly import open_storage, sign_checkpoints
from edge_node.daemon.store_watch import StoreWatch
from edge_node.daemon.verdict_writer import VerdictWriter
from edge_node.delivery.publisher import Publisher
from edge_node.delivery.stale_topics import StaleTopics
from edge_node.errors import ConfigError
from edge_node.evidence.newest_thumbnail import NewestThumbnail
from edge_node.evidence.picture_outbox import PictureOutbox
from edge_node.evidence.thread import EvidenceThread
from edge_node.inference.reloader import Reloader
from edge_node.inspection.surface_scale import may_measure_areas
from edge_node.integrations.home_assistant import HomeAssistantOutbox
from edge_node.integrations.home_assistant_discovery import Abilities
from edge_node.malloc import Trimmer
from edge_node.messages.command import Verb
from edge_node.messages.status import LinkState
from edge_node.messages.topics import Topics
from edge_node.monitoring.status_board import StatusBoard
from edge_node.monitoring.watchdog import Watchdog
from edge_node.mqtt.endpoint import broker_port
from edge_node.mqtt.retained_topics import STATE_NAME as RETAINED_NAME
from edge_node.mqtt.retained_topics import RetainedTopics
from edge_node.mqtt.wake import Wake

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.config.sections import Config
    from edge_node.daemon.start import Begun, ModelLoading
    from edge_node.delivery.ports import Outbox
    from edge_node.integrations.sparkplug_edge_node import SparkplugNode
    from edge_node.spool.spool import Spool
    from edge_node.update.fetcher import Fetcher

_log = logging.getLogger(__name__)

DRAIN_S = 30.0  # a recording is over: wait so long for its verdicts to be delivered; they are on disk anyway


def run_daemon(
    config: Config,
    stop: threading.Event,
    reload: threading.Event | None = None,
    *,
    path: Path | None = None,
    begun: Begun | None = None,
) -> int:
    """Inspect frames until ``stop`` is set or the recording ends; return the exit code.

    The code is 1 if a recording could not be read to its end; what could be read was inspected.

    Each time ``reload`` is set the configuration in ``path`` and the bundle are read again; the bundle takes
    over between two frames, or is refused. ``begun`` is a start whose models are being loaded already.

    Raises:
        ConfigError: the bundle, the camera source or its controls can never work.
        SpoolError: the spool cannot be opened.
    """
    with ExitStack() as stack:
        topics = Topics(config.node.site, config.node.robot)
        wake = stack.enter_context(Wake())
        begun = begun or begin(config, stack, path)
        node = Registry(config, topics, begun.state_dir, stack, wake, view=begun.view)
        camera = open_camera(node)
        models = _models(begun.loading, reload)
        storage = open_storage(node, begun.lock)
        checkpoints = sign_checkpoints(node, storage)
        fetcher = _updates(node, models, storage)
        if config.commands.accept:
            _commands(node, models, storage, fetcher)
        publisher = _link(node, storage)
        start_camera(node, camera, storage)
        monitoring = _monitoring(node, models, storage)
        inspection = _inspection(node, camera, models, storage, monitoring)
        reporter = _reporter(node, inspection, monitoring, publisher)
        gc.freeze()  # what the start made stays: the collector need not look at it again and again
        gc.enable()
        _main_loop(node, inspection).run(stop)
        reporter.publish_health()
        if checkpoints is not None:
            checkpoints.finish(lambda: publisher.link is LinkState.CONNECTED)
        storage.spool.flush(timeout_s=2.0)
        if camera.capture.refusal:
            raise ConfigError(f"[camera] {camera.capture.refusal}")
        _deliver_the_rest(storage.spool, publisher, stop)
    return 1 if camera.capture.failure else 0


def _models(loading: ModelLoading, reload: threading.Event | None) -> ModelParts:
    """Wait for the models; a trial that keeps crashing was ended before."""
    with config_errors("[bundle] path"):
        engine = loading.result()
    loader = loading.loader
    return ModelParts(engine, Reloader(loader.load, reload, reread=loader.reread), loader)


def _updates(node: Registry, models: ModelParts, storage: StorageParts) -> Fetcher | None:
    """Follow the store of installed bundles; return the fetcher if there is one and commands are accepted."""
    store, fetcher = models.loader.store, None
    if store is not None and node.config.commands.accept:
        from edge_node.update.fetcher import Fetcher
        from edge_node.update.installer import Installer

        material = node.config.inspect.material
        installer = Installer(store, node.config.bundle, storage.floor, budget=node.budget, material=material)
        fetcher = Fetcher(node.topics, installer, node.wake.set)
        node.inboxes.append(fetcher)
        node.outboxes.append(fetcher)
        node.bundle_texts.append(lambda: fetcher.text)
    on_event = partial(respond_to_event, storage.responses)
    watch = StoreWatch(models.loader, models.reloader, models.engine.bundle, on_event)
    node.stack.enter_context(watch)
    node.bundle_texts.append(lambda: watch.text)
    node.frame_requests.append(lambda: watch.is_on_trial)
    node.verdict_listeners.append(watch)
    node.bundle_listeners.append(watch)
    node.periodics.append(watch)
    node.failure_counters.append(watch.count_failure)
    return fetcher


def _commands(node: Registry, models: ModelParts, storage: StorageParts, fetcher: Fetcher | None) -> None:
    """Receive commands and execute them in the main loop."""
    responses = storage.responses
    snapshots = SnapshotHandler(responses)
    node.verdict_listeners.append(snapshots)
    node.frame_requests.append(lambda: snapshots.is_waiting)
    node.picture_requests.append(snapshots.claim)
    handlers = _handlers(node, models, storage, fetcher)
    executor = CommandExecutor({Verb.SNAPSHOT: snapshots.handle, **handlers}, responses)
    node.periodics.append(executor)
    receiver = CommandReceiver(
        node.config.commands,
        node.topics,
        spool=storage.spool,
        audit=storage.audit,
        responses=responses,
        floor=storage.floor,
        submit=executor.submit,
    )
    node.inboxes.append(receiver)


def _handlers(
    node: Registry, models: ModelParts, storage: StorageParts, fetcher: Fetcher | None
) -> dict[Verb, Handler]:
    """Return the handler of each verb but ``snapshot``; a new command is registered here."""
    evidence, findings = storage.evidence, storage.findings
    severities = node.config.findings.severities
    no_updates = refuse_unsupported('[bundle] path = "store" and trusted_keys would allow it')
    return {
        Verb.PAUSE: PauseHandler(node.pause).handle,
        Verb.RESUME: ResumeHandler(node.pause).handle,
        Verb.EVIDENCE: EvidenceHandler(evidence).handle,
        Verb.RELOAD: ReloadHandler(models.reloader, storage.responses).handle,
        Verb.REVIEW: ReviewHandler(node.topics, storage.known, evidence, findings, severities).handle,
        Verb.UPDATE: UpdateHandler(fetcher).handle if fetcher is not None else no_updates,
    }


def _link(node: Registry, storage: StorageParts) -> Publisher:
    """Start to connect to the broker, with every inbox and outbox that registered."""
    config, topics = node.config, node.topics
    outboxes = _side_outboxes(node, storage)
    publisher = Publisher(
        config.mqtt,
        topics,
        storage.spool,
        node.wake,
        inboxes=node.inboxes,
        outboxes=[*outboxes, *node.outboxes],
        listeners=[_sparkplug(node)] if config.mqtt.sparkplug else [],
        alarm_sources=node.alarm_sources,
    )
    return node.stack.enter_context(publisher)


def _side_outboxes(node: Registry, storage: StorageParts) -> list[Outbox]:
    """Return what sends pictures and discovery, and clears what an earlier configuration retained."""
    config, topics = node.config, node.topics
    where = f"{config.mqtt.hostname}:{broker_port(config.mqtt)}"
    retained = RetainedTopics(node.state_dir / RETAINED_NAME, where)
    is_shown = config.mqtt.home_assistant != "off"
    abilities = Abilities(
        takes_commands=config.commands.accept and config.commands.public_key_file is None,
        sends_pictures=is_shown and bool(config.evidence.keep) and config.evidence.send_thumbnails,
        has_scale=may_measure_areas(config.camera, config.pose),
    )
    newest = NewestThumbnail(topics)
    retained.claim([topics.status, topics.latest, *([topics.thumbnail] if abilities.sends_pictures else [])])
    home_assistant = HomeAssistantOutbox(topics, config.mqtt, retained, abilities)
    stale = StaleTopics(retained, topics)
    node.inboxes.extend([home_assistant, stale])
    pictures = PictureOutbox(
        storage.evidence, topics, newest.put if abilities.sends_pictures else lambda _picture: None
    )
    return [home_assistant, stale, pictures, newest]


def _sparkplug(node: Registry) -> SparkplugNode:
    """Start the Sparkplug edge node, which shows delivered messages."""
    from edge_node.integrations.sparkplug_edge_node import SparkplugNode

    return node.stack.enter_context(SparkplugNode(node.config.mqtt, node.topics, node.state_dir))


def _monitoring(node: Registry, models: ModelParts, storage: StorageParts) -> MonitoringParts:
    """Count verdicts, and start the local page and the shadow if they are wanted."""
    config, shadow = node.config, None
    board = StatusBoard(config, models.engine.bundle, storage.spool, storage.floor)
    node.verdict_listeners.append(board)
    node.bundle_listeners.append(board)
    if config.http.enabled:
        _page(node)
    if config.shadow.path is not None:
        from edge_node.shadow.runner import Shadow

        shadow = node.stack.enter_context(Shadow(config, storage.spool, storage.evidence))
        node.verdict_listeners.append(shadow)
        node.bundle_listeners.append(shadow)
    node.stack.callback(node.notifier.stopping)
    return MonitoringParts(board, shadow)


def _page(node: Registry) -> None:
    """Serve the local page until the end; a port that is taken costs the page, not the inspection."""
    from edge_node.monitoring.live_view import LiveView
    from edge_node.monitoring.local_page import LocalPage, PageError

    view = LiveView()
    node.verdict_listeners.append(view)
    node.status_listeners.append(view)
    try:
        page = LocalPage(node.config.http, view)
    except PageError as err:
        _log.error("%s; going on without the page", err)  # one sentence is all of it
        return
    node.stack.enter_context(page)


def _inspection(
    node: Registry,
    camera: CameraParts,
    models: ModelParts,
    storage: StorageParts,
    monitoring: MonitoringParts,
) -> InspectionParts:
    """Build inference, the bundle in use and the verdict writer."""
    has_work, spool, shadow = threading.Event(), storage.spool, monitoring.shadow
    on_busy = shadow.give_way if shadow is not None else None
    inference = InferenceThread(camera.latest, has_work.set, on_busy)
    follow_changes(node, camera, models, storage)
    bundle = _bundle_in_use(node, models, spool.epoch)
    evidence = storage.evidence
    pictures = EvidenceThread(has_work.set, on_late=evidence.note_lost, on_idle=evidence.look)
    verdicts = VerdictWriter(
        spool,
        evidence,
        pictures,
        camera.pose,
        requests=node.picture_requests,
        preview=storage.findings.preview,
    )
    sources = Sources(
        camera.capture,
        inference,
        spool,
        bundle,
        node.pause,
        texts=tuple(node.bundle_texts),
        shadow_health=(lambda: shadow.health) if shadow is not None else (lambda: None),
        evidence_part=lambda: evidence.part,
        findings_open=lambda: storage.findings.open_count,
        unchanged=lambda: camera.gate.unchanged,
        stillness=camera.gate.stillness,
        camera_view=lambda: camera.capture.camera_view,
    )
    return InspectionParts(has_work, inference, bundle, verdicts, sources)


def _bundle_in_use(node: Registry, models: ModelParts, epoch: str) -> BundleInUse:
    bundle = BundleInUse(
        node.config,
        models.engine,
        epoch,
        reloader=models.reloader,
        notifier=node.notifier,
        listeners=node.bundle_listeners,
        failure_counters=node.failure_counters,
        view=node.view,
    )
    node.periodics.append(bundle)
    return bundle


def _reporter(
    node: Registry, inspection: InspectionParts, monitoring: MonitoringParts, publisher: Publisher
) -> StatusReporter:
    """Build the reporter, which feeds the watchdog and publishes status and health."""
    watchdog, listeners = Watchdog(node.notifier), node.status_listeners
    reporter = StatusReporter(inspection.sources, monitoring.board, watchdog, publisher, listeners=listeners)
    node.periodics.append(reporter)
    return reporter


def _main_loop(node: Registry, inspection: InspectionParts) -> MainLoop:
    """Return the main loop with everything that registered."""
    node.periodics.append(Trimmer())
    return MainLoop(
        inspection.inference,
        inspection.bundle,
        inspection.verdicts,
        has_work=inspection.has_work,
        pause=node.pause,
        listeners=node.verdict_listeners,
        periodics=node.periodics,
    )


def _deliver_the_rest(spool: Spool, publisher: Publisher, stop: threading.Event) -> None:
    """After a recording: wait until the broker has its verdicts, for a while, unless asked to stop."""
    deadline_s = time.monotonic() + DRAIN_S
    while not stop.is_set() and not publisher.drain(timeout_s=TICK_S):
        if time.monotonic() > deadline_s:
            _log.warning("%d messages stay in the spool until the broker is there", spool.depth().waiting)
            return
