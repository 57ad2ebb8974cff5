"""The tap reads MQTT packets however they are cut."""

from __future__ import annotations

import json

from tests.support.mqtt_tap import Sending, Tap


def test_the_tap_reads_acknowledgements_however_the_bytes_are_cut() -> None:
    """PUBACK with and without a reason, other topics, nobody subscribed, packets in pieces."""

    def publish(number: int, topic: bytes, verdict_id: str) -> bytes:
        payload = json.dumps({"pad": "x" * 200, "id": verdict_id}).encode()
        body = len(topic).to_bytes(2, "big") + topic + number.to_bytes(2, "big") + b"\x00" + payload
        return bytes([0x32, len(body) % 128 | 0x80, len(body) // 128]) + body

    sent = (
        publish(1, b"t", "r:e:b")
        + publish(2, b"other", "r:e:c")
        + publish(3, b"t", "r:e:d")
        + publish(4, b"t", "r:e:e")
    )
    answers = bytes.fromhex("400200014002000240030003104003000400")
    for step in (1, 7, 10_000):
        sendings: list[Sending] = []
        tap = Tap("t", sendings, 7)
        for feed, data in ((tap.sent, sent), (tap.answered, answers)):
            for at in range(0, len(data), step):
                feed(data[at : at + step])
        assert [sending.verdict_id for sending in sendings if sending.taken] == ["r:e:b", "r:e:e"]
        assert [sending.verdict_id for sending in sendings if sending.refused] == ["r:e:d"]
        assert {sending.connection for sending in sendings} == {7}
