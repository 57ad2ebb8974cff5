"""The tap reads MQTT packets however they are cut."""

from __future__ import annotations

import json

from tests.support.mqtt_tap import Tap


def test_the_tap_reads_acknowledgements_however_the_bytes_are_cut() -> None:
    """PUBACK with and without a reason, other topics, nobody subscribed, packets in pieces."""

    def publish(number: int, topic: bytes, seq: int) -> bytes:
        payload = json.dumps({"pad": "x" * 200, "id": f"robot:epoch:{seq}"}).encode()
        body = len(topic).to_bytes(2, "big") + topic + number.to_bytes(2, "big") + b"\x00" + payload
        return bytes([0x32, len(body) % 128 | 0x80, len(body) // 128]) + body

    sent = publish(1, b"t", 11) + publish(2, b"other", 12) + publish(3, b"t", 13) + publish(4, b"t", 14)
    answers = bytes.fromhex("400200014002000240030003104003000400")
    for step in (1, 7, 10_000):
        acknowledged: set[str] = set()
        tap = Tap("t", acknowledged)
        for feed, data in ((tap.sent, sent), (tap.answered, answers)):
            for at in range(0, len(data), step):
                feed(data[at : at + step])
        assert acknowledged == {"robot:epoch:11", "robot:epoch:14"}
