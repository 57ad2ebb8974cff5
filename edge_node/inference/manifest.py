"""Define, encode, decode and check ``bundle.json``, the manifest of a bundle.

The converter encodes these classes, the node decodes them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

from edge_node.errors import BundleError
from edge_node.messages.identifiers import SHA256_WANTED, Identifier
from edge_node.text_file import TextFileError, decode_text
from edge_node.unprintable import find_unprintable
from edge_node.validation import describe_invalid, name_rule, text_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

FileName = Annotated[
    str,
    name_rule(
        "A-Za-z0-9",
        "A-Za-z0-9._-",
        (1, 128),
        "a file name of 1 to 128 letters (a-z, A-Z), digits, dots, _ and -, the first a letter or digit",
    ),
]
Version = Annotated[
    str,
    name_rule(
        "A-Za-z0-9",
        "A-Za-z0-9._+-",
        (1, 64),
        "1 to 64 letters (a-z, A-Z), digits, dots, _, + and -, the first a letter or digit",
    ),
]
Sha256 = Annotated[str, text_rule(r"^[0-9a-f]{64}\Z", SHA256_WANTED)]
Probability = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Positive = Annotated[float, msgspec.Meta(gt=0.0, le=1e6)]  # finite
Between0And1 = Annotated[float, msgspec.Meta(gt=0.0, lt=1.0)]
_PROOF_NOTE = "proof: "  # begins the note on the proof at the source
BACKBONE_NOTE = "backbone: "  # begins the note on the weights that training began with
Triple: TypeAlias = tuple[float, float, float]


class Resize(str, Enum):
    """The rule by which a frame is resized to the model's input: the one that the graph was trained with."""

    BILINEAR_TF1 = "bilinear_tf1"  # tf.compat.v1.image.resize_bilinear: TensorFlow for Poets
    BILINEAR = "bilinear"  # pixel centres at half: OpenCV's INTER_LINEAR, TensorFlow 2
    AREA = "area"  # shrinking: mean over the covered area, no aliasing; enlarging: bilinear


class OutputKind(str, Enum):
    """The meaning of an output tensor's numbers."""

    LOGITS = "logits"  # (1, labels)
    PROBABILITIES = "probabilities"  # (1, labels), softmax inside the graph
    MAP = "map"  # (1, rows, columns, labels): logits before the mean over positions


class _ManifestPart(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False
):
    """A part of the manifest; an unknown key is an error."""


class InputTensor(_ManifestPart, frozen=True, kw_only=True):
    """The model's one input and its preprocessing: ``real = (pixel - mean) / std``."""

    shape: tuple[Literal[1], int, int, Literal[3]]
    dtype: Literal["float32", "uint8", "int8"]
    scale: float = 0.0
    zero_point: int = 0
    colour_order: Literal["RGB", "BGR"] = "RGB"
    resize: Resize = Resize.BILINEAR_TF1
    mean: Triple = (127.5, 127.5, 127.5)
    std: Annotated[Triple, msgspec.Meta(description="never 0")] = (127.5, 127.5, 127.5)


class OutputTensor(_ManifestPart, frozen=True, kw_only=True):
    """One output, identified in the file by its tensor's name."""

    name: str
    kind: OutputKind
    shape: tuple[int, ...]
    dtype: Literal["float32", "uint8", "int8", "int16"]
    scale: float = 0.0
    zero_point: int = 0


class ModelFile(_ManifestPart, frozen=True, kw_only=True):
    """One ``.tflite`` file."""

    file: FileName
    sha256: Sha256
    size_bytes: int
    quantization: Literal["int8", "int8-float-io", "int16x8", "float16", "dynamic", "none"]
    input: InputTensor
    outputs: tuple[OutputTensor, ...]


class Meaning(_ManifestPart, frozen=True, kw_only=True, omit_defaults=True):
    """The facts about the surface that a label stands for; a fact that it does not state is absent.

    Attributes:
        material: what the surface is made of, such as steel.
        corroded: whether it is corroded.
        severity: how badly it is corroded, such as mid.
        form: form of the corrosion, such as pitting.
        metal: whether it is metal at all.
    """

    material: str | None = None
    corroded: bool | None = None
    severity: str | None = None
    form: str | None = None
    metal: bool | None = None


class Stage(_ManifestPart, frozen=True, kw_only=True):
    """One classifier of the cascade.

    ``output`` names a tensor of ``model`` of kind logits, probabilities or map (logits are then the map's
    mean). ``map`` names the map of positions, if there is one; they count as corroded from ``map_threshold``
    on. With two labels the first is chosen when its probability is at least ``decision_threshold``; with
    more, the most probable one. The stage abstains when the chosen label's probability is below
    ``abstain_below``; ``otherwise`` then names the next stage, if any.

    ``label_thresholds`` says that the labels are independent: each has a probability of its own, the sigmoid
    of its logit, and holds from its threshold on (0.5 where none is given). It is absent where one of the
    labels is chosen by a softmax, so that older nodes take such stages and refuse the others.
    """

    name: Identifier
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    model: FileName
    output: str
    map: str | None = None
    map_threshold: Between0And1 = 0.5
    temperature: Positive = 1.0
    decision_threshold: Probability = 0.5
    abstain_below: Probability = 0.0
    meanings: dict[str, Meaning] = {}
    routes: dict[str, Identifier] = {}
    otherwise: Identifier | None = None
    label_thresholds: dict[str, Probability] | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_independent(self) -> bool:
        """Whether several labels can hold at once, or none."""
        return self.label_thresholds is not msgspec.UNSET

    def threshold(self, label: str) -> float:
        """Return the probability from which on an independent label holds."""
        return self.label_thresholds.get(label, 0.5) if self.label_thresholds else 0.5


class Cascade(_ManifestPart, frozen=True, kw_only=True):
    """The stages, and the name of the first."""

    root: Identifier
    stages: Annotated[tuple[Stage, ...], msgspec.Meta(min_length=1)]

    def stage(self, name: str) -> Stage:
        """Return the stage called ``name``."""
        return next(stage for stage in self.stages if stage.name == name)


class SourceGraph(_ManifestPart, frozen=True, kw_only=True):
    """A TensorFlow graph that the bundle was made from."""

    stage: str
    file: str
    sha256: Sha256


class CalibrationSet(_ManifestPart, frozen=True, kw_only=True):
    """The pictures on which int8 ranges were calibrated; the hash is over their sorted content hashes."""

    pictures: int
    sha256: Sha256
    seed: int


class Provenance(_ManifestPart, frozen=True, kw_only=True):
    """The graphs, tools and calibration pictures that the bundle was made from."""

    graphs: tuple[SourceGraph, ...]
    tools: dict[str, str]
    calibration: CalibrationSet | None = None
    notes: tuple[str, ...] = ()


class StageMeasure(_ManifestPart, frozen=True, kw_only=True):
    """The quantized model against the float one for one stage, on the pictures of ``Measured``."""

    stage: str
    agreement: Probability
    worst_probability_difference: Probability
    float_bytes: int
    quantized_bytes: int
    float_accuracy: Probability | None = None
    quantized_accuracy: Probability | None = None
    labelled_pictures: int = 0


class Measured(_ManifestPart, frozen=True, kw_only=True):
    """The measurements at conversion, and the set of pictures that they were made on."""

    set: str
    pictures: int
    stages: tuple[StageMeasure, ...]


class Manifest(_ManifestPart, frozen=True, kw_only=True):
    """The content of ``bundle.json``.

    ``colourless`` claims that the bundle was measured on pictures without colour (infrared, monochrome
    cameras); without the claim the node does not judge such pictures. It is absent, not null, without the
    claim, so that older nodes take the bundle.
    """

    format: Literal[1] = 1
    name: Identifier
    version: Version
    created: str
    models: Annotated[tuple[ModelFile, ...], msgspec.Meta(min_length=1)]
    cascade: Cascade
    golden_sha256: Sha256
    provenance: Provenance
    measured: Measured | None = None
    licence: str = "not stated"
    intended_use: str = "not stated"
    colourless: Literal["measured"] | msgspec.UnsetType = msgspec.UNSET

    @property
    def why_not_proved(self) -> str:
        """Why the bundle is not proved at its source graphs, in words; empty if it is, or says nothing of it.

        The converter writes it as a note, which older nodes take too.
        """
        found = (note.removeprefix(_PROOF_NOTE) for note in self.provenance.notes if _is_unproved(note))
        return next(found, "")

    @property
    def backbone(self) -> str:
        """Where the weights that training began with come from, with their licence; empty if nothing says it.

        The converter writes it as a note, which older nodes take too.
        """
        notes = (note for note in self.provenance.notes if note.startswith(BACKBONE_NOTE))
        return "; ".join(note.removeprefix(BACKBONE_NOTE) for note in notes)

    def model(self, file: str) -> ModelFile:
        """Return the entry of the model file called ``file``."""
        return next(model for model in self.models if model.file == file)


def decode_manifest(text: bytes, where: str) -> Manifest:
    """Return the manifest in ``text``.

    Raises:
        BundleError: it does not match the schema, or contradicts itself; names ``where`` and every problem.
    """
    try:
        manifest = msgspec.json.decode(decode_text(text), type=Manifest)
    except (msgspec.DecodeError, TextFileError, RecursionError) as err:
        raise BundleError(
            f"{where}: {describe_invalid(err, kind=Manifest)}; convert again with this version"
        ) from err
    if problems := list(_contradictions(manifest)):
        raise BundleError(f"{where}: {'; '.join(problems)}")
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """Return ``manifest`` as the indented JSON of ``bundle.json``."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def _is_unproved(note: str) -> bool:
    return note.startswith(f"{_PROOF_NOTE}not proved")


def cascade_contradictions(cascade: Cascade) -> Iterator[str]:
    """Yield a sentence for each contradiction in the cascade; its models are not looked at."""
    names = [stage.name for stage in cascade.stages]
    if len(set(names)) != len(names):
        yield "two stages have one name"
    if cascade.root not in names:
        yield f"root stage {cascade.root!r} is none of {', '.join(names)}"
    for stage in cascade.stages:
        where = f"stage {stage.name}"
        if len(set(stage.labels)) != len(stage.labels):
            yield f"{where}: two labels are the same"
        thresholds = stage.label_thresholds or {}
        for label in sorted({*stage.routes, *stage.meanings, *thresholds} - set(stage.labels)):
            yield f"{where}: {label!r} is none of its labels {', '.join(stage.labels)}"
        for target in [*stage.routes.values(), *([stage.otherwise] if stage.otherwise else [])]:
            if target not in names:
                yield f"{where}: route to {target!r}, which is no stage"
    if cycle := _cycle(cascade):
        yield f"the routes run in a circle: {' -> '.join(cycle)}"


def _contradictions(manifest: Manifest) -> Iterator[str]:
    """Yield a sentence for each contradiction in the manifest."""
    if found := find_unprintable(msgspec.to_builtins(manifest.cascade)):
        yield f"a name or label holds the control character {found}"
    if found := find_unprintable(msgspec.to_builtins(manifest), allows_layout=True):
        yield f"a text holds the control character {found}"
    files = {model.file: model for model in manifest.models}
    for model in manifest.models:
        if 0.0 in model.input.std:
            yield f"{model.file}: input std is 0"
        if model.input.dtype != "float32" and model.input.scale <= 0:
            yield f"{model.file}: {model.input.dtype} input without a scale"
    for stage in manifest.cascade.stages:
        yield from _model_contradictions(stage, files.get(stage.model))
    yield from cascade_contradictions(manifest.cascade)


def _model_contradictions(stage: Stage, model: ModelFile | None) -> Iterator[str]:
    where = f"stage {stage.name}"
    if model is None:
        yield f"{where}: model {stage.model!r} is not listed"
        return
    for name in filter(None, (stage.output, stage.map)):
        output = next((out for out in model.outputs if out.name == name), None)
        if output is None:
            yield f"{where}: {stage.model} has no output {name!r}"
        elif output.shape[-1] != len(stage.labels):
            yield (
                f"{where}: {len(stage.labels)} labels,"
                f" but {name!r} of {stage.model} has {output.shape[-1]} values"
            )


def _cycle(cascade: Cascade) -> list[str] | None:
    """Return the stages of a cycle in the routes, if there is one."""
    targets = {s.name: {*s.routes.values(), *filter(None, [s.otherwise])} for s in cascade.stages}

    def walk(name: str, path: list[str]) -> list[str] | None:
        if name in path:
            return [*path[path.index(name) :], name]
        found = (walk(target, [*path, name]) for target in sorted(targets.get(name, ())))
        return next(filter(None, found), None)

    return next(filter(None, (walk(name, []) for name in targets)), None)
