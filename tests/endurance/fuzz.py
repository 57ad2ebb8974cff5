"""Throws bytes at everything that reads from the broker: commands at the gate, packets at the session.

    python -m tests.endurance.fuzz --commands 1000000 --connections 20000

Mutations of what is valid, and noise. Exits 1 at the first answer that is neither yes nor a refusal, at a
call that takes longer than a second, or if memory grows.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import socket
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timezone

from edge_node.commands.admission import AdmittedCommand, CommandAdmission, RefusedCommand
from edge_node.config.delivery_sections import CommandsConfig
from edge_node.messages.command import Verb
from edge_node.messages.topics import Topics
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, Incoming, LinkError, Outgoing
from tests.support.clocks import SetClock

TOPICS = Topics("site", "robot")
NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
SLOWEST_S = 1.0
GROWTH_MB = 30.0  # allocator noise is 5; a leak of 100 bytes a payload would be 100
CONNACK = bytes.fromhex("2003000000")
GOOD = {
    "schema": "corrosion/v1",
    "id": "0123456789",
    "issued_at": "2026-01-01T12:00:00Z",
    "expires_at": "2026-01-01T12:01:00Z",
    "sha256": "0" * 64,
    "size": "full",
    "duration_s": 5,
    "subject": "robot:epoch:f7",
    "judgement": "disputed",
    "by": "Anna",
    "outcome": "uncorroded",
    "note": "mill scale",
}
ODD = [
    *(b"NaN", b"1e999", b"-0", b"[" * 200, b'{"a":' * 100, b"9" * 400, b"\\ud800", b"\x00", b"\xff\xfe"),
    *(b'"id":"x","id":"y"', b"null", b"true", b"1.5", b"../../etc/passwd", b"http://x", b"\\u0000", b"{}"),
    *(b'"__class__":1', b"2026-13-45T99:99:99Z", b"9999-12-31T23:59:59Z", b"0001-01-01T00:00:00+23:59"),
]
PACKETS = [
    bytes.fromhex(packet)
    for packet in (
        "4003000100",  # PUBACK
        "40020001",
        "400400019500",  # PUBACK, packet too large
        "9004000100 01".replace(" ", ""),  # SUBACK
        "d000",  # PINGRESP
        "e000",  # DISCONNECT
        "e0029500",
        "20020000",
        "f000",  # AUTH
        "6202 0001".replace(" ", ""),  # PUBREL
        "50020001",
    )
]


def main() -> int:
    """Fuzz, print, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--commands", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    generator = random.Random(args.seed)  # noqa: S311  mutations, not secrets
    fuzz_commands(generator, args.commands // 20)  # so that caches are warm before memory is looked at
    before_mb = memory_mb()
    began_s = time.monotonic()
    codes, slowest_s = fuzz_commands(generator, args.commands)
    print(f"{args.commands} commands in {time.monotonic() - began_s:.0f} s, slowest {1e3 * slowest_s:.1f} ms")
    print(", ".join(f"{code} {count}" for code, count in codes.most_common()))
    began_s = time.monotonic()
    ends, packets, slowest_session_s = fuzz_sessions(generator, args.connections)
    print(
        f"{packets} packets on {args.connections} connections in {time.monotonic() - began_s:.0f} s", end=""
    )
    print(
        f", slowest {1e3 * slowest_session_s:.0f} ms; " + ", ".join(f"{n} {end}" for end, n in ends.items())
    )
    growth_mb = memory_mb() - before_mb
    print(f"memory grew by {growth_mb:.1f} MB")
    return 0 if max(slowest_s, slowest_session_s) < SLOWEST_S and growth_mb < GROWTH_MB else 1


def fuzz_commands(generator: random.Random, count: int) -> tuple[Counter[str], float]:
    """Judge ``count`` payloads; return how each ended, and the slowest."""
    gate = CommandAdmission(
        CommandsConfig(burst=1000, max_per_minute=6000), TOPICS, {}, SetClock(NOW).floor()
    )
    verbs = [verb.value for verb in Verb]
    codes: Counter[str] = Counter()
    slowest_s = 0.0
    for number in range(count):
        if number % 500 == 0:  # a gate of its own, or all but the first are refused unread
            gate = CommandAdmission(CommandsConfig(burst=1000), TOPICS, {}, SetClock(NOW).floor())
        message = Incoming(
            f"{TOPICS.base}/cmd/{generator.choice(verbs)}", command_bytes(generator), is_retained=False
        )
        began_s = time.perf_counter()
        judged = gate.judge(message)
        slowest_s = max(slowest_s, time.perf_counter() - began_s)
        if isinstance(judged, AdmittedCommand):
            codes["taken"] += 1
        elif isinstance(judged, RefusedCommand):
            codes[judged.code] += 1
        else:
            raise SystemExit(f"no answer to {message.payload!r}")
    return codes, slowest_s


def command_bytes(generator: random.Random) -> bytes:
    """A valid command, changed a little or a lot; or noise."""
    if generator.random() < 0.1:
        return generator.randbytes(generator.randrange(5000))
    keys = list(GOOD)[:4] + generator.sample(list(GOOD)[4:], generator.choice([0, 0, 1, 2, 3, 5]))
    changed: dict[str, object] = {key: GOOD[key] for key in keys if generator.random() < 0.97}
    changed["id"] = f"{generator.randrange(10**9):09}"
    keys = list(changed)
    if generator.random() < 0.3:
        changed[generator.choice(keys)] = generator.choice(
            [None, True, -1, 1.5, "x", [], {}, 2**70, "\ud800"]
        )
    return mutated(generator, json.dumps(changed).encode())


def mutated(generator: random.Random, content: bytes) -> bytes:
    """Change bytes, cut, repeat, and put odd things in, up to four times."""
    changed = bytearray(content)
    for _ in range(generator.randrange(4)):
        at = generator.randrange(len(changed) + 1)
        kind = generator.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] = generator.randrange(256)
        elif kind == 1:
            changed[at:at] = generator.choice(ODD)
        elif kind == 2:
            del changed[at : at + generator.randrange(1, 20)]
        elif kind == 3:
            changed[at:at] = changed[at : at + generator.randrange(1, 40)]
        else:
            changed[at : at + 4] = generator.choice(ODD)
    return bytes(changed)


def fuzz_sessions(generator: random.Random, count: int) -> tuple[Counter[str], int, float]:
    """Connect ``count`` times to a broker that says anything; return how sessions ended, and the slowest."""
    ends: Counter[str] = Counter()
    packets = 0
    slowest_s = 0.0
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = Endpoint("127.0.0.1", server.getsockname()[1], "fuzz")
        for _ in range(count):
            said = broker_bytes(generator)
            packets += len(said)
            broker = threading.Thread(target=speak, args=(server, said), daemon=True)
            broker.start()
            began_s = time.perf_counter()
            ends[one_session(endpoint)] += 1
            slowest_s = max(slowest_s, time.perf_counter() - began_s)
            broker.join(5)
    return ends, packets, slowest_s


def broker_bytes(generator: random.Random) -> list[bytes]:
    """What a broker gone mad says: mutated packets, messages of mutated commands, noise."""
    said = [CONNACK if generator.random() < 0.8 else mutated(generator, CONNACK)]
    for _ in range(generator.randrange(8)):
        kind = generator.random()
        if kind < 0.4:
            said.append(mutated(generator, generator.choice(PACKETS)))
        elif kind < 0.8:
            said.append(mutated(generator, publish_packet(command_bytes(generator)[:100])))
        else:
            said.append(generator.randbytes(generator.randrange(60)))
    return said


def publish_packet(payload: bytes) -> bytes:
    """A QoS 0 PUBLISH of MQTT 5 on a command topic."""
    topic = f"{TOPICS.base}/cmd/ping".encode()
    body = len(topic).to_bytes(2, "big") + topic + b"\x00" + payload
    length = len(body)
    size = bytes([length]) if length < 128 else bytes([length % 128 | 0x80, length // 128])
    return b"\x30" + size + body


def speak(server: socket.socket, said: list[bytes]) -> None:
    """Accept once, wait for CONNECT, say everything, close."""
    connection, _ = server.accept()
    with connection:
        connection.settimeout(2)
        try:
            connection.recv(4096)
            connection.sendall(b"".join(said))
        except OSError:
            return


def one_session(endpoint: Endpoint) -> str:
    """Hold one session to its end and say how it ended."""
    session = Session(endpoint)
    try:
        session.open()
        session.subscribe([TOPICS.commands])
        session.publish(Outgoing("x", b"y"))
        while True:
            session.poll(0.2)
    except LinkError:
        return "link errors"
    except Exception as err:  # noqa: BLE001  what the publisher catches too, and counts as an alarm
        return f"{type(err).__name__} caught by the publisher"
    finally:
        session.abandon()


def memory_mb() -> float:
    """Resident memory of this process now."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  a line of the kernel
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


if __name__ == "__main__":
    sys.exit(main())
