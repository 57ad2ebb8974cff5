"""Build the camera's parts: capture, poses, and the gate that decides which frames are judged; start them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_node.camera.capture.capture_thread import CaptureThread
from edge_node.camera.latest import LatestFrame
from edge_node.daemon.parts import CameraParts
from edge_node.daemon.pose_sources import PoseReceiver, PoseTopic
from edge_node.errors import BundleError, CameraError, ConfigError, RuntimeUnavailableError
from edge_node.inspection.change_gate import ChangeGate
from edge_node.inspection.pose_track import pose_track
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_node.config.sections import InspectConfig
    from edge_node.daemon.parts import ModelParts, Registry, StorageParts
    from edge_node.inference.bundle import Bundle


def open_camera(node: Registry) -> CameraParts:
    """Return the capture thread, not started, and the poses that belong to its frames."""
    latest, config = LatestFrame(), node.config
    pose = pose_track(config.pose)
    view = node.view

    def is_held() -> bool:
        return node.pause.is_paused

    gate = ChangeGate(config.inspect, pose, is_held=is_held, requests=node.frame_requests, view=view)
    with config_errors("[camera] source"):
        capture = CaptureThread(config.camera, latest, is_held=is_held, view=view, gate=gate)
    if config.pose.mqtt_topic:
        node.inboxes.append(PoseTopic(pose, config.pose.mqtt_topic))
    return CameraParts(latest, capture, gate, pose)


def start_camera(node: Registry, camera: CameraParts, storage: StorageParts) -> None:
    """Start capture and the parts that work on its frames: findings, and poses over UDP."""
    config, stack = node.config.pose, node.stack
    with config_errors("[camera] source"):
        stack.enter_context(camera.capture)
    stack.enter_context(storage.findings)
    if config.udp_port is not None:
        stack.enter_context(PoseReceiver(camera.pose, config.udp_host, config.udp_port))


def follow_changes(node: Registry, camera: CameraParts, models: ModelParts, storage: StorageParts) -> None:
    """Tell the gate what was judged, and when a reload or a finding needs another frame."""
    gate, loader = camera.gate, models.loader
    node.frame_requests.append(lambda: storage.findings.is_undecided)
    node.verdict_listeners.append(gate)
    node.bundle_listeners.append(_GateReload(gate, lambda: loader.config.inspect))


@contextmanager
def config_errors(key: str) -> Iterator[None]:
    """Raise what can never work as a configuration error: starting again will not mend it."""
    try:
        yield
    except (CameraError, BundleError, RuntimeUnavailableError) as err:
        raise ConfigError(f"{key}: {err}") from err


class _GateReload(PlainStruct, frozen=True):
    """Have the gate follow a reload: by the configuration then, with the next frame judged."""

    gate: ChangeGate
    config: Callable[[], InspectConfig]

    def on_reload(self, bundle: Bundle | None, /) -> None:
        """Configure the gate, unless the reload was refused."""
        if bundle is not None:
            self.gate.configure(self.config())
