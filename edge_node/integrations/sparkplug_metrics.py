"""Convert verdicts, findings and status to Sparkplug metrics. Pure."""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from typing import TYPE_CHECKING

import msgspec

from edge_node.integrations.sparkplug_payload import REBIRTH, DataType, Metric
from edge_node.messages.topics import Kind

if TYPE_CHECKING:
    from edge_node.integrations.sparkplug_payload import Value
    from edge_node.messages.status import Status

LEFT_OUT = "View/Left Out"
_TYPES = {
    REBIRTH: DataType.BOOLEAN,
    "Verdict/Outcome": DataType.STRING,
    "Verdict/Material": DataType.STRING,
    "Verdict/Form": DataType.STRING,
    "Verdict/Severity": DataType.STRING,
    "Verdict/Confidence": DataType.DOUBLE,
    "Verdict/Corroded Area": DataType.DOUBLE,
    "Verdict/Corroded Area mm2": DataType.DOUBLE,
    "Verdict/Id": DataType.STRING,
    "Verdict/Sequence": DataType.INT64,
    "Finding/Id": DataType.STRING,
    "Finding/State": DataType.STRING,
    "Finding/Material": DataType.STRING,
    "Finding/Form": DataType.STRING,
    "Finding/Peak Severity": DataType.STRING,
    "Finding/Peak Corroded Area": DataType.DOUBLE,
    "Finding/Peak Corroded Area mm2": DataType.DOUBLE,
    "Node/Camera": DataType.STRING,
    "Node/Model": DataType.STRING,
    "Node/Clock": DataType.STRING,
    "Node/Bundle": DataType.STRING,
    "Node/Version": DataType.STRING,
    LEFT_OUT: DataType.INT64,
}


class _SeenVerdict(msgspec.Struct, frozen=True):
    """The fields of a verdict that the view shows."""

    id: str
    seq: int
    observed_at: datetime
    outcome: str
    material: str | None = None
    form: str | None = None
    severity: str | None = None
    condition_confidence: float | None = None
    area_fraction: float | None = None
    area_mm2: float | None = None


class _SeenFinding(msgspec.Struct, frozen=True):
    """The fields of a finding that the view shows."""

    id: str
    state: str
    last_observed_at: datetime
    material: str | None = None
    form: str | None = None
    peak_severity: str | None = None
    peak_area_fraction: float | None = None
    peak_area_mm2: float | None = None


def row_metrics(kind: Kind, payload: bytes, *, is_historical: bool) -> list[Metric]:
    """Return the metrics of a delivered row; none for kinds that the view does not show.

    Raises:
        msgspec.DecodeError: it is not a message of ours.
    """
    if kind is Kind.VERDICT:
        verdict = msgspec.json.decode(payload, type=_SeenVerdict)
        values: dict[str, Value] = {
            "Verdict/Outcome": verdict.outcome,
            "Verdict/Material": verdict.material,
            "Verdict/Form": verdict.form,
            "Verdict/Severity": verdict.severity,
            "Verdict/Confidence": verdict.condition_confidence,
            "Verdict/Corroded Area": verdict.area_fraction,
            "Verdict/Corroded Area mm2": verdict.area_mm2,
            "Verdict/Id": verdict.id,
            "Verdict/Sequence": verdict.seq,
        }
        return _metrics(values, milliseconds(verdict.observed_at), is_historical=is_historical)
    if kind is Kind.FINDING:
        finding = msgspec.json.decode(payload, type=_SeenFinding)
        values = {
            "Finding/Id": finding.id,
            "Finding/State": finding.state,
            "Finding/Material": finding.material,
            "Finding/Form": finding.form,
            "Finding/Peak Severity": finding.peak_severity,
            "Finding/Peak Corroded Area": finding.peak_area_fraction,
            "Finding/Peak Corroded Area mm2": finding.peak_area_mm2,
        }
        return _metrics(values, milliseconds(finding.last_observed_at), is_historical=is_historical)
    return []


def status_metrics(status: Status, now_ms: int) -> list[Metric]:
    """Return the metrics of the states of the robot's parts."""
    values: dict[str, Value] = {
        "Node/Camera": status.camera.state.value,
        "Node/Model": status.model.state.value,
        "Node/Clock": status.clock.state.value,
        "Node/Bundle": status.bundle,
        "Node/Version": status.version,
    }
    return _metrics(values, now_ms)


def left_out_metric(count: int, now_ms: int) -> Metric:
    """Return how many rows this view did not show because the link was too slow for them."""
    return Metric(LEFT_OUT, DataType.INT64, count, now_ms)


def birth_metrics(known: dict[str, Metric], bd_seq: int, now_ms: int) -> list[Metric]:
    """Return every metric there will ever be, with its newest value; unknown ones are null.

    Args:
        known: the newest metrics by name.
        bd_seq: of this connection, as in its will.
        now_ms: Unix time.
    """
    nothing = {name: Metric(name, datatype, None, now_ms) for name, datatype in _TYPES.items()}
    rebirth = Metric(REBIRTH, DataType.BOOLEAN, value=False, timestamp_ms=now_ms)
    return [death_metric(bd_seq, now_ms), *({**nothing, REBIRTH: rebirth, **known}).values()]


def death_metric(bd_seq: int, now_ms: int) -> Metric:
    """Return the metric that ties a death to its birth."""
    return Metric("bdSeq", DataType.INT64, bd_seq, now_ms)


def milliseconds(at: datetime) -> int:
    """Return Unix time in milliseconds; a clock before 1970 is as good as none."""
    return max(0, int(at.timestamp() * 1000))


def _metrics(values: dict[str, Value], timestamp_ms: int, *, is_historical: bool = False) -> list[Metric]:
    return [Metric(name, _TYPES[name], value, timestamp_ms, is_historical) for name, value in values.items()]
