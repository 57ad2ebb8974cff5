"""Rewrite a configuration, also one that is refused, with every value left out that may be a password.

A value is shown only where its key is known and it looks harmless. Comments are left out: passwords stand
there too.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.camera.source import parse_source
from edge_node.config.secret_files import list_exposed
from edge_node.config.sections import SECTIONS, Config, parse_config
from edge_node.credential_files import shown_path
from edge_node.errors import CameraError, ConfigError
from edge_node.state_folder import SERVICE_FOLDER
from edge_node.support.masking import SECRET_NAME, find_secrets, find_url_secrets
from edge_node.text_file import TextFileError, decode_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLAIN = re.compile(r"[\w ./+-]{0,200}|[0-9a-fA-F:]{2,45}")  # a name, a path, an IPv6 address
_KEY = re.compile(r"[A-Za-z][\w-]{0,39}")
_LINE = re.compile(r"\s*(?:\[\s*(?P<section>[\w-]+)\s*\]|(?P<key>[\w-]+)\s*=\s*(?P<value>.*?))\s*(?:#.*)?")
_STATE_DIR = re.compile(r"""^\s*state_dir\s*=\s*["']([^"'\n]+)["']""", re.MULTILINE)
_NUMBER = re.compile(r"[+-]?[0-9][0-9_.]*|true|false")
_NOT_SHOWN = ("username",)  # no secret, but a password is easily put there by mistake


@dataclass(frozen=True, slots=True)
class ShownConfiguration:
    """What may be told of a configuration file.

    Attributes:
        text: the configuration, rewritten.
        check: whether it is accepted, or every problem in it.
        secrets: what it gives away, to be taken out elsewhere.
        config: the configuration itself; None if it is refused.
        state_dir: of the node, also of a configuration that is refused.
    """

    text: str
    check: str
    secrets: tuple[str, ...]
    config: Config | None
    state_dir: Path


def show_configuration(content: bytes, where: str) -> ShownConfiguration:
    """Return what may be told of the configuration file ``where``."""
    text = content.decode("utf-8", "replace")
    try:
        document = msgspec.toml.decode(decode_text(content))
    except (TextFileError, msgspec.DecodeError, RecursionError):
        document = None
    config, check = _check(content, where)
    shown = "\n".join(_show_lines(text) if document is None else _show_sections(document))
    secrets = {secret for secret in (*find_secrets(text), *_hidden_values(document or {})) if secret}
    return ShownConfiguration(shown + "\n", check, tuple(secrets), config, _state_dir(document, text))


def environment_secrets() -> Iterator[str]:
    """Yield the values of variables of this process whose names say that they are secret."""
    for name, value in os.environ.items():
        folder, _, _ = value.rpartition("/")  # a password may begin with a slash
        if SECRET_NAME.fullmatch(name) and not (folder.startswith("/") and os.path.isdir(folder)):  # noqa: PTH112
            yield value
        if "://" in value:  # of a proxy, of a broker
            yield from find_url_secrets(value)


def _state_dir(document: Mapping[str, Any] | None, text: str) -> Path:
    """Return the node's state folder, the service's if none is named; of what is no TOML by its line."""
    node = (document or {}).get("node")
    found = node.get("state_dir") if isinstance(node, dict) else None
    if document is None and (line := _STATE_DIR.search(text)) is not None:
        found = line[1]
    return Path(found) if isinstance(found, str) and found and "\0" not in found else SERVICE_FOLDER


def _check(content: bytes, where: str) -> tuple[Config | None, str]:
    try:
        config = parse_config(content, where)
    except ConfigError as err:
        return None, f"{err}\n"
    exposed = "".join(f"warning: {sentence}\n" for sentence in list_exposed(config))
    return config, f"{where}: every key is known and every value allowed; sha256 {config.sha256}\n{exposed}"


def _show_sections(document: Mapping[str, Any]) -> Iterator[str]:
    for name, values in document.items():
        if not isinstance(values, dict):
            yield f"{_shown_key(name)} = (not shown)"
            continue
        yield f"[{_shown_key(name)}]"
        known = SECTIONS[name].__struct_fields__ if name in SECTIONS else ()
        for key, value in values.items():
            yield f"{_shown_key(key)} = {_shown(name, key, value) if key in known else _hidden(value)}"
        yield ""


def _show_lines(text: str) -> Iterator[str]:
    """Yield the lines of what is no TOML: sections, keys and numbers; the rest is not shown."""
    section = ""
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if found is None:
            yield "(a line that is not shown)"
        elif found["section"]:
            section = found["section"]
            yield f"[{_shown_key(section)}]"
        else:
            known = section in SECTIONS and found["key"] in SECTIONS[section].__struct_fields__
            is_shown = known and _NUMBER.fullmatch(found["value"]) and not _is_secret(found["key"])
            yield f"{_shown_key(found['key'])} = {found['value'] if is_shown else '(not shown)'}"


def _shown(section: str, key: str, value: Any) -> str:
    """Return the value of a known key as TOML, or in brackets why it is not shown."""
    if isinstance(value, str):
        return _shown_text(section, key, value)
    if isinstance(value, bool | int | float):
        return _hidden(value) if _is_secret(key) else str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_shown(section, key, one) for one in value)}]"
    if isinstance(value, dict):
        inner = (f"{_shown_key(name)} = {_shown(section, name, one)}" for name, one in value.items())
        return f"{{ {', '.join(inner)} }}"
    return _hidden(value)


def _shown_text(section: str, key: str, value: str) -> str:
    if (section, key) == ("camera", "source"):
        try:
            return f'"{parse_source(value).name}"'
        except CameraError:
            return _hidden(value)
    if key.endswith("_file"):
        return f'"{shown_path(value)}"'
    return f'"{value}"' if _PLAIN.fullmatch(value) and not _is_secret(key) else _hidden(value)


def _is_secret(key: str) -> bool:
    return key in _NOT_SHOWN or SECRET_NAME.fullmatch(key) is not None


def _hidden(value: Any) -> str:
    return f"({len(value)} characters, not shown)" if isinstance(value, str) else "(not shown)"


def _shown_key(name: str) -> str:
    return name if _KEY.fullmatch(name) else "(not shown)"


def _hidden_values(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a configuration that may be secret: those of unknown and of secret keys, logins."""
    for name, values in document.items():
        known = SECTIONS[name].__struct_fields__ if name in SECTIONS else ()
        for key, value in values.items() if isinstance(values, dict) else [("", values)]:
            for text in _texts(value):
                is_mistaken = key.endswith("_file") and shown_path(text) != text  # the password, not its file
                if key not in known or is_mistaken or SECRET_NAME.fullmatch(key):
                    yield text
                yield from find_secrets(text)
                if "://" in text:
                    yield from find_url_secrets(text)  # all of it: a password may hold a quotation mark


def _texts(value: Any) -> Iterator[str]:
    """Yield a text, or all texts in a list or a table."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
