"""Define the figures that a conversion's report shows: the content of ``report.json``."""

from __future__ import annotations

import msgspec

from converter.conversion.reported_pictures import ReportedPicture
from converter.evaluation.ship_verdict import ShipVerdict


class ScoreFigures(msgspec.Struct, frozen=True, kw_only=True):
    """An accuracy with its 95 % interval."""

    right: int
    pictures: int
    accuracy: float
    low: float
    high: float


class StageReport(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one stage. Curves are lists of points ``(x, y)``, each 0 to 1.

    ``source_agreement`` and ``worst_source_difference`` are of the bundle against the original graph;
    ``widest`` is the picture whose probabilities differ most, ``differing`` those with different labels.
    """

    name: str
    labels: tuple[str, ...]
    routes: dict[str, str]
    otherwise: str | None
    model: str
    has_map: bool
    no_map: str
    agreement: float | None = None
    worst_probability_difference: float | None = None
    saturated: float | None = None
    float_accuracy: ScoreFigures | None = None
    quantized_accuracy: ScoreFigures | None = None
    confusion: tuple[tuple[int, ...], ...] = ()
    temperature: float = 1.0
    abstain_below: float = 0.0
    held_out_risk: float | None = None
    held_out_coverage: float | None = None
    calibration_error_before: float | None = None
    calibration_error: float | None = None
    reliability: tuple[tuple[float, float, float], ...] = ()
    risk_coverage: tuple[tuple[float, float], ...] = ()
    source_agreement: float | None = None
    worst_source_difference: float | None = None
    widest: ReportedPicture | None = None
    differing: tuple[ReportedPicture, ...] = ()
    mistakes: tuple[ReportedPicture, ...] = ()


class SourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """One graph that was converted.

    ``facts`` are pairs of a fact about its input or output and where it comes from, ``not_known`` those that
    nothing tells, ``licences`` those of its training pictures, where a record says them.
    """

    stage: str
    file: str
    kind: str
    architecture: str
    size_bytes: int
    sha256: str
    facts: tuple[tuple[str, str], ...] = ()
    not_known: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """One ``.tflite`` file of the bundle."""

    file: str
    stages: tuple[str, ...]
    size_bytes: int
    float_bytes: int
    sha256: str
    weights: dict[str, int]
    operators: dict[str, int]


class ModeReport(msgspec.Struct, frozen=True, kw_only=True):
    """Size and speed of a mode on this machine at one thread; time and memory of converting to it."""

    mode: str
    size_bytes: int
    milliseconds: float
    conversion_seconds: float
    conversion_peak_memory_mb: float


class ReadingReport(msgspec.Struct, frozen=True, kw_only=True):
    """How often one graph is right, in TensorFlow, under one reading of its pixels."""

    stage: str
    reading: str
    right: int
    pictures: int
    gained: int
    lost: int


class ProofReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the original graphs, asked in TensorFlow, say the same.

    ``sentence`` has the figures, ``decoders`` how TensorFlow and the node decode the same files, and
    ``readings`` are the scalings and orders of colours that were tried on labelled pictures: the chosen one
    first, ``gained`` and ``lost`` against it.
    """

    proved: bool
    sentence: str
    decoders: str = ""
    readings: tuple[ReadingReport, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one conversion: the content of ``report.json``.

    ``doubts`` are sentences on labels whose meaning is open; ``calibration_misses`` are labels that no
    calibration picture shows; ``max_drop_points`` and ``min_agreement`` are the budget that was held.
    """

    name: str
    version: str
    created: str
    mode: str
    target: str
    machine: str
    tools: dict[str, str]
    sources: tuple[SourceReport, ...]
    models: tuple[ModelReport, ...]
    root: str
    stages: tuple[StageReport, ...]
    calibration_pictures: int
    calibration_sha256: str
    calibration_seed: int
    judged_on: str
    judged_pictures: int
    cascade_float: ScoreFigures | None
    cascade_quantized: ScoreFigures | None
    cascade_decided: ScoreFigures | None
    float_ms: float
    quantized_ms: float
    modes: tuple[ModeReport, ...]
    seconds: float
    peak_memory_mb: float
    largest_child_peak_memory_mb: float
    float_layers: tuple[str, ...]
    warnings: tuple[str, ...]
    licence: str
    intended_use: str
    draft: bool = False
    proof: ProofReport | None = None
    doubts: tuple[str, ...] = ()
    max_drop_points: float | None = None
    min_agreement: float | None = None
    calibration_misses: tuple[str, ...] = ()
    is_judged_on_photographs: bool = True
    is_judged_on_calibration: bool = False
    is_judged_on_specimens: bool = False
    verdict: ShipVerdict = ShipVerdict(ship=False)


def encode_report(report: Report) -> bytes:
    """Return the content of ``report.json``."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
