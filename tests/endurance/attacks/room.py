"""Attacks on the control room's page: crowds of connections, floods of reports, a disk without room."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.history.database import NAME
from tests.endurance.attacks.rig import Attack, CannotTry, Succeeded
from tests.support.certificates import Authority
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.full_disk import hog, small_disk
from tests.support.ingest_room import robot_verdict
from tests.support.processes import Mosquitto, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CROWD = 300  # more than the page admits
_PATIENCE_S = 3.0  # in which the page must answer among an attack


class RoomRig:
    """A broker and a control room in a folder."""

    def __init__(self, folder: Path, room_folder: Path | None = None, **sections: dict[str, object]) -> None:
        self.folder = folder
        self.broker = Mosquitto(folder)
        self.broker.start()
        self.room = ControlRoom(room_folder or folder, self.broker.port, **sections)
        self.room.start()

    def close(self) -> None:
        """End both."""
        self.room.kill()
        self.broker.kill()

    def must_answer(self, when: str) -> float:
        """Raise Succeeded unless the page answers in time; return how long it took."""
        began_s = time.monotonic()
        try:
            status = self.room.request("/api/state")[0]
        except OSError as err:
            raise Succeeded(f"the page does not answer {when}: {err}") from err
        took_s = time.monotonic() - began_s
        if status != 200 or took_s > _PATIENCE_S:
            raise Succeeded(f"the page answers {status} after {took_s:.1f} s {when}")
        return took_s

    def publish(self, first: int, last: int, robot: str = "crawler-1") -> None:
        """Publish verdicts as a robot does."""
        with Collector(self.broker.port, "nothing", client_id=robot) as client:
            for seq in range(first, last + 1):
                client.publish(f"corrosion/v1/quay/{robot}/verdict", robot_verdict(robot, seq))

    def count_stored(self) -> int:
        """The number of verdicts that are stored."""
        return int(self.room.ask("/api/usage")["usage"]["verdicts"])


@contextlib.contextmanager
def room_rig(
    folder: Path, room_folder: Path | None = None, **sections: dict[str, object]
) -> Iterator[RoomRig]:
    """A rig that is closed at the end."""
    made = RoomRig(folder, room_folder, **sections)
    try:
        yield made
    finally:
        made.close()


def silent_crowd(folder: Path) -> str:
    """Hold 300 connections that say nothing, or half a request, and open them again as they are closed."""
    with room_rig(folder) as rig:
        worst_s, ended = 0.0, 0
        crowd = [_open(rig.room.port, b"GET / HT" * (number % 2)) for number in range(_CROWD)]
        end_s = time.monotonic() + 15
        while time.monotonic() < end_s:
            worst_s = max(worst_s, rig.must_answer("among silent connections"))
            for number, client in enumerate(crowd):
                if _is_closed(client):
                    client.close()
                    ended += 1
                    crowd[number] = _open(rig.room.port)
            time.sleep(0.2)
        for client in crowd:
            client.close()
        if not ended:
            raise Succeeded("no silent connection was ended in 15 s")
        return f"{ended} connections ended; the page took {worst_s:.2f} s at most"


def unfinished_handshakes(folder: Path) -> str:
    """Hold 300 TLS handshakes that never end; people with TLS come in between."""
    authority = Authority(folder)
    certificate, key = authority.certificate("room", host="127.0.0.1")
    web = {"tls_cert_file": str(certificate), "tls_key_file": str(key)}
    broker = Mosquitto(folder)
    broker.start()
    room = ControlRoom(folder, broker.port, web=web)
    context = ssl.create_default_context(cafile=str(authority.file))
    starting = threading.Thread(target=_start_blind, args=(room,))
    starting.start()
    try:
        wait_for(lambda: _asks_with_tls(room.port, context), 60, "the page")
        crowd = [_open(room.port, b"\x16\x03\x01\x02" * (number % 2)) for number in range(_CROWD)]
        worst_s = 0.0
        for _ in range(20):
            began_s = time.monotonic()
            if not _asks_with_tls(room.port, context):
                raise Succeeded("the page does not answer among unfinished handshakes")
            worst_s = max(worst_s, time.monotonic() - began_s)
            time.sleep(0.7)
        held = sum(not _is_closed(client) for client in crowd)
        for client in crowd:
            client.close()
        if held:
            raise Succeeded(f"{held} handshakes are still held after 14 s")
        return f"none held after 14 s; the page took {worst_s:.2f} s at most"
    finally:
        room.kill()
        starting.join()
        broker.kill()


def deaf_readers(folder: Path) -> str:
    """Ask for the page's files and for events on 60 connections, and read nothing of the responses."""
    with room_rig(folder) as rig:
        crowd = []
        for number in range(60):
            path = "/api/events" if number % 2 else "/page/app.js"
            head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
            crowd.append(_open(rig.room.port, head * (1 if number % 2 else 20), receive_bytes=1024))
        worst_s = 0.0
        for _ in range(20):
            rig.publish(1, 3)
            worst_s = max(worst_s, rig.must_answer("among deaf readers"))
            time.sleep(0.3)
        for client in crowd:
            client.close()
        return f"the page took {worst_s:.2f} s at most"


def reports_for_others(folder: Path) -> str:
    """Have a browser ask for 60 reports as another web page makes it, then ask for 60 at once oneself."""
    with room_rig(folder) as rig:
        rig.publish(1, 300)
        wait_for(lambda: rig.count_stored() == 300, 60, "all verdicts")
        path = "/api/report.pdf?site=quay&robot=crawler-1"
        foreign = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
        statuses = {rig.room.request(path, **foreign)[0] for _ in range(60)}
        if statuses != {403}:
            raise Succeeded(f"another site got {statuses}")
        found: list[int] = []
        threads = [threading.Thread(target=_ask, args=(rig, path, found)) for _ in range(60)]
        for thread in threads:
            thread.start()
        worst_s = 0.0
        while any(thread.is_alive() for thread in threads):
            worst_s = max(worst_s, rig.must_answer("among reports"))
            time.sleep(0.1)
        log = rig.room.log.read_text(encoding="utf-8")
        if "fontTools" in log:
            raise Succeeded(f"{log.count('fontTools')} lines about fonts in the log")
        if not found.count(429) or not found.count(200):
            raise Succeeded(f"answers: {found}")
        return (
            f"60 refused to the other site; of 60 own {found.count(200)} made, {found.count(429)} told to"
            f" come again, {found.count(0)} unanswered; the page took {worst_s:.2f} s at most"
        )


def full_disk(folder: Path) -> str:
    """Fill the disk under the history while verdicts come, and make room again."""
    disks = small_disk(folder / "disk", "size=16m")
    try:
        disk = next(disks)
    except pytest.skip.Exception as reason:
        raise CannotTry(str(reason)) from None
    try:
        with room_rig(folder, disk) as rig:
            rig.publish(1, 100)
            wait_for(lambda: rig.count_stored() == 100, 60, "the first verdicts")
            if rig.room.request("/readyz")[0] != 200:
                raise Succeeded("not ready before the attack")
            file = hog(disk)
            rig.publish(101, 400)
            time.sleep(5.0)
            told = {path: rig.room.request(path)[0] for path in ("/livez", "/readyz", "/healthz")}
            reasons = rig.room.request("/readyz")[2].decode()
            if told != {"/livez": 200, "/readyz": 503, "/healthz": 503}:
                raise Succeeded(f"while nothing is stored it says {told}")
            file.unlink()
            wait_for(lambda: rig.count_stored() == 400, 90, "all verdicts")
            wait_for(lambda: rig.room.request("/readyz")[0] == 200, 30, "readiness")
            return f"said while it lasted: {reasons[:110]}...; all 400 stored afterwards"
    finally:
        next(disks, None)


def damaged_history(folder: Path) -> str:
    """Write noise over pages of the history; what cannot be read must be no health."""
    with room_rig(folder) as rig:
        rig.publish(1, 1500)
        wait_for(lambda: rig.count_stored() == 1500, 120, "all verdicts")
        rig.room.stop()
        file = rig.room.folder / NAME
        pages = file.stat().st_size // 4096
        with file.open("r+b") as opened:
            for page in range(3, pages, max(1, pages // 40)):
                opened.seek(page * 4096)
                opened.write(os.urandom(4096))
        try:
            rig.room.start(connected=False)
        except (AssertionError, pytest.fail.Exception):
            return "it refuses to start, and says why"
        paths = ("/api/state", "/api/verdicts", "/api/findings", "/api/gaps", "/api/words")
        statuses = [rig.room.request(path)[0] for path in paths]
        time.sleep(2.5)  # an answer is kept so long
        ready, body = rig.room.request("/readyz")[0], rig.room.request("/readyz")[2].decode()
        if 503 in statuses and ready == 200:
            raise Succeeded(f"queries answer {statuses}, and it says that it is ready")
        return f"queries answer {statuses}, /readyz {ready}: {body[:100]}"


def deceiving_texts(folder: Path) -> str:
    """Start on a folder that others may enter, publish deceiving names, and send malformed requests."""
    (folder / "room").mkdir(mode=0o755)
    with room_rig(folder) as rig:
        rig.publish(1, 1)
        wait_for(lambda: rig.count_stored() == 1, 60, "a verdict")
        modes = {path.name: path.stat().st_mode & 0o077 for path in rig.room.folder.glob(f"{NAME}*")}
        if any(modes.values()):
            raise Succeeded(f"others may read {modes}")
        with Collector(rig.broker.port, "nothing", client_id="evil") as client:
            payload = robot_verdict("crawler-1", 2).replace(b'"asset":', b'"x":').decode()
            deceiving = payload[:-1] + ',"asset":"pipe \\u001b[2J\\u0000 \\u202egnp"}'
            client.publish("corrosion/v1/quay/crawler-1/verdict", deceiving.encode())
            client.publish("corrosion/v1/quay/crawler-1/\u202e", b"{}")
        wait_for(lambda: rig.count_stored() == 2, 60, "the second verdict")
        for path in ("/api/state", "/api/words", "/api/usage"):
            body = rig.room.request(path)[2].decode()
            if any(sign in body for sign in ("\\u001b", "\\u0000", "\u202e", "\\u202e")):
                raise Succeeded(f"{path} shows a deceiving text")
        for host in ("[", "]", "evil.example", "localhost/healthz?", "a@localhost", "x" * 40_000):
            head = f"GET /api/state HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            with _open(rig.room.port, head) as client:
                client.settimeout(5)
                answer = client.recv(100)
            if not answer.startswith((b"HTTP/1.1 421", b"HTTP/1.1 400")):
                raise Succeeded(f"Host: {host[:20]} got {answer[:40]!r}")
        rig.must_answer("afterwards")
        return "files for their owner alone, texts shown safely, hosts refused"


def _ask(rig: RoomRig, path: str, found: list[int]) -> None:
    """Note the status of an answer; 0 for none."""
    try:
        found.append(rig.room.request(path)[0])
    except OSError:
        found.append(0)


def _open(port: int, content: bytes = b"", receive_bytes: int | None = None) -> socket.socket:
    client = socket.socket()
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(5)
    client.connect(("127.0.0.1", port))
    with contextlib.suppress(OSError):
        client.sendall(content)
    return client


def _is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1 << 16) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _asks_with_tls(port: int, context: ssl.SSLContext) -> bool:
    try:
        with context.wrap_socket(_open(port), server_hostname="127.0.0.1") as client:
            client.sendall(b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return client.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _start_blind(room: ControlRoom) -> None:
    """Start a room whose page this rig cannot ask, because it speaks TLS only."""
    with contextlib.suppress(AssertionError, pytest.fail.Exception):
        room.start(connected=False)


ATTACKS = (
    Attack("room: silent connections in a crowd that comes back", silent_crowd),
    Attack("room: TLS handshakes that never end", unfinished_handshakes),
    Attack("room: deaf readers of files and events", deaf_readers),
    Attack("room: another site's reports, and a flood of one's own", reports_for_others),
    Attack("room: a full disk", full_disk),
    Attack("room: noise on pages of the history", damaged_history),
    Attack("room: deceiving names, hosts and file modes", deceiving_texts),
)
