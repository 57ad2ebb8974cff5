"""The files of a room of several processes, run by real brokers with real certificates."""

from __future__ import annotations

import argparse
import re
import shutil
import ssl
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from edge_node.cli.control_room.scale import ingest, web
from edge_node.control_room.deployment.deployment_files import FOLDER, write_deployment_files
from edge_node.control_room.history.drawings.png_file import MAX_FILE_BYTES
from edge_node.errors import ConfigError
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, Incoming, Outgoing, PersistentSession
from tests.support.processes import Mosquitto, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from tests.support.certificates import Authority

VERDICT = "corrosion/v1/quay/crawler-1/verdict"
STATUS = "corrosion/v1/quay/crawler-1/status"


class Client:
    """A session that keeps and acknowledges what it gets; it is polled by hand."""

    def __init__(self, authority: Authority, port: int, name: str, client_id: str) -> None:
        context = ssl.create_default_context(cafile=str(authority.file))
        context.load_cert_chain(*authority.certificate(name, file=client_id))
        self.received: list[Incoming] = []
        self.codes: list[int] = []
        self.session = Session(
            Endpoint("127.0.0.1", port, client_id, tls=context),
            persistent=PersistentSession(expiry_s=3600),
            on_message=self._take,
            on_acknowledged=lambda _number, code: self.codes.append(code),
        )
        self.session.open()

    def publish(self, message: Outgoing) -> int:
        """Publish, and return the broker's reason code."""
        before = len(self.codes)
        self.session.publish(message)
        wait_for(lambda: self.poll(0.02) or len(self.codes) > before, what="an answer")
        return self.codes[-1]

    def poll(self, seconds: float) -> None:
        """Deal with what comes for a while."""
        deadline_s = time.monotonic() + seconds
        while (left_s := deadline_s - time.monotonic()) > 0:
            self.session.poll(left_s)

    def _take(self, message: Incoming) -> None:
        self.received.append(message)
        self.session.acknowledge(message)


class Brokers:
    """The site's broker, its bridge and the room's broker, as the written files have them."""

    def __init__(self, folder: Path) -> None:
        certificates = pytest.importorskip("tests.support.certificates")
        self.folder = folder
        self.authority: Authority = certificates.Authority(folder)
        for name in ("broker", "bridge-quay"):
            self.authority.certificate(name, host="127.0.0.1", file=name.partition("-")[0])
        write_deployment_files(folder / "files", "quay", "127.0.0.1")
        self.central = self._make("central", folder / "central")
        self.central.start()
        self.site = self._make("site", folder / "site", bridge=True)
        self.site.start()

    def client(self, broker: Mosquitto, name: str, client_id: str) -> Client:
        """Connect with a certificate of this name."""
        return Client(self.authority, broker.port, name, client_id)

    def close(self) -> None:
        """Kill both."""
        self.site.kill()
        self.central.kill()

    def _make(self, name: str, state: Path, *, bridge: bool = False) -> Mosquitto:
        state.mkdir()
        broker = Mosquitto(state)
        files = self.folder / "files"
        text = (files / f"{name}.conf").read_text() + ((files / "bridge.conf").read_text() if bridge else "")
        text = text.replace("corrosion/corrosion.acl", f"corrosion/files/{name}.acl")
        text = text.replace("/etc/mosquitto/corrosion/", f"{self.folder}/")
        text = text.replace("/var/lib/mosquitto/", f"{state}/")
        text = text.replace("listener 8883", f"listener {broker.port} 127.0.0.1")
        if bridge:
            text = text.replace("127.0.0.1:8883", f"127.0.0.1:{self.central.port}")
            text = text.replace("restart_timeout 2 30", "restart_timeout 1")
        broker.configure(text)
        return broker


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Brokers]:
    """Both brokers, which run."""
    made = Brokers(tmp_path)
    yield made
    made.close()


def test_a_verdict_crosses_the_bridge_to_one_member_and_a_command_and_a_receipt_come_back(
    brokers: Brokers,
) -> None:
    """What waits on either side while the other is away arrives, with its properties, at one of the group."""
    leaves = [f"$share/hall/corrosion/v1/+/+/{leaf}" for leaf in ("verdict", "health")]
    members = [brokers.client(brokers.central, "room", f"corrosion-hall-{number}") for number in (1, 2)]
    for member in members:
        member.session.subscribe(leaves)
        member.poll(0.1)
    robot = brokers.client(brokers.site, "quay/crawler-1", "crawler-1")
    robot.session.subscribe(("corrosion/v1/quay/crawler-1/cmd/+", "corrosion/v1/quay/crawler-1/receipt/+"))
    robot.poll(0.1)
    robot.publish(Outgoing(STATUS, b"status", retain=True))
    for number in range(20):
        robot.publish(Outgoing(VERDICT, str(number).encode(), user=(("replayed", "true"),)))
    forged = robot.publish(Outgoing("corrosion/v1/quay/crawler-2/verdict", b"forged"))

    def arrived() -> list[Incoming]:
        for member in members:
            member.poll(0.02)
        return [message for member in members for message in member.received]

    wait_for(lambda: len(arrived()) >= 20, what="verdicts through the bridge")
    found = arrived()
    assert sorted(int(message.payload) for message in found) == list(range(20))
    assert all(("replayed", "true") in message.user for message in found)
    assert all(member.received for member in members)
    assert forged >= 0x80
    # Retained messages never reach a group: an ordinary subscriber reads them.
    reader = brokers.client(brokers.central, "room", "corrosion-hall-upkeep")
    reader.session.subscribe(("corrosion/v1/+/+/status",))
    wait_for(lambda: reader.poll(0.02) or reader.received, what="the retained status")
    assert (reader.received[0].topic, reader.received[0].is_retained) == (STATUS, True)
    assert STATUS not in {message.topic for message in arrived()}
    command = Outgoing(
        "corrosion/v1/quay/crawler-1/cmd/ping",
        b"{}",
        user=(("signature", "abc"),),
        correlation=b"one",
        response_topic="corrosion/v1/quay/crawler-1/rsp",
    )
    assert members[0].publish(command) < 0x80
    members[0].publish(Outgoing("corrosion/v1/quay/crawler-1/receipt/room", b"{}", retain=True))
    assert members[0].publish(Outgoing(VERDICT, b"forged")) >= 0x80
    wait_for(lambda: robot.poll(0.02) or len(robot.received) >= 2, what="what the room says")
    heard = {message.topic.rpartition("/")[2]: message for message in robot.received}
    assert (heard["ping"].correlation, dict(heard["ping"].user)) == (b"one", {"signature": "abc"})
    assert set(heard) == {"ping", "room"}
    # The room's broker is away: the site's keeps what robots say.
    brokers.central.terminate()
    robot.publish(Outgoing(VERDICT, b"20"))
    brokers.central.start()
    again = brokers.client(brokers.central, "room", "corrosion-hall-1")
    other = brokers.client(brokers.central, "room", "corrosion-hall-2")
    for member in (again, other):  # mosquitto forgets shared subscriptions when it is restarted
        member.session.subscribe(leaves)
    wait_for(
        lambda: (
            again.poll(0.05)
            or other.poll(0.05)
            or b"20" in {m.payload for m in again.received + other.received}
        ),
        timeout_s=30,
        what="the verdict that waited at the site",
    )


def test_files_name_the_site_and_none_is_replaced(tmp_path: Path) -> None:
    """No placeholder is left, and a second run in the same folder is refused with the file's name."""
    paths = write_deployment_files(tmp_path, "quay", "broker.example")
    assert {"site.conf", "bridge.conf", "central.acl", "corrosion-room-ingest@.service"} <= {
        p.name for p in paths
    }
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert "@SITE@" not in text
        assert "@CENTRAL@" not in text
    with pytest.raises(ConfigError, match="is there already"):
        write_deployment_files(tmp_path, "quay", "broker.example")


@pytest.mark.parametrize(("site", "central"), [("a/b", "broker.example"), ("quay", "user@host"), ("+", "h")])
def test_names_that_would_say_something_else_in_a_rule_are_refused(
    tmp_path: Path, site: str, central: str
) -> None:
    """A site with a wildcard would let a bridge speak for all sites."""
    with pytest.raises(ConfigError):
        write_deployment_files(tmp_path, site, central)
    assert not list(tmp_path.iterdir())


def test_nginx_takes_its_file_and_lets_a_drawing_of_the_largest_size_through(tmp_path: Path) -> None:
    """What the room takes must not be refused by the proxy before it, nor the page's port be hidden."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        pytest.skip("nginx is not installed (Debian package nginx-light)")
    authority = pytest.importorskip("tests.support.certificates").Authority(tmp_path)
    certificate, key = authority.certificate("room.example")
    text = (FOLDER / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("/etc/nginx/corrosion/room.crt", str(certificate))
    text = text.replace("/etc/nginx/corrosion/room.key", str(key))
    text = text.replace("listen 443", f"listen 127.0.0.1:{free_port()}")
    paths = " ".join(
        f"{name}_temp_path {tmp_path}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = tmp_path / "nginx.conf"
    whole.write_text(
        f"pid {tmp_path}/pid; error_log {tmp_path}/log; events {{}} http {{ access_log off; {paths} {text} }}"
    )
    tried = subprocess.run(
        [program, "-t", "-p", tmp_path, "-c", whole], capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, tried.stderr
    size = re.search(r"client_max_body_size (\d+)m;", text)
    assert size is not None
    assert int(size[1]) * 1024 * 1024 > MAX_FILE_BYTES
    assert "proxy_set_header Host $http_host;" in text


@pytest.mark.parametrize(("command", "option"), [(ingest, "member"), (web, "port")])
def test_what_a_unit_starts_is_a_command_with_these_options(command: ModuleType, option: str) -> None:
    """The part of the unit's name behind the @ is the member's number, or the page's port."""
    name = command.__name__.rpartition(".")[2]
    text = (FOLDER / f"corrosion-room-{name}@.service").read_text(encoding="utf-8").replace("\\\n", " ")
    line = next(one for one in text.splitlines() if one.startswith("ExecStart="))
    _, *words = line.replace("%i", "8").split()
    assert words[:2] == ["control-room", name]
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    found = parser.parse_args(words[2:])
    assert (getattr(found, option), str(found.config)) == (8, "/etc/corrosion-room.toml")
