"""The shipped mosquitto profile and our end of TLS: every way in that must be shut is tried."""

from __future__ import annotations

import logging
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig, SpoolConfig
from edge_node.delivery.publisher import Publisher
from edge_node.errors import ConfigError
from edge_node.integrations.message_schema import channels
from edge_node.messages.status import LinkState
from edge_node.messages.topics import Kind, Topics
from edge_node.mqtt.endpoint import check_security, endpoint
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, LinkError, Outgoing
from edge_node.mqtt.wake import Wake
from edge_node.spool.spool import Spool
from tests.support.processes import Mosquitto, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.mqtt.types import Incoming
    from tests.support.certificates import Authority

PROFILE = Path(__file__).resolve().parents[2] / "systemd" / "mosquitto"
FENCE = "fence"


class Secured:
    """A mosquitto that runs the shipped profile, and clients with certificates of its authority."""

    def __init__(self, folder: Path) -> None:
        certificates = pytest.importorskip("tests.support.certificates")
        self.authority: Authority = certificates.Authority(folder)
        self.other: Authority = certificates.Authority(folder, "other-ca")
        self.authority.certificate("broker", host="127.0.0.1")
        # An observer that may do everything, so that a test can see what was delivered to nobody else.
        rules = (PROFILE / "corrosion.acl").read_text(encoding="utf-8").replace("SITE", "site")
        fence = f"pattern readwrite {FENCE}/#\n"
        (folder / "corrosion.acl").write_text(rules + f"\nuser auditor\ntopic readwrite #\n{fence}", "utf-8")
        profile = (PROFILE / "corrosion.conf").read_text(encoding="utf-8")
        profile = profile.replace("/etc/mosquitto/corrosion/", f"{folder}/")
        profile = profile.replace("/var/lib/mosquitto/", f"{folder}/")
        self.broker = Mosquitto(folder)
        self.broker.configure(profile.replace("listener 8883", f"listener {self.broker.port} 127.0.0.1"))
        self.broker.start()

    def endpoint(self, name: str, files: tuple[Path, Path] | None = None) -> Endpoint:
        """Where to connect as ``name``."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        context.load_cert_chain(*(files or self.authority.certificate(name, file=name.replace("/", "-"))))
        return Endpoint("127.0.0.1", self.broker.port, f"{name}-{time.monotonic_ns()}", tls=context)


class Client:
    """A session that is polled by hand."""

    def __init__(self, where: Endpoint) -> None:
        self.received: list[Incoming] = []
        self.codes: list[int] = []
        self._session = Session(
            where,
            on_message=self.received.append,
            on_acknowledged=lambda _number, code: self.codes.append(code),
        )
        self._session.open()

    def subscribe(self, *filters: str) -> None:
        """Subscribe and give the broker a moment."""
        self._session.subscribe(filters)
        self.poll(0.1)

    def publish(self, topic: str) -> int:
        """Publish at QoS 1 and return the reason code."""
        self._session.publish(Outgoing(topic, topic.encode()))
        before = len(self.codes)
        wait_for(lambda: self.poll(0.02) or len(self.codes) > before, what="an answer")
        return self.codes[-1]

    def poll(self, seconds: float) -> None:
        """Deal with what comes for a while."""
        deadline_s = time.monotonic() + seconds
        while time.monotonic() < deadline_s:
            self._session.poll(0.01)

    def topics(self) -> set[str]:
        """What came."""
        return {message.topic for message in self.received}


@pytest.fixture(scope="module")
def secured(tmp_path_factory) -> Iterator[Secured]:
    """A broker with the shipped profile."""
    made = Secured(tmp_path_factory.mktemp("secured"))
    yield made
    made.broker.kill()


def said_by(site: str, robot: str) -> list[str]:
    """Everything that a robot says of itself: every channel that the published document has."""
    said = [channel.topic for channel in channels() if channel.sends]
    return [topic.replace("/SITE/ROBOT/", f"/{site}/{robot}/").replace("SHA256", "0" * 64) for topic in said]


def own_topics(robot: str) -> list[str]:
    """Everything that a robot says, and the views of it."""
    views = [f"homeassistant/device/site/{robot}/config", f"homeassistant/sensor/site_outcome/{robot}/config"]
    births = [f"spBv1.0/site/{word}/{robot}" for word in ("NBIRTH", "NDATA", "NDEATH")]
    return said_by("site", robot) + views + births + old_views(robot)


def old_views(robot: str) -> list[str]:
    """Where version 0.5.0 announced a robot: read to see whose it is, and cleared."""
    return [f"homeassistant/device/{robot}/config", f"homeassistant/sensor/{robot}/outcome/config"]


def commands_to(robot: str) -> list[str]:
    """Everything that may be asked of a robot."""
    asked = [channel.topic for channel in channels() if "/cmd/" in channel.topic]
    return [topic.replace("/SITE/ROBOT/", f"/site/{robot}/") for topic in asked] + [
        f"spBv1.0/site/NCMD/{robot}"
    ]


ROBOTS = ("robot-1", "robot-2")
COMMANDS = [*commands_to("robot-1"), *commands_to("robot-2")]
RECEIPT = "corrosion/v1/site/robot-1/receipt/historian"
POSES = [f"corrosion/v1/site/{robot}/pose" for robot in ("robot-1", "robot-2")]
PIECES = [f"corrosion/v1/site/{robot}/bundle/piece" for robot in ("robot-1", "robot-2")]
# Of a robot of the same name at another site.
ELSEWHERE = [*said_by("other", "robot-1"), "homeassistant/device/other/robot-1/config"]
BIRTH = "homeassistant/status"  # Home Assistant says there that it has started
CLEARED = {
    *(f"corrosion/v1/site/{robot}/{leaf}" for robot in ROBOTS for leaf in ("status", "latest", "thumbnail")),
    *(topic for robot in ROBOTS for topic in own_topics(robot) if topic.startswith("homeassistant/")),
    *(topic for topic in ELSEWHERE if topic.endswith(("/status", "/latest", "/thumbnail", "/config"))),
    *(RECEIPT, BIRTH),
}
ALL = [
    *own_topics("robot-1"),
    *own_topics("robot-2"),
    *COMMANDS,
    RECEIPT,
    *POSES,
    *PIECES,
    *ELSEWHERE,
    BIRTH,
    "elsewhere",
    "$SYS/x",
]
MAY_WRITE = {
    "robot-1": set(own_topics("robot-1")),
    "robot-2": set(own_topics("robot-2")),
    "site/robot-1": {*said_by("site", "robot-1"), "homeassistant/device/site/robot-1/config"},
    "other/robot-1": set(ELSEWHERE),
    "viewer": set(),
    "controller": {*COMMANDS, *PIECES},
    "historian": {RECEIPT},
    "navigation": set(POSES),
    "caretaker": CLEARED,
    "stranger": set(),
}
SAID = {*own_topics("robot-1"), *own_topics("robot-2"), *ELSEWHERE}
MAY_READ = {
    "robot-1": {*commands_to("robot-1"), RECEIPT, POSES[0], PIECES[0], *old_views("robot-1")},
    "robot-2": {*commands_to("robot-2"), POSES[1], PIECES[1], *old_views("robot-2")},
    "viewer": {topic for topic in SAID if not topic.endswith("/bundle/request")},
    "controller": SAID,
    "historian": {
        topic for topic in SAID if topic.endswith(("/verdict", "/finding", "/rsp", "/shadow", "/checkpoint"))
    },
    "navigation": set(),
    "caretaker": {topic for topic in ALL if topic.startswith(("corrosion/", "homeassistant/"))},
    "stranger": set(),
}


@pytest.mark.parametrize("name", MAY_WRITE)
def test_nobody_can_say_what_is_not_theirs(secured: Secured, name: str) -> None:
    """Every topic is tried by every role; what is forbidden is refused and reaches nobody."""
    auditor = Client(secured.endpoint("auditor"))
    auditor.subscribe("#")
    client = Client(secured.endpoint(name))
    codes = {topic: client.publish(topic) for topic in ALL if not topic.startswith("$")}
    client.publish(f"{FENCE}/{name}")
    wait_for(lambda: auditor.poll(0.05) or f"{FENCE}/{name}" in auditor.topics(), what="the fence")
    assert auditor.topics() - {f"{FENCE}/{name}"} == MAY_WRITE[name]
    assert {topic for topic, code in codes.items() if code == 135} == set(codes) - MAY_WRITE[name]


@pytest.mark.parametrize("name", MAY_READ)
def test_nobody_can_hear_what_is_not_for_them(secured: Secured, name: str) -> None:
    """Subscriptions to everything are granted by mosquitto; what counts is what it delivers."""
    client = Client(secured.endpoint(name))
    client.subscribe("#", "corrosion/v1/+/+/cmd/+", "corrosion/v1/site/robot-2/#", f"{FENCE}/#", *ALL[:-1])
    auditor = Client(secured.endpoint("auditor"))
    for topic in ALL[:-1]:
        assert auditor.publish(topic) < 0x80
    auditor.publish(f"{FENCE}/done")
    wait_for(lambda: client.poll(0.05) or f"{FENCE}/done" in client.topics(), what="the fence")
    assert client.topics() - {f"{FENCE}/done"} == MAY_READ[name] | {BIRTH}


@pytest.mark.parametrize("kind", ["none", "self-signed", "other authority", "expired", "plaintext"])
def test_without_a_good_certificate_there_is_no_way_in(secured: Secured, kind: str) -> None:
    """No certificate, one's own word, another CA's, an expired one, no TLS: no connection at all."""
    if kind == "plaintext":
        where = Endpoint("127.0.0.1", secured.broker.port, "plain")
    elif kind == "none":
        context = ssl.create_default_context(cafile=str(secured.authority.file))
        where = Endpoint("127.0.0.1", secured.broker.port, "none", tls=context)
    else:
        files = {
            "self-signed": lambda: secured.authority.self_signed("robot-1"),
            "other authority": lambda: secured.other.certificate("robot-1", file="other-robot-1"),
            "expired": lambda: secured.authority.certificate("robot-1", expired=True, file="expired"),
        }[kind]()
        where = secured.endpoint("robot-1", files)
    with pytest.raises(LinkError):
        Session(where).open()


def publisher_of(secured: Secured, spool: Spool, **options) -> Publisher:
    """A publisher with the certificate of robot-1."""
    cert, key = secured.authority.certificate("robot-1")
    given = {
        "hostname": "127.0.0.1",
        "port": secured.broker.port,
        "tls": True,
        "ca_file": str(secured.authority.file),
        "cert_file": str(cert),
        "key_file": str(key),
        **options,
    }
    return Publisher(MqttConfig(**given), Topics("site", "robot-1"), spool, Wake())


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool with one verdict."""
    opened = Spool.open(tmp_path / "spool.sqlite", SpoolConfig())
    opened.append(Kind.VERDICT, lambda seq: b"%d" % seq)
    assert opened.flush(5)
    yield opened
    opened.close()


def test_a_node_with_its_certificate_delivers(secured: Secured, spool: Spool) -> None:
    """The shipped profile, our configuration keys and the publisher fit together."""
    publisher = publisher_of(secured, spool)
    publisher.start()
    assert publisher.drain(10)
    publisher.stop()


def test_a_broker_that_is_not_the_one_it_says_is_not_told_anything(secured, spool, caplog) -> None:
    """An unknown CA and a wrong host name end in refused, with the key to look at in the log."""
    for options, text in (
        ({"ca_file": str(secured.other.file)}, "certificate is not accepted"),
        ({"hostname": "localhost"}, "certificate is not accepted"),
    ):
        caplog.clear()
        publisher = publisher_of(secured, spool, **options)
        publisher.start()
        wait_for(lambda p=publisher: p.link is LinkState.REFUSED, what="refusal")
        publisher.stop()
        assert text in caplog.text
    assert spool.depth().waiting == 1


def test_the_host_name_check_can_be_skipped_by_a_key_that_says_so(secured, spool) -> None:
    """A certificate of another name is taken then, but not one of another CA."""
    skip = {"hostname": "localhost", "insecure_skip_host_name_check": True}
    wrong = publisher_of(secured, spool, **skip, ca_file=str(secured.other.file))
    wrong.start()
    wait_for(lambda: wrong.link is LinkState.REFUSED, what="refusal")
    wrong.stop()
    publisher = publisher_of(secured, spool, **skip)
    publisher.start()
    assert publisher.drain(10)
    publisher.stop()


def test_a_password_does_not_travel_in_the_clear(tmp_path: Path) -> None:
    """Without TLS only loopback may get a password, unless a key says that it is known."""
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    named = {"username": "robot-1", "password_file": str(secret)}
    with pytest.raises(ConfigError, match=r"unencrypted to broker\.example"):
        check_security(MqttConfig(hostname="broker.example", **named))
    for hostname in ("127.0.0.1", "::1", "localhost"):
        check_security(MqttConfig(hostname=hostname, **named))
    check_security(MqttConfig(hostname="broker.example", tls=True, **named))
    check_security(MqttConfig(hostname="b.example", insecure_allow_plaintext_password=True, **named))
    where = endpoint(MqttConfig(hostname="127.0.0.1", **named), Topics("s", "r"))
    assert (where.username, where.password) == ("robot-1", "s3cret")
    assert "s3cret" not in repr(where)


def test_secrets_come_from_credential_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of systemd is filled in; a file that is missing, empty or no text is told by its key."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "name").write_text("robot-7\n")
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    base = {"hostname": "127.0.0.1", "username_file": "$CREDENTIALS_DIRECTORY/name"}
    assert endpoint(MqttConfig(**base), Topics("s", "r")).username == "robot-7"
    for name in ("missing", "empty", "binary"):
        config = MqttConfig(**base, password_file=f"$CREDENTIALS_DIRECTORY/{name}")
        with pytest.raises(ConfigError, match=f"password_file .*{name}"):
            endpoint(config, Topics("s", "r"))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"username": "a", "username_file": "b"}, "both given"),
        ({"password_file": "b"}, "without username"),
        ({"cert_file": "a", "tls": True}, "belong together"),
        ({"ca_file": "a"}, "tls = false"),
        ({"cert_file": "a", "key_file": "b"}, "tls = false"),
    ],
)
def test_combinations_that_make_no_sense_are_refused(options, text: str) -> None:
    """What would silently be ignored is an error instead."""
    with pytest.raises(ConfigError, match=text):
        check_security(MqttConfig(hostname="localhost", **options))


@pytest.mark.parametrize(("key", "others"), [("ca_file", {}), ("cert_file", {"key_file": "/nowhere"})])
def test_certificate_files_that_cannot_be_read_are_named(tmp_path: Path, key: str, others) -> None:
    """A missing file and one that is no certificate: one sentence with the key."""
    (tmp_path / "no.pem").write_text("no certificate")
    for file in (tmp_path / "missing.pem", tmp_path / "no.pem"):
        config = MqttConfig(hostname="localhost", tls=True, **{key: str(file)}, **others)
        with pytest.raises(ConfigError, match=key):
            endpoint(config, Topics("s", "r"))


def test_no_secret_reaches_the_log(mosquitto, spool, tmp_path: Path, caplog) -> None:
    """Not on success, not on refusal, not at debug level."""
    caplog.set_level(logging.DEBUG)
    secret = tmp_path / "password"
    secret.write_text("hunter2-hunter2")
    passwords = tmp_path / "passwords"
    passwords.touch()
    passwords.chmod(0o600)
    strict = Mosquitto(tmp_path)
    strict.configure(f"listener {strict.port} 127.0.0.1\npassword_file {passwords}\n")
    strict.start()
    for port, state in ((mosquitto.port, LinkState.CONNECTED), (strict.port, LinkState.REFUSED)):
        config = MqttConfig(hostname="127.0.0.1", port=port, username="u", password_file=str(secret))
        publisher = Publisher(config, Topics("s", "r"), spool, Wake())
        publisher.start()
        wait_for(lambda p=publisher, s=state: p.link is s, what=state.value)
        publisher.stop()
    strict.kill()
    assert "hunter2" not in caplog.text
    assert "Not authorized" in caplog.text or "Bad user name or password" in caplog.text
