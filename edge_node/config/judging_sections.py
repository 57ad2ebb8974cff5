"""Define the sections about judging: which frames, by which bundles, and when verdicts become a finding."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_node.config.toml_reader import about as _about
from edge_node.config.value_types import Id, Milliseconds, Share, Text, Threads


class InspectConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which frames are judged, and how they are checked and cut into tiles."""

    when: Annotated[
        Literal["always", "changed"],
        _about(
            '"always" judges every frame. "changed" judges a frame only if it shows something new since the'
            " last judged one: see change_m."
        ),
    ] = "always"
    change_m: Annotated[
        float,
        _about(
            'With "changed": a frame is judged if the robot has moved this far since the last judged one, or'
            " if the picture differs from it.",
            gt=0,
        ),
    ] = 0.01
    heartbeat_s: Annotated[
        float,
        _about('With "changed": a frame is judged after this time in any case.', ge=0.1, le=3600),
    ] = 10.0
    material: Annotated[
        str,
        _about(
            '"auto" lets the models decide the material. "steel", "aluminium", ... states it and skips the'
            " material stage."
        ),
    ] = "auto"
    tiles_across: Annotated[
        int,
        _about(
            "Number of tiles in a row: a large frame is judged in pieces. Each tile costs an inference.",
            ge=1,
            le=8,
        ),
    ] = 1
    tiles_down: Annotated[int, _about("Number of rows of tiles.", ge=1, le=8)] = 1
    tile_overlap: Annotated[float, _about("Share of a tile that its neighbour shows too.", ge=0, le=0.5)] = (
        0.15
    )
    tile_budget_ms: Annotated[
        Milliseconds | None,
        _about(
            "Time for one frame. If all tiles would take longer, the frame is judged in fewer and larger"
            " ones."
        ),
    ] = None
    # The defaults were chosen on real pictures: see edge_node/inspection/inspectability.py.
    dark_below: Annotated[
        float,
        _about(
            "A frame is too dark if 95 % of it is below this grey level. 0 switches the check off.",
            ge=0,
            le=255,
        ),
    ] = 64.0
    glare_above: Annotated[
        float,
        _about(
            "A frame has too much glare if more than this share of it is blown out. 1 switches the check"
            " off.",
            ge=0,
            le=1,
        ),
    ] = 0.5
    contrast_below: Annotated[
        float,
        _about(
            "A frame has too little contrast if it has fewer grey levels than this from dark to bright. 0"
            " switches the check off.",
            ge=0,
            le=255,
        ),
    ] = 20.0
    sharpness_below: Annotated[
        float,
        _about(
            "A frame is blurred if it is less sharp than this even where it is sharpest. 0 switches the"
            " check off.",
            ge=0,
            le=255,
        ),
    ] = 11.0
    motion_below: Annotated[
        float,
        _about(
            "A frame is blurred by motion if it is less sharp than this along one direction. 0 switches the"
            " check off.",
            ge=0,
            le=255,
        ),
    ] = 5.0
    surface: Annotated[
        Literal["painted_steel", "other"],
        _about(
            '"painted_steel" adds the grades of ISO 4628-3 and ASTM D610. They are defined for painted steel'
            " alone."
        ),
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
            'Folder of a bundle; "default" is the one in the package, "store" is the one that was installed'
            " last.",
            min_length=1,
        ),
    ]
    threads: Annotated[
        Threads | Literal["auto"],
        _about('Threads of the TFLite runtime. "auto" measures at the start which number is fastest.'),
    ] = 1
    delegate: Annotated[
        Text | None,
        _about("Library of an accelerator, such as libedgetpu.so.1. The bundle must be made for it."),
    ] = None
    delegate_fallback: Annotated[
        bool,
        _about("If the accelerator is missing, run on the processor. Otherwise the node does not start."),
    ] = False
    trusted_keys: Annotated[
        tuple[Text, ...],
        _about("Ed25519 public keys (PEM; extra signing) of those who may sign bundles for the store."),
    ] = ()
    robot_class: Annotated[
        Id | None, _about("Class of this robot. A bundle that is made for another class is refused.")
    ] = None
    max_update_mb: Annotated[
        int, _about("A bundle file that is larger than this is refused.", ge=1, le=1024)
    ] = 256
    trial_verdicts: Annotated[
        int, _about("A new bundle is on trial for this number of verdicts of its models.", ge=1, le=1_000_000)
    ] = 200
    trial_abstention_rise: Annotated[
        Share,
        _about(
            "On trial it is rolled back if the share of frames on which it abstains is larger than the old"
            " bundle's by more than this."
        ),
    ] = 0.2
    trial_latency_factor: Annotated[
        float,
        _about(
            "On trial it is rolled back if its median inference takes more than this many times the old"
            " bundle's.",
            ge=1,
            le=100,
        ),
    ] = 2.0
    trial_errors: Annotated[
        int, _about("On trial it is rolled back if more frames than this fail with an error.", ge=0, le=1000)
    ] = 3
    trial_starts: Annotated[
        int,
        _about(
            "On trial it is rolled back if the node ends this often without having been stopped.",
            ge=1,
            le=100,
        ),
    ] = 3

    def __post_init__(self) -> None:
        """Refuse a store that could never take a bundle."""
        if self.path == "store" and not self.trusted_keys:
            raise ValueError('path = "store" needs trusted_keys: who may sign bundles')


class ShadowConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A second bundle that judges decided frames again on spare processor time; it never decides."""

    path: Annotated[
        Text | None, _about("Folder of the bundle that is tried out. Without it there is no shadow.")
    ] = None
    share: Annotated[
        float,
        _about("The shadow may take at most this share of the time.", gt=0, le=1),
    ] = 0.25
    min_interval_s: Annotated[
        float, _about("The shadow judges at most one frame in this time.", ge=0, le=86_400)
    ] = 1.0
    beside: Annotated[
        bool,
        _about(
            "The shadow judges also while the bundle in use works. Use it on boards with cores to spare."
            " Otherwise the shadow waits."
        ),
    ] = False
    threads: Annotated[
        Threads, _about("Threads of the shadow's TFLite runtime. It runs on the processor.")
    ] = 1
    report_interval_s: Annotated[
        float,
        _about(
            "At most one disagreement is sent in this time; `health` counts all of them.", ge=0, le=86_400
        ),
    ] = 10.0
    keep_pictures: Annotated[bool, _about("Keep the picture of each disagreement that is sent.")] = True


class FindingsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """When verdicts become a finding that a person acts on."""

    enabled: Annotated[bool, _about("Publish findings beside the verdicts.")] = True
    enter_confidence: Annotated[
        Share, _about("A corroded frame counts for opening a finding from this confidence on.")
    ] = 0.8
    leave_confidence: Annotated[
        Share, _about("While a finding is open, a corroded frame keeps it open from this confidence on.")
    ] = 0.5
    enter_by_material: Annotated[
        dict[str, Share],
        _about("Other values of enter_confidence for single materials, such as { steel = 0.9 }."),
    ] = {}
    leave_by_material: Annotated[
        dict[str, Share],
        _about("Other values of leave_confidence for single materials, such as { steel = 0.6 }."),
    ] = {}
    open_frames: Annotated[
        int,
        _about(
            "A finding is opened if this number of the last of_frames judged frames are corroded.",
            ge=1,
            le=1000,
        ),
    ] = 3
    of_frames: Annotated[
        int, _about("Number of the last judged frames that open_frames counts in.", ge=1, le=1000)
    ] = 5
    close_frames: Annotated[
        int,
        _about(
            "A finding is closed after this number of judged frames in a row without corrosion.",
            ge=1,
            le=100_000,
        ),
    ] = 10
    gap_m: Annotated[float, _about("Corrosion that is further away than this is another finding.", gt=0)] = (
        1.0
    )
    gap_s: Annotated[
        float, _about("Corrosion that is seen again after a longer time is another finding.", gt=0)
    ] = 3600.0
    update_s: Annotated[float, _about("An open finding is published again after this time.", gt=0)] = 60.0
    severity_confidence: Annotated[
        Share, _about("A severity counts for a finding's worst severity from this confidence on.")
    ] = 0.6
    severities: Annotated[
        tuple[str, ...], _about("Names of the severities, from the least to the worst.")
    ] = ("none", "mid", "late")

    def __post_init__(self) -> None:
        """Refuse values that contradict each other."""
        if self.open_frames > self.of_frames:
            raise ValueError(f"open_frames = {self.open_frames} is more than of_frames = {self.of_frames}")
        if self.leave_confidence > self.enter_confidence:
            raise ValueError(
                f"leave_confidence = {self.leave_confidence} is more than"
                f" enter_confidence = {self.enter_confidence}"
            )
