"""Define the sections of the configuration: keys with meaning, bounds and defaults.

``edge-node init`` generates the example configuration from these classes, so it cannot drift.
``toml_reader`` checks a file against them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from edge_node.config.camera_section import CameraConfig
from edge_node.config.delivery_sections import CommandsConfig, EvidenceConfig, MqttConfig, SpoolConfig
from edge_node.config.judging_sections import BundleConfig, FindingsConfig, InspectConfig, ShadowConfig
from edge_node.config.toml_reader import about as _about
from edge_node.config.toml_reader import example_text, read_sections
from edge_node.config.value_types import (
    Id,
    Port,
    RangeMillimetres,
    SigmaMetres,
    Text,
    TopicName,
)
from edge_node.errors import ConfigError
from edge_node.text_file import TextFileError, read_bounded

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "MAX_CONFIG_BYTES",
    "SECTIONS",
    "BundleConfig",
    "CameraConfig",
    "CommandsConfig",
    "Config",
    "EvidenceConfig",
    "FindingsConfig",
    "HttpConfig",
    "InspectConfig",
    "MqttConfig",
    "NodeConfig",
    "PoseConfig",
    "ShadowConfig",
    "SpoolConfig",
    "example_config",
    "load_config",
    "parse_config",
]

MAX_CONFIG_BYTES = 1024 * 1024


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The node's identity and the folder of its state."""

    site: Annotated[Id, _about("Name of the place where the robot works. It is part of every topic.")]
    robot: Annotated[
        Id,
        _about("Name of the robot, unique in its site. It is part of every topic and of every verdict's id."),
    ]
    asset: Annotated[Text | None, _about("What is inspected: a pipe, a hull, a bridge.")] = None
    state_dir: Annotated[str, _about("Folder of the spool and the pictures.")] = "/var/lib/corrosion-edge"
    signing_key_file: Annotated[
        str | None,
        _about(
            "File with the key that signs a checkpoint of the record every minute. `edge-node command"
            " keygen` makes it (extra signing)."
        ),
    ] = None


class PoseConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The robot's position: fixed here, or received as JSON like {"distance_m": 12.5}."""

    distance_m: Annotated[
        float | None, _about("Distance along the path, of a camera that does not move.")
    ] = None
    x_m: Annotated[float | None, _about("Coordinate in space, of a camera that does not move.")] = None
    y_m: Annotated[float | None, _about("Coordinate in space, of a camera that does not move.")] = None
    z_m: Annotated[float | None, _about("Coordinate in space, of a camera that does not move.")] = None
    sigma_m: Annotated[
        SigmaMetres | None,
        _about("Standard deviation of this position, and of received poses that name none."),
    ] = None
    range_mm: Annotated[
        RangeMillimetres | None,
        _about(
            "Distance from the camera to the surface, until a received pose names one. With a focal length"
            " it gives the scale for areas in mm²."
        ),
    ] = None
    udp_port: Annotated[Port | None, _about("UDP port on which poses are received.")] = None
    udp_host: Annotated[
        str, _about("Address on which poses are received; 0.0.0.0 takes them from anywhere.")
    ] = "127.0.0.1"
    mqtt_topic: Annotated[
        TopicName | None,
        _about("Topic of the broker from which poses are received, such as corrosion/v1/SITE/ROBOT/pose."),
    ] = None
    max_age_ms: Annotated[
        float,
        _about(
            "A verdict has no pose if the nearest one was measured longer than this before or after the"
            " frame.",
            gt=0,
        ),
    ] = 2000.0

    def __post_init__(self) -> None:
        """Refuse a topic filter, for poses come from one topic, and an uncertainty of nothing."""
        topic = self.mqtt_topic
        if topic is not None and ("+" in topic or "#" in topic):
            raise ValueError(f"mqtt_topic = {topic!r}: wanted one topic, without the wildcards + and #")
        if topic is not None and (topic.startswith("$") or not topic.isprintable()):
            raise ValueError(f"mqtt_topic = {topic!r}: wanted printable characters, the first not $")
        places = (self.distance_m, self.x_m, self.y_m, self.z_m, self.udp_port, self.mqtt_topic)
        if self.sigma_m is not None and all(place is None for place in places):
            raise ValueError(f"sigma_m = {self.sigma_m} is of a position, and none is given or received")


class HttpConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The local page, /healthz and /metrics."""

    enabled: Annotated[bool, _about("Serve the local page, /healthz and /metrics.")] = False
    host: Annotated[Text, _about("Address of the page. Any but the loopback's needs a token_file.")] = (
        "127.0.0.1"
    )
    port: Annotated[Port, _about("Port of the page.")] = 8420
    token_file: Annotated[
        Text | None, _about("File with the token that visitors must give: at least 16 letters and digits.")
    ] = None
    names: Annotated[tuple[str, ...], _about("Host names by which browsers may call this robot.")] = ()


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration; ``sha256`` is over the file's bytes and goes into every verdict."""

    node: NodeConfig
    bundle: BundleConfig
    mqtt: MqttConfig
    shadow: ShadowConfig = ShadowConfig()
    camera: CameraConfig = CameraConfig()
    inspect: InspectConfig = InspectConfig()
    findings: FindingsConfig = FindingsConfig()
    pose: PoseConfig = PoseConfig()
    http: HttpConfig = HttpConfig()
    spool: SpoolConfig = SpoolConfig()
    commands: CommandsConfig = CommandsConfig()
    evidence: EvidenceConfig = EvidenceConfig()
    sha256: str = ""


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "node": NodeConfig,
    "camera": CameraConfig,
    "inspect": InspectConfig,
    "bundle": BundleConfig,
    "shadow": ShadowConfig,
    "findings": FindingsConfig,
    "pose": PoseConfig,
    "http": HttpConfig,
    "spool": SpoolConfig,
    "mqtt": MqttConfig,
    "commands": CommandsConfig,
    "evidence": EvidenceConfig,
}


def load_config(path: Path) -> Config:
    """Read and check the configuration in ``path``, without touching hardware.

    Raises:
        ConfigError: one line per problem, all of them.
    """
    try:
        text = read_bounded(path, MAX_CONFIG_BYTES)
    except TextFileError as err:
        hint = "; `edge-node init` writes an example" if err.is_missing else ""
        raise ConfigError(f"{path}: {err}{hint}") from err
    return parse_config(text, str(path))


def parse_config(text: bytes, where: str) -> Config:
    """Return the configuration in ``text``.

    Raises:
        ConfigError: one line per problem, all of them, each beginning with ``where``.
    """
    sections = read_sections(text, where, SECTIONS)
    config = msgspec.convert({**sections, "sha256": hashlib.sha256(text).hexdigest()}, Config)
    if config.camera.mm_per_px is not None and config.pose.range_mm is not None:
        raise ConfigError(
            f"{where}: [pose] range_mm = {config.pose.range_mm} would have no effect: [camera] mm_per_px ="
            f" {config.camera.mm_per_px} is the scale; leave one of them out"
        )
    return config


def example_config(**given: dict[str, Any]) -> str:
    """Return a commented configuration with every key, its meaning and its default.

    Args:
        given: per section the values to set instead of leaving the default in a comment.
    """
    return example_text(SECTIONS, given)
