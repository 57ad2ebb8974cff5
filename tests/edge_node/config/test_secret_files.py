"""Secrets that other users can read are told, each in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from edge_node.config.secret_files import describe_exposure, list_exposed
from edge_node.config.sections import load_config
from tests.scenarios.test_daemon_field import write_config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (0o600, ""),
        (0o400, ""),
        (0o640, "its group can read it (mode 0640)"),
        (0o660, "its group can change it (mode 0660)"),
        (0o644, "every user of this machine can read it (mode 0644)"),
        (0o666, "every user of this machine can change it (mode 0666)"),
    ],
)
def test_the_sentence_says_who_can_do_what(tmp_path: Path, mode: int, said: str) -> None:
    """And the command that ends it."""
    secret = tmp_path / "token"
    secret.touch()
    secret.chmod(mode)
    sentence = describe_exposure(secret)
    assert said in sentence
    assert sentence.endswith(f"chmod 600 {secret}") is bool(said)


def test_each_secret_of_a_configuration_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates and public keys are none; a missing file is none, nor what systemd hands over."""
    for name in ("password", "token", "ca.pem", "key.pem", "public.pem", "name"):
        (tmp_path / name).touch(mode=0o644)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    config = load_config(
        write_config(
            tmp_path,
            "csi:0",
            1,
            mqtt={
                "hostname": "127.0.0.1",
                "username_file": "$CREDENTIALS_DIRECTORY/name",
                "password_file": str(tmp_path / "password"),
                "ca_file": str(tmp_path / "ca.pem"),
                "key_file": str(tmp_path / "key.pem"),
            },
            http={"token_file": str(tmp_path / "token")},
            commands={"public_key_file": str(tmp_path / "public.pem")},
        )
    )
    found = [sentence.split(":")[0] for sentence in list_exposed(config)]
    assert found == ["[mqtt] password_file", "[mqtt] key_file", "[http] token_file"]
