"""Why there is no connection: each cause has its own sentence, which names what to look at."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from edge_node.mqtt import failure_text
from edge_node.mqtt.certificate_times import file_times
from edge_node.mqtt.failure_text import end_before_answer, refusal
from edge_node.mqtt.session import Session
from edge_node.mqtt.types import Endpoint, LinkError
from tests.support.certificates import Authority
from tests.support.processes import Mosquitto, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def failure(endpoint: Endpoint) -> str:
    """Return the sentence with which connecting fails."""
    with pytest.raises(LinkError) as caught:
        Session(endpoint).open()
    return str(caught.value)


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    """An authority that the robots of these tests know."""
    return Authority(tmp_path_factory.mktemp("certificates"))


def tls(authority: Authority) -> ssl.SSLContext:
    """The robot's side of TLS."""
    return ssl.create_default_context(cafile=str(authority.file))


@pytest.fixture(scope="module")
def servers(authority: Authority) -> Iterator[dict[str, int]]:
    """TLS servers, each with another certificate, by name: their ports."""
    other = Authority(authority.folder, "other")
    pairs = {
        "expired": authority.certificate("old", host="127.0.0.1", expired=True),
        "other name": authority.certificate("elsewhere", host="10.9.8.7"),
        "unknown authority": other.certificate("theirs", host="127.0.0.1"),
        "self-signed": authority.self_signed("me"),
        "good": authority.certificate("good", host="127.0.0.1"),
    }
    listening, ports = [], {}
    for name, (crt, key) in pairs.items():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)
        ports[name] = server.getsockname()[1]
        threading.Thread(target=_accept, args=(server, context), daemon=True).start()
    yield ports
    for server in listening:
        server.close()


def _accept(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            link, _ = server.accept()
        except OSError:
            return
        try:
            context.wrap_socket(link, server_side=True).close()
        except OSError:
            link.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("expired", "by this robot's clock it has expired; this robot's clock says 20"),
        ("expired", ": renew it, or set the clock"),
        ("other name", "it is for another address; [mqtt] hostname"),
        ("unknown authority", "an authority signed it that this robot does not know"),
        ("self-signed", "it is signed by itself only"),
    ],
)
def test_each_fault_of_a_certificate_has_its_sentence(authority, servers, name: str, said: str) -> None:
    """Time, name, authority: three different things to do."""
    text = failure(Endpoint("127.0.0.1", servers[name], "x", tls=tls(authority)))
    assert "its certificate is not accepted" in text
    assert said in text


def test_a_robot_whose_clock_is_behind_is_told_its_clock(authority, servers, monkeypatch) -> None:
    """After a start without a network the clock says 1970; the certificate is good."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(1970, 1, 1, 0, 3, tzinfo=tz)

    monkeypatch.setattr(failure_text, "datetime", Clock)
    err = ssl.SSLCertVerificationError("certificate is not yet valid")
    err.verify_code, err.verify_message = 9, "certificate is not yet valid"
    text = str(failure_text.connect_failure(Endpoint("127.0.0.1", servers["good"], "x"), err))
    begins = datetime.now(timezone.utc) - timedelta(days=10)
    assert "it is not valid yet; this robot's clock says 1970-01-01 00:03 UTC" in text
    assert f"valid from {begins:%Y-%m-%d}" in text
    assert text.endswith("set the clock")


def test_a_port_that_is_closed_without_tls_or_unknown_is_told_apart(mosquitto, authority) -> None:
    """Nothing listens; TLS towards a port without it; a name that nobody knows."""
    assert "Connection refused" in failure(Endpoint("127.0.0.1", free_port(), "x"))
    text = failure(Endpoint("127.0.0.1", mosquitto.port, "x", tls=tls(authority)))
    assert f"no TLS (it closed the connection); see [mqtt] port and tls: port {mosquitto.port}" in text
    assert "no address is known for no.such.host.invalid" in failure(Endpoint("no.such.host.invalid", 1, "x"))


def test_a_client_without_tls_or_a_certificate_is_told_what_the_broker_wants(
    tmp_path: Path, authority
) -> None:
    """Plain MQTT towards a port with TLS, and TLS without the certificate that is asked for."""
    crt, key = authority.certificate("broker", host="127.0.0.1")
    broker = Mosquitto(tmp_path)
    broker.configure(
        f"listener {broker.port} 127.0.0.1\nallow_anonymous true\ncertfile {crt}\nkeyfile {key}\n"
        f"cafile {authority.file}\nrequire_certificate true\n"
    )
    broker.start()
    try:
        assert "does it want TLS ([mqtt] tls = true)?" in failure(Endpoint("127.0.0.1", broker.port, "x"))
        text = failure(Endpoint("127.0.0.1", broker.port, "x", tls=tls(authority)))
        assert "[mqtt] cert_file" in text  # with the broker's reason, if its reset does not overtake it
        files = authority.certificate("robot", expired=True)
        expired = tls(authority)
        expired.load_cert_chain(*files)
        times = file_times(str(files[0]))
        text = failure(Endpoint("127.0.0.1", broker.port, "x", tls=expired, certificate_times=times))
        assert "our certificate is valid from" in text
        assert "this robot's clock says" in text
    finally:
        broker.kill()


@pytest.mark.parametrize(("answer", "is_v5"), [(b"\x20\x02\0\x01", True), (b"\x20\x02\0\x01", False)])
def test_a_broker_of_another_version_names_the_key(answer: bytes, is_v5: bool) -> None:
    """In the form of MQTT 3, which old brokers use for every version."""
    with socket.create_server(("127.0.0.1", 0)) as old:

        def refuse() -> None:
            link, _ = old.accept()
            with link:
                link.recv(1000)
                link.sendall(answer)

        threading.Thread(target=refuse, daemon=True).start()
        text = failure(Endpoint("127.0.0.1", old.getsockname()[1], "x", is_v5=is_v5))
    assert f'set [mqtt] protocol = "{"3.1.1" if is_v5 else "5"}"' in text


def test_reasons_of_a_refusal_name_the_key_to_look_at() -> None:
    """Version, client id and credentials; a broker that keeps less does not refuse us."""
    five, three = Endpoint("h", 1, "id"), Endpoint("h", 1, "id", is_v5=False)
    assert 'protocol = "3.1.1"' in refusal(five, 132, "Unsupported protocol version")
    assert "client_id (now 'id')" in refusal(three, 133, "Client identifier not valid")
    assert "username and password_file" in refusal(five, 135, "Not authorized")
    for code in (154, 155):
        assert "refuses" not in refusal(five, code, "x")
    assert 'set [mqtt] protocol = "3.1.1"' in str(end_before_answer(five, is_silent=True))
    assert end_before_answer(three).is_unanswered
