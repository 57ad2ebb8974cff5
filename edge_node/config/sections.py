"""Define the sections of the configuration: keys with meaning, bounds and defaults.

``edge-node init`` generates the example configuration from these classes, so it cannot drift.
``toml_reader`` checks a file against them.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from edge_node.config.camera_section import CameraConfig
from edge_node.config.delivery_sections import CommandsConfig, EvidenceConfig, MqttConfig, SpoolConfig
from edge_node.config.toml_reader import about as _about
from edge_node.config.toml_reader import example_text, read_sections
from edge_node.config.value_types import (
    Id,
    Milliseconds,
    Port,
    RangeMillimetres,
    Share,
    SigmaMetres,
    Text,
    Threads,
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

    site: Annotated[Id, _about("Where the robot works; part of every topic.")]
    robot: Annotated[Id, _about("The robot's name, unique in its site; part of every topic and verdict id.")]
    asset: Annotated[Text | None, _about("What is inspected: a pipe, a hull, a bridge.")] = None
    state_dir: Annotated[str, _about("Folder for the spool and evidence.")] = "/var/lib/corrosion-edge"
    signing_key_file: Annotated[
        str | None,
        _about(
            "Sign a checkpoint of the record every minute with this key, made by `edge-node command keygen`"
            " (extra signing)."
        ),
    ] = None


class InspectConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which frames are judged, and how they are checked and cut into tiles."""

    when: Annotated[
        Literal["always", "changed"],
        _about('"changed" judges frames that show something new since the last judged one: see change_m.'),
    ] = "always"
    change_m: Annotated[
        float,
        _about('"changed": judged again when the robot moved so far, or when the picture differs.', gt=0),
    ] = 0.01
    heartbeat_s: Annotated[
        float,
        _about('"changed": judged so often in any case.', ge=0.1, le=3600),
    ] = 10.0
    material: Annotated[
        str, _about('"auto" asks the models; "steel", "aluminium", ... skips the material stage.')
    ] = "auto"
    tiles_across: Annotated[
        int, _about("Judge large frames in pieces: so many in a row; each costs an inference.", ge=1, le=8)
    ] = 1
    tiles_down: Annotated[int, _about("Rows of pieces.", ge=1, le=8)] = 1
    tile_overlap: Annotated[float, _about("Share of a piece that its neighbour has too.", ge=0, le=0.5)] = (
        0.15
    )
    tile_budget_ms: Annotated[
        Milliseconds | None,
        _about("Judge in fewer and larger pieces where all of them would take longer than this."),
    ] = None
    # The defaults were chosen on real pictures: see edge_node/inspection/inspectability.py.
    dark_below: Annotated[
        float, _about("Not judged: 95 % of the picture is below this grey level. 0: off.", ge=0, le=255)
    ] = 64.0
    glare_above: Annotated[
        float, _about("Not judged: more than this share of the picture is blown out. 1: off.", ge=0, le=1)
    ] = 0.5
    contrast_below: Annotated[
        float, _about("Not judged: fewer grey levels than this from dark to bright. 0: off.", ge=0, le=255)
    ] = 20.0
    sharpness_below: Annotated[
        float, _about("Not judged: out of focus, even where it is sharpest. 0: off.", ge=0, le=255)
    ] = 11.0
    motion_below: Annotated[
        float, _about("Not judged: smeared along one direction. 0: off.", ge=0, le=255)
    ] = 5.0
    surface: Annotated[
        Literal["painted_steel", "other"],
        _about('"painted_steel" adds the grades of ISO 4628-3 and ASTM D610, which are for that alone.'),
    ] = "other"

    def __post_init__(self) -> None:
        """Refuse a surface of another material."""
        is_steel = self.material == "auto" or "steel" in self.material or "iron" in self.material
        if self.surface == "painted_steel" and not is_steel:
            raise ValueError(f'surface = "painted_steel" contradicts material = "{self.material}"')


class BundleConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The models that decide, and the trial of a new bundle."""

    path: Annotated[
        str,
        _about(
            'Folder of a bundle, "default" for the one in the package, or "store": what was installed last.',
            min_length=1,
        ),
    ]
    threads: Annotated[
        Threads | Literal["auto"],
        _about('Threads of the TFLite runtime; "auto" measures and keeps the best.'),
    ] = 1
    delegate: Annotated[
        Text | None,
        _about("Library of an accelerator, like libedgetpu.so.1; the bundle must be made for it."),
    ] = None
    delegate_fallback: Annotated[
        bool, _about("Without the accelerator run on the processor instead of not at all.")
    ] = False
    trusted_keys: Annotated[
        tuple[Text, ...],
        _about("Ed25519 public keys (PEM; extra signing): who may sign bundles for the store."),
    ] = ()
    robot_class: Annotated[Id | None, _about("Bundles that are made for other classes are refused.")] = None
    max_update_mb: Annotated[int, _about("Larger bundle files are refused.", ge=1, le=1024)] = 256
    trial_verdicts: Annotated[
        int, _about("A new bundle is on trial for so many verdicts of its models.", ge=1, le=1_000_000)
    ] = 200
    trial_abstention_rise: Annotated[
        Share, _about("It is rolled back if it abstains on a share so much larger than the old one.")
    ] = 0.2
    trial_latency_factor: Annotated[
        float, _about("... or if half of its inferences take so many times the old one's.", ge=1, le=100)
    ] = 2.0
    trial_errors: Annotated[
        int, _about("... or if more frames than this cannot be judged.", ge=0, le=1000)
    ] = 3
    trial_starts: Annotated[
        int, _about("... or if the node ends so often during the trial without a stop.", ge=1, le=100)
    ] = 3

    def __post_init__(self) -> None:
        """Refuse a store that could never take a bundle."""
        if self.path == "store" and not self.trusted_keys:
            raise ValueError('path = "store" needs trusted_keys: who may sign bundles')


class ShadowConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A second bundle that judges decided frames again on spare processor time; it never decides."""

    path: Annotated[Text | None, _about("Folder of the bundle to prove; without it there is no shadow.")] = (
        None
    )
    share: Annotated[
        float,
        _about("At most this share of the time goes to it.", gt=0, le=1),
    ] = 0.25
    min_interval_s: Annotated[
        float, _about("It judges at most one frame in so many seconds.", ge=0, le=86_400)
    ] = 1.0
    beside: Annotated[
        bool,
        _about("Judge also while the bundle in use works, on boards with cores to spare; else it waits."),
    ] = False
    threads: Annotated[Threads, _about("Threads of its TFLite runtime; it runs on the processor.")] = 1
    report_interval_s: Annotated[
        float, _about("Send at most one disagreement in so many seconds; health counts all.", ge=0, le=86_400)
    ] = 10.0
    keep_pictures: Annotated[bool, _about("Keep the pictures of those that are sent, as evidence.")] = True


class FindingsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """When verdicts become a finding that a person acts on."""

    enabled: Annotated[bool, _about("Publish findings beside the verdicts.")] = True
    enter_confidence: Annotated[
        Share, _about("A corroded frame counts towards opening a finding from this confidence on.")
    ] = 0.8
    leave_confidence: Annotated[
        Share, _about("While it is open, frames from this confidence on keep it open.")
    ] = 0.5
    enter_by_material: Annotated[
        dict[str, Share], _about("Other values for single materials: { steel = 0.9 }.")
    ] = {}
    leave_by_material: Annotated[
        dict[str, Share], _about("Other values for single materials: { steel = 0.6 }.")
    ] = {}
    open_frames: Annotated[int, _about("So many ...", ge=1, le=1000)] = 3
    of_frames: Annotated[int, _about("... of the last so many judged frames open it.", ge=1, le=1000)] = 5
    close_frames: Annotated[
        int, _about("So many judged frames in a row without it close it.", ge=1, le=100_000)
    ] = 10
    gap_m: Annotated[float, _about("Further away than this it is another finding.", gt=0)] = 1.0
    gap_s: Annotated[float, _about("After a longer time without it, it is another finding.", gt=0)] = 3600.0
    update_s: Annotated[float, _about("An open finding is published again so often.", gt=0)] = 60.0
    severity_confidence: Annotated[
        Share, _about("A severity counts for the peak from this confidence on.")
    ] = 0.6
    severities: Annotated[tuple[str, ...], _about("From the least to the worst.")] = ("none", "mid", "late")

    def __post_init__(self) -> None:
        """Refuse values that contradict each other."""
        if self.open_frames > self.of_frames:
            raise ValueError(f"open_frames = {self.open_frames} is more than of_frames = {self.of_frames}")
        if self.leave_confidence > self.enter_confidence:
            raise ValueError(
                f"leave_confidence = {self.leave_confidence} is more than"
                f" enter_confidence = {self.enter_confidence}"
            )


class PoseConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The robot's position: fixed here, or received as JSON like {"distance_m": 12.5}."""

    distance_m: Annotated[float | None, _about("Along the path; of a camera that does not move.")] = None
    x_m: Annotated[float | None, _about("In space; of a camera that does not move.")] = None
    y_m: Annotated[float | None, _about("In space; of a camera that does not move.")] = None
    z_m: Annotated[float | None, _about("In space; of a camera that does not move.")] = None
    sigma_m: Annotated[
        SigmaMetres | None, _about("Standard deviation of the position, and of poses that bring none.")
    ] = None
    range_mm: Annotated[
        RangeMillimetres | None,
        _about("From camera to surface, until a pose brings one: the scale for areas in mm²."),
    ] = None
    udp_port: Annotated[Port | None, _about("Listen for poses on this UDP port.")] = None
    udp_host: Annotated[str, _about("Address to listen on; 0.0.0.0 takes poses from anywhere.")] = "127.0.0.1"
    mqtt_topic: Annotated[
        TopicName | None,
        _about("Take poses from this topic of the broker, such as corrosion/v1/SITE/ROBOT/pose."),
    ] = None
    max_age_ms: Annotated[
        float, _about("A pose that was measured longer before or after a frame is left out.", gt=0)
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

    enabled: Annotated[bool, _about("Serve them.")] = False
    host: Annotated[Text, _about("Address to listen on; any but the loopback's needs a token_file.")] = (
        "127.0.0.1"
    )
    port: Annotated[Port, _about("Port to listen on.")] = 8420
    token_file: Annotated[
        Text | None, _about("File with the token to ask for: at least 16 letters and digits.")
    ] = None
    names: Annotated[tuple[str, ...], _about("Names by which browsers may call this robot.")] = ()


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
