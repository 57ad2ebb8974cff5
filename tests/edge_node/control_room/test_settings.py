"""The control room's configuration: generated, strict, and nothing given away by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from edge_node.control_room.settings import (
    SECTIONS,
    build_settings,
    check_secrets,
    example_settings,
    exposed_secrets,
    load_settings,
)
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


MQTT = {"hostname": "broker.example"}


def test_the_example_can_be_used_and_shows_every_key(tmp_path: Path) -> None:
    """Generated from the classes, so that it cannot drift from them."""
    text = example_settings()
    file = tmp_path / "room.toml"
    file.write_text(text, encoding="utf-8")
    assert load_settings(file).web.host == "127.0.0.1"
    for section in SECTIONS.values():
        for field in msgspec.structs.fields(section):
            assert f"\n# {field.name} =" in text or f"\n{field.name} =" in text


def test_every_key_of_the_example_can_be_set_to_its_default(tmp_path: Path) -> None:
    """What stands in a comment is what holds without it."""
    lines = []
    for line in example_settings().splitlines():
        name, _, value = line.removeprefix("# ").partition(" = ")
        lines.append(f"{name} = {value}" if value and name.isidentifier() else line)
    file = tmp_path / "room.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    assert load_settings(file) == build_settings({"hostname": "127.0.0.1"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[room]\n", "hostname is missing"),
        ('[mqtt]\nhostnam = "x"', 'did you mean "hostname"?'),
        ('[mqtt]\nhostname = "x"\nwindow = 3', 'unknown key "window"'),
        ('[mqtt]\nhostname = "x"\n[web]\nport = 0', "port = 0"),
        ('[mqtt]\nhostname = "x"\n[web]\nhost = "0.0.0.0"', "name a file with a token in token_file"),
        ('[mqtt]\nhostname = "x"\n[room]\ndays = -1', "days = -1"),
        ('[mqtt]\nhostname = "x"\nusername = "u"\npassword_file = "f"', "sent unencrypted"),
        ('[mqtt]\nhostname = "x"\n[web]\ntls_cert_file = "c"', "belong together"),
        ("[mqtt\n", "not TOML"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path, text: str, wanted: str) -> None:
    """With the file, the key and what is wanted."""
    file = tmp_path / "room.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=wanted.replace("?", r"\?")) as caught:
        load_settings(file)
    assert str(caught.value).startswith(str(file))


@pytest.mark.parametrize(
    ("mqtt", "shown"),
    [
        ({}, "broker.example:1883"),
        ({"tls": True}, "broker.example:8883"),
        ({"port": 2883}, "broker.example:2883"),
    ],
)
def test_the_broker_is_named_with_its_port(mqtt: dict[str, object], shown: str) -> None:
    """With the usual one where none is given: the page and ``--check`` show it to people."""
    assert build_settings({**MQTT, **mqtt}).broker == shown


def test_a_token_that_others_can_read_is_told(tmp_path: Path) -> None:
    """In a sentence with the command that ends it; the room starts all the same."""
    (tmp_path / "token").touch(mode=0o644)
    (tmp_path / "token").chmod(0o644)
    settings = build_settings(MQTT, web={"token_file": str(tmp_path / "token")})
    (sentence,) = exposed_secrets(settings)
    assert sentence.startswith("[web] token_file: ")
    assert "chmod 600" in sentence


def test_a_secret_that_everybody_can_change_is_refused(tmp_path: Path) -> None:
    """Whoever writes it chooses who comes in; all such are named at once."""
    for name in ("token", "password"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o666)
    settings = build_settings(
        {**MQTT, "tls": True, "username": "room", "password_file": str(tmp_path / "password")},
        web={"token_file": str(tmp_path / "token")},
    )
    with pytest.raises(ConfigError) as caught:
        check_secrets(settings)
    first, second = str(caught.value).splitlines()
    assert first.startswith("[mqtt] password_file: ")
    assert "every user of this machine can change it (mode 0666); chmod 600" in second
    for name in ("token", "password"):
        (tmp_path / name).chmod(0o644)
    check_secrets(settings)
    assert len(list(exposed_secrets(settings))) == 2


@pytest.mark.parametrize(
    ("web", "wanted"),
    [
        ({"user_header": "X-User"}, "user_header needs trusted_proxies"),
        ({"trusted_proxies": ["10.0.0.1"]}, "others reach the page through them"),
        ({"role_header": "X-Groups"}, "role_header needs user_header"),
        ({"header_roles": {"a": "admin"}}, "belong together"),
        ({"user_header": "X User"}, "the name of a header"),
        ({"root_path": "corrosion"}, "a path"),
        ({"root_path": "/a/../b?c"}, "a path"),
        (
            {"user_header": "X-U", "role_header": "X-G", "header_roles": {"a": "chief"},
             "trusted_proxies": ["10.0.0.1"]},
            "chief",
        ),
    ],
)  # fmt: skip
def test_keys_of_a_proxy_that_contradict_each_other_are_refused(web: dict, wanted: str) -> None:
    """Before anything starts."""
    with pytest.raises(ConfigError, match=wanted):
        build_settings(MQTT, web=web)
