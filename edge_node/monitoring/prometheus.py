"""Format the node's metrics in the Prometheus text format. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Gauge, Info, generate_latest

from edge_node.messages.status import PartState

if TYPE_CHECKING:
    from edge_node.monitoring.live_view import PageState

_PREFIX = "corrosion_edge"


def format_metrics(state: PageState) -> bytes:
    """Return the metrics that are known; unknown ones are left out, never 0."""
    registry = CollectorRegistry()
    health, status = state.health, state.status
    if health is not None:
        figures: dict[str, tuple[str, float | None]] = {
            "uptime_seconds": ("Since the daemon started.", health.uptime_s),
            "frames": ("Captured since the start.", health.frames),
            "frames_dropped": ("Captured and not decided: a newer one came.", health.frames_dropped),
            "frames_unchanged": ("Captured and not judged: nothing new in them.", health.frames_unchanged),
            "verdicts": ("Decided since the start.", health.verdicts),
            "frames_per_second": ("Captured, over the last seconds.", health.frames_per_s),
            "verdicts_per_second": ("Decided, over the last seconds.", health.verdicts_per_s),
            "frame_age_ms": ("From capture to the spool, newest frame.", health.frame_age_ms),
            "inference_ms": ("Preprocessing and models, newest frame that was judged.", health.inference_ms),
            "memory_mb": ("Resident memory of the daemon.", health.memory_mb),
            "temperature_celsius": ("Hottest sensor of the board.", health.temperature_c),
            "alarms": ("Alarms that are raised now.", len(health.alarms)),
        }
        if health.spool is not None:
            figures["spool_waiting"] = ("Messages not delivered yet.", health.spool.waiting)
            figures["spool_disk_bytes"] = ("Size of the spool.", health.spool.disk_bytes)
            figures["spool_oldest_seconds"] = ("Age of the oldest message.", health.spool.oldest_age_s)
        if health.shadow is not None:
            figures["shadow_frames"] = ("Judged by the shadow too.", health.shadow.counts.frames)
            figures["shadow_changed"] = (
                "Of which the shadow decided otherwise.",
                health.shadow.counts.changed,
            )
            figures["shadow_inference_ms"] = (
                "Preprocessing and models of the shadow, newest frame.",
                health.shadow.inference_ms,
            )
        for name, (about, value) in figures.items():
            if value is not None:
                Gauge(f"{_PREFIX}_{name}", about, registry=registry).set(value)
    if status is not None:
        part = Gauge(f"{_PREFIX}_part_ok", "1 while the part is well.", ["part"], registry=registry)
        parts = {"camera": status.camera, "model": status.model, "clock": status.clock}
        for name, found in {**parts, "evidence": status.evidence, "scale": status.scale}.items():
            if found is not None:
                part.labels(name).set(found.state is PartState.OK)
        part.labels("link").set(state.link == "connected")
        Info(_PREFIX, "Which node this is.", registry=registry).info(
            {
                "site": status.site,
                "robot": status.robot,
                "version": status.version or "",
                "bundle": status.bundle or "",
            }
        )
    return generate_latest(registry)
