"""Endpoints from the configuration: ports, client ids, secrets from files, and what gives one away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.config.delivery_sections import MqttConfig
from edge_node.errors import ConfigError
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import check_security, endpoint, host_problems

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = Topics("quay", "crawler-1")


def test_the_port_follows_tls_and_the_client_id_the_robot() -> None:
    """Unless they are configured."""
    plain = endpoint(MqttConfig(hostname="127.0.0.1"), TOPICS)
    assert (plain.port, plain.tls, plain.client_id) == (1883, None, "corrosion-quay-crawler-1")
    assert plain.is_v5
    secure = endpoint(MqttConfig(hostname="broker.example", tls=True), TOPICS)
    assert secure.port == 8883
    assert secure.tls.check_hostname
    own = endpoint(MqttConfig(hostname="127.0.0.1", port=1884, client_id="c", protocol="3.1.1"), TOPICS)
    assert (own.port, own.client_id, own.is_v5) == (1884, "c", False)


def test_a_password_is_the_first_line_of_its_file_and_found_among_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Systemd puts secrets into a folder that only the service sees."""
    (tmp_path / "password").write_text("s3cret\nsecond line\n", encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    file = "$CREDENTIALS_DIRECTORY/password"
    config = MqttConfig(hostname="localhost", username="robot", password_file=file)
    found = endpoint(config, TOPICS)
    assert (found.username, found.password) == ("robot", "s3cret")


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * 5000, b"\xff\xfe"])
def test_a_file_that_holds_no_password_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    """Empty, too long, no text: the sentence names the file alone."""
    (tmp_path / "p").write_bytes(content)
    config = MqttConfig(hostname="localhost", username="robot", password_file=str(tmp_path / "p"))
    with pytest.raises(ConfigError, match="password_file") as caught:
        endpoint(config, TOPICS)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"username": "u", "username_file": "f"}, "both given"),
        ({"password_file": "f"}, "password_file without username"),
        ({"tls": True, "cert_file": "c"}, "belong together"),
        ({"ca_file": "c"}, "tls = false"),
        ({"username": "u", "password_file": "f"}, "sent unencrypted to broker.example"),
    ],
)
def test_combinations_that_give_something_away_are_refused(options: dict, said: str) -> None:
    """Without reading a file, in one sentence."""
    with pytest.raises(ConfigError, match=said):
        check_security(MqttConfig(hostname="broker.example", **options))


def test_a_password_may_stay_on_this_machine_unencrypted() -> None:
    """Also elsewhere, where the operator says so."""
    secret = {"username": "u", "password_file": "f"}
    for options in (
        {"hostname": "localhost"},
        {"hostname": "127.0.0.1"},
        {"hostname": "::1"},
        {"hostname": "broker.example", "insecure_allow_plaintext_password": True},
    ):
        check_security(MqttConfig(**secret, **options))


def test_a_name_that_no_host_can_have_is_told() -> None:
    """Names, international ones and addresses pass; addresses with a port, and empty labels, do not."""
    for good in ("broker", "broker.example.", "bücher.example", "10.0.0.1", "fe80::1"):
        assert host_problems(good) == []
    for bad in ("mqtt://broker", "broker:1883", "a..b", "-x", "x" * 64, ""):
        assert "no host can be called so" in host_problems(bad)[0]
