"""The page's server against real HTTP: what it gives, and what a slow browser does to it."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.web.routes.application import PAGE
from edge_node.messages.verdict import Pose, encode
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.processes import Mosquitto, wait_for
from tests.support.room_app import RoomApp
from tests.support.room_records import disagreement, finding
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_node.control_room.database_address import DatabasePlace


JPEG = b"\xff\xd8\xff\xe0 picture \xff\xd9"


@pytest.mark.parametrize(
    "file", sorted(path for path in PAGE.rglob("*") if path.is_file()), ids=lambda file: file.name
)
def test_no_file_of_the_page_names_a_path_from_the_root(file: Path) -> None:
    """Below a path of a reverse proxy each address must be found from where the page lies."""
    assert re.findall(r"""["'`(]/[A-Za-z][^\n]{0,40}""", file.read_text(encoding="utf-8")) == []


@pytest.fixture(scope="module")
def room(tmp_path_factory, broker: Mosquitto) -> Iterator[ControlRoom]:
    """A control room on the loopback with some history."""
    folder = tmp_path_factory.mktemp("open")
    started = ControlRoom(folder, broker.port, room={"title": "Pier <3>"})
    history = History(started.folder)
    for seq in (1, 2, 3, 5):
        why = {"evidence_sha256": f"{seq}" * 64, "evidence_reasons": ("low_margin",) if seq == 2 else ()}
        history.add_verdict(verdict(seq, "CUXC"[seq % 4], pose=Pose(distance_m=seq / 10), **why))
    history.add_disagreement(disagreement(5))
    history.add_verdict(verdict(3, "U", material="brass"))
    history.add_picture(StoredPicture("quay", "crawler-1", "a" * 64, is_thumbnail=True, content=JPEG))
    history.close()
    with started:
        yield started


def test_the_api_gives_what_the_history_has(room: ControlRoom) -> None:
    """State, verdicts by filters and by pages, strips, gaps, pictures; and a list of itself."""
    state = room.state()
    assert (state["title"], state["robots"][0]["missing"]) == ("Pier <3>", 1)
    assert [gap["first_seq"] for gap in room.ask("/api/gaps")["gaps"]] == [4]
    (conflict,) = room.ask("/api/conflicts")["conflicts"]
    assert (state["robots"][0]["conflicts"], conflict["seq"], conflict["count"]) == (1, 3, 1)
    assert conflict["payload"]["material"] == "brass"
    found = room.ask("/api/verdicts?outcome=uncorroded&material=steel&robot=")
    assert (found["total"], [one["seq"] for one in found["verdicts"]]) == (2, [5, 1])
    page = room.ask("/api/verdicts?limit=3")
    assert [one["seq"] for one in page["verdicts"]] == [5, 3, 2]
    rest = room.ask(f"/api/verdicts?limit=3&after={page['verdicts'][-1]['id']}")
    assert [one["seq"] for one in rest["verdicts"]] == [1]
    assert room.ask("/api/verdicts/crawler-1:epoch:5")["verdict"]["seq"] == 5
    assert sum(cell["judged"] + cell["not_judged"] for cell in room.ask("/api/strip")["cells"]) == 4
    assert room.ask("/api/words")["material"] == ["steel"]
    status, headers, body = room.request(f"/api/pictures/quay/crawler-1/{'a' * 64}")
    assert (status, headers["content-type"], headers["x-picture-size"], body) == (
        200, "image/jpeg", "thumbnail", JPEG,
    )  # fmt: skip
    assert headers["cache-control"] == "private, no-cache"  # the full one may come under this address
    _, asked, _ = room.request(f"/api/pictures/quay/crawler-1/{'a' * 64}?size=thumbnail")
    assert asked["cache-control"] == "private, max-age=86400"
    for path in room.ask("/api"):
        assert path.startswith("/api")


def test_the_api_gives_what_to_review_next(room: ControlRoom) -> None:
    """What teaches most first, with why it was kept and what the shadow says; by reason and by pages."""
    found = room.ask("/api/queue?missing=true")
    assert [one["seq"] for one in found["pictures"]] == [5, 2, 3, 1]
    assert found["counts"] == {"shadow": 1, "low_margin": 1, "none": 2}
    first = found["pictures"][0]
    assert (first["evidence_reasons"], first["evidence_sha256"]) == (["shadow"], "5" * 64)
    assert (first["shadow"]["differs"], first["shadow"]["new"]["outcome"]) == (["outcome"], "uncorroded")
    assert [one["seq"] for one in room.ask("/api/queue?missing=true&reason=none&limit=1")["pictures"]] == [3]
    rest = room.ask(f"/api/queue?missing=true&after={found['pictures'][2]['id']}")
    assert [one["seq"] for one in rest["pictures"]] == [1]
    assert room.ask("/api/verdicts/crawler-1:epoch:5")["queued"]["evidence_reasons"] == ["shadow"]
    assert room.ask("/api/queue")["pictures"] == []  # none has come
    assert room.request("/api/queue?after=nothing")[0] == 400


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/verdicts?limit=0", 400),
        ("/api/verdicts?limit=x", 400),
        ("/api/verdicts?since=yesterday", 400),
        ("/api/verdicts?outcome=%27%20OR%201=1", 400),
        ("/api/verdicts?robots=x", 400),
        ("/api/verdicts?after=nobody", 400),
        ("/api/verdicts?from_m=1e999", 400),
        ("/api/verdicts?material=%27;DROP%20TABLE%20verdict", 200),
        ("/api/verdicts/%00", 404),
        ("/api/findings/quay/none", 404),
        (f"/api/pictures/quay/crawler-1/{'b' * 64}", 404),
        ("/api/pictures/quay/crawler-1/..%2f..%2fhistory.db", 404),
        ("/page/..%2fapi.py", 404),
        ("/page/%2e%2e/api.py", 404),
        ("/nothing", 404),
    ],
)
def test_questions_that_cannot_be_answered_get_a_sentence(room: ControlRoom, path: str, status: int) -> None:
    """And the server goes on."""
    answered, _, body = room.request(path)
    assert answered == status, body
    assert b"Traceback" not in body
    assert room.request("/healthz")[0] == 200


def test_the_browser_is_bound_by_headers(room: ControlRoom) -> None:
    """Nothing inline, nothing from elsewhere, no frames, no guessing of types."""
    for path in ("/", "/api/state", "/page/app.js", "/nothing"):
        _, headers, body = room.request(path)
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        if path == "/":
            assert b"http://" not in body
            assert b"https://" not in body


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8430", "localhost.evil.example", "", "[x", "[", "]", "a@localhost"),
        *("localhost/healthz?", "127.0.0.1/livez?", "localhost#", "localhost:99999999", "localhost:x"),
    ],
)
def test_a_foreign_host_name_is_refused(room: ControlRoom, host: str) -> None:
    """A page elsewhere whose name resolves to this machine reads nothing (DNS rebinding)."""
    assert room.request("/api/state", Host=host)[0] in (400, 421)
    assert room.request("/api/state", Host=f"localhost:{room.port}")[0] == 200


def test_a_slow_browser_holds_up_nobody(tmp_path: Path, broker: Mosquitto) -> None:
    """One that opens the stream and reads nothing costs the ingest nothing, and memory only to a bound."""
    with ControlRoom(tmp_path, broker.port) as room:
        asleep = []
        for _ in range(5):
            lazy = socket.create_connection(("127.0.0.1", room.port))
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            asleep.append(lazy)
        with Collector(broker.port, "nothing", client_id="robot") as robot:
            for seq in range(1, 1501):
                robot._client.publish("corrosion/v1/quay/crawler-1/verdict", encode(verdict(seq, "U")), 1)
            wait_for(lambda: room.ask("/api/verdicts?limit=1")["total"] == 1500, 30, "all verdicts stored")
        for lazy in asleep:
            lazy.close()


def test_events_tell_what_is_new(room: ControlRoom, broker: Mosquitto) -> None:
    """A verdict published is told within the stream, with the robot's counts soon after."""
    with socket.create_connection(("127.0.0.1", room.port)) as stream:
        stream.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream.settimeout(10)
        told = b""
        while b"event: hello" not in told:
            told += stream.recv(65536)
        with Collector(broker.port, "nothing", client_id="robot-2") as robot:
            robot.publish("corrosion/v1/quay/crawler-1/verdict", encode(verdict(7777, "C")))
        deadline_s = time.monotonic() + 10
        while not (b"crawler-1:epoch:7777" in told and b'"robots"' in told) and time.monotonic() < deadline_s:
            told += stream.recv(65536)
    news = [json.loads(line[6:]) for line in told.split(b"\n") if line.startswith(b'data: {"verdicts')]
    assert [one["seq"] for event in news for one in event["verdicts"]] == [7777]
    assert [one["robot"] for event in news for one in event.get("robots", [])][-1] == "crawler-1"


def test_the_page_never_reads_text_as_markup() -> None:
    """Whatever robots send is put into text nodes: no script of ours knows another way."""
    from edge_node.control_room.web.routes.application import PAGE

    scripts = list(PAGE.rglob("*.js"))
    assert len(scripts) > 15
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
            assert way not in text, (script.name, way)


_QUESTIONS = (
    *(
        "/api/state",
        "/api/robots",
        "/api/verdicts",
        "/api/findings",
        "/api/gaps",
        "/api/conflicts",
        "/api/record",
    ),
    *("/api/queue", "/api/words", "/api/audit", "/api/quarantine"),
    "/api/verdicts?outcome=corroded&since=2026-03-01T00:00:00Z&limit=3&robot=crawler-1&site=quay",
    "/api/verdicts/crawler-1:epoch:4",
    "/api/findings/quay/crawler-1:epoch:f1",
    "/api/strip?site=quay&robot=crawler-1",
    "/api/strip?site=quay&robot=crawler-1&by_time=true",
    "/api/strip?site=quay&robot=crawler-1&by_asset=true",
)


def test_the_page_is_told_the_same_of_each_database(tmp_path: Path, postgres_place: DatabasePlace) -> None:
    """Of one day's messages: verdicts, a finding, a gap, a conflict, pictures that wait for a review."""
    told = []
    for place in (None, postgres_place):
        (folder := tmp_path / f"room {len(told)}").mkdir()
        with RoomApp(folder, place=place) as room:
            fill(room.history)
            told.append([ask(room, path) for path in _QUESTIONS])
    for path, *answers in zip(_QUESTIONS, *told, strict=True):
        assert answers[0] == answers[1], path


def ask(room: RoomApp, path: str) -> Any:
    """Return what the page is told, without what is of the moment, and what a file takes."""
    answer = room.request(path)
    assert answer.status == 200, (path, answer.body)
    said = answer.json()
    said.get("usage", {}).pop("database_bytes", None)
    return {key: value for key, value in said.items() if key not in ("now", "link")}


def fill(history: History) -> None:
    """Store what robots sent on a day."""
    at = datetime(2026, 3, 1, 13, tzinfo=timezone.utc)
    sha256 = hashlib.sha256(b"jpeg").hexdigest()
    with history.transaction():
        for seq in (1, 2, 4, 5, 6):
            pose = Pose(distance_m=seq / 2)
            found = verdict(seq, "CUX?C"[seq % 5], asset="Pier é", pose=pose, evidence_sha256=sha256)
            history.add_verdict(found, received_at=at + timedelta(seconds=seq), replayed=seq == 2)
        history.add_verdict(verdict(1, "X"), received_at=at)
        history.add_finding(finding(id="crawler-1:epoch:f1"), received_at=at)
        history.add_picture(
            StoredPicture("quay", "crawler-1", sha256, is_thumbnail=True, content=b"jpeg"), received_at=at
        )
        history.note_waiting("dock", "crawler-9", 3, at)
