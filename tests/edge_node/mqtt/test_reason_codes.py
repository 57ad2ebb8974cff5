"""What a broker's reason codes mean for a row."""

from __future__ import annotations

from edge_node.mqtt.reason_codes import Fate, fate


def test_reason_codes_mean_what_the_findings_say() -> None:
    """Below 0x80 is delivered, but for nobody subscribes where somebody must; policy keeps, faults go."""
    assert fate(0x00, require_subscriber=True) is Fate.DELIVERED
    assert fate(0x10, require_subscriber=False) is Fate.DELIVERED
    assert fate(0x10, require_subscriber=True) is Fate.KEPT
    assert {code: fate(code, require_subscriber=False) for code in (0x80, 0x83, 0x87, 0x97)} == dict.fromkeys(
        (0x80, 0x83, 0x87, 0x97), Fate.KEPT
    )
    for code in (0x90, 0x95, 0x99):
        assert fate(code, require_subscriber=False) is Fate.REFUSED
