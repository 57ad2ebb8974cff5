"""Verdicts to test with."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from edge_node.messages.verdict import BundleReference, Outcome, Verdict

START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def verdict(seq, what, **fields):
    """Return verdict number ``seq``: C corroded, U uncorroded, ? uncertain, X not inspectable."""
    outcome = {
        "C": Outcome.CORRODED,
        "U": Outcome.UNCORRODED,
        "?": Outcome.UNCERTAIN,
        "X": Outcome.NOT_INSPECTABLE,
    }[what]
    given_fields = {
        "material": "steel",
        "condition_confidence": 0.95,
        "observed_at": START + timedelta(seconds=seq),
        "id": f"crawler-1:epoch:{seq}",
        "robot": "crawler-1",
        **fields,
    }
    return Verdict(
        outcome=outcome,
        seq=seq,
        site="quay",
        monotonic_ns=seq,
        boot_id="boot",
        time_quality="synchronized",
        bundle=BundleReference(name="b", version="1", sha256="0"),
        config_sha256="0",
        source="test",
        frame_id=seq,
        frame_age_ms=1.0,
        frames_dropped=0,
        inference_ms=1.0,
        **given_fields,
    )
