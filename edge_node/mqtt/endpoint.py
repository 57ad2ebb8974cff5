"""Build the endpoint of a connection from the configuration: TLS, user names, passwords from files."""

from __future__ import annotations

import ipaddress
import re
import ssl
from typing import TYPE_CHECKING

from edge_node.credential_files import credential_path, shown_path
from edge_node.errors import ConfigError
from edge_node.mqtt.certificate_times import file_times
from edge_node.mqtt.types import Endpoint
from edge_node.text_file import TextFileError, check_pem_file, read_secret, read_text_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.messages.topics import Topics

_MAX_CA_BYTES = 4 * 1024 * 1024  # the system's own list has 0.3 MB
_LONGEST_NAME = 253
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_TLS_PORT, _PLAIN_PORT = 8883, 1883


def endpoint(config: MqttConfig, topics: Topics) -> Endpoint:
    """Return where to connect as ``config`` says; files are read anew each time, so keys can be rotated.

    Raises:
        ConfigError: a file cannot be read, or a password would travel where others can read it.
    """
    check_security(config)
    if problems := host_problems(config.hostname):
        raise ConfigError(problems[0])
    return Endpoint(
        hostname=config.hostname,
        port=broker_port(config),
        # A limit of 3.1.1 brokers is 23 characters; those that keep to it say so with a reason.
        client_id=config.client_id or f"corrosion-{topics.site}-{topics.robot}",
        is_v5=config.protocol == "5",
        keep_alive_s=config.keep_alive_s,
        tls=_tls(config) if config.tls else None,
        username=_secret(config.username_file, "username_file") or config.username,
        password=_secret(config.password_file, "password_file"),
        certificate_times=_certificate_times(config),
    )


def broker_port(config: MqttConfig) -> int:
    """Return the port that is given, or the usual one with or without TLS."""
    return config.port or (_TLS_PORT if config.tls else _PLAIN_PORT)


def check_security(config: MqttConfig) -> None:
    """Refuse combinations that give something away; reads no file.

    Raises:
        ConfigError: in one sentence, with the key that would allow it.
    """
    if config.username and config.username_file:
        raise ConfigError("[mqtt] username and username_file are both given; keep one")
    if config.password_file and not (config.username or config.username_file):
        raise ConfigError("[mqtt] password_file without username: MQTT 3.1.1 has no password without a name")
    if bool(config.cert_file) != bool(config.key_file):
        raise ConfigError("[mqtt] cert_file and key_file belong together; give both or none")
    if not config.tls:
        for key in ("ca_file", "cert_file"):
            if getattr(config, key):
                raise ConfigError(f"[mqtt] {key} is given, but tls = false; set tls = true")
        if (
            config.password_file
            and not _is_loopback(config.hostname)
            and not config.insecure_allow_plaintext_password
        ):
            host = config.hostname if _can_be_shown(config.hostname) else "another machine"
            raise ConfigError(
                f"[mqtt] the password would be sent unencrypted to {host}; set tls = true"
                " (or insecure_allow_plaintext_password = true, if nobody else is on that network)"
            )


def host_problems(hostname: str) -> list[str]:
    """Return why no host can have this name or address; asks no network."""
    try:
        ipaddress.ip_address(hostname)
    except ValueError:
        pass
    else:
        return []
    try:
        name = hostname.removesuffix(".").encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if len(name) <= _LONGEST_NAME and all(_LABEL.fullmatch(label) for label in name.split(".")):
        return []
    shown = f" = {hostname!r}" if _can_be_shown(hostname) else ""
    wanted = "wanted a name or an address alone"
    if "://" in hostname:
        wanted += "; tls and port have keys of their own"
    return [f"[mqtt] hostname{shown}: no host can be called so; {wanted}"]


def _can_be_shown(hostname: str) -> bool:
    """Tell whether it is a name, an address with scheme and port at most, but no user:password@host."""
    return re.fullmatch(r"([a-z]+://)?[\w .-]*(:[0-9]{1,5})?/?", hostname) is not None


def _tls(config: MqttConfig) -> ssl.SSLContext:
    ca_file = credential_path(config.ca_file) if config.ca_file else None
    named = f"[mqtt] ca_file = {shown_path(config.ca_file or '')!r}"
    try:
        # As text: OpenSSL would skip the first certificate of a file with a byte order mark without a word.
        authorities = _authorities(ca_file) if ca_file else None
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=authorities)
    except TextFileError as err:
        raise ConfigError(f"{named}: {err}") from err
    except (OSError, ssl.SSLError) as err:
        raise ConfigError(f"{named}: {_why(err)}; wanted certificates in PEM") from err
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.insecure_skip_host_name_check:
        context.check_hostname = False  # the certificate itself is still checked
    if config.cert_file and config.key_file:
        for key, file in (("cert_file", config.cert_file), ("key_file", config.key_file)):
            try:
                check_pem_file(credential_path(file))
            except TextFileError as err:
                raise ConfigError(f"[mqtt] {key} = {shown_path(file)!r}: {err}") from err
        try:
            # A key with a password would wait for a person at the terminal.
            files = (credential_path(config.cert_file), credential_path(config.key_file))
            context.load_cert_chain(*files, password=lambda: "")
        except (OSError, ssl.SSLError) as err:
            raise ConfigError(f"[mqtt] cert_file {config.cert_file}, key_file: {_why(err)}") from err
    return context


def _certificate_times(config: MqttConfig) -> tuple[datetime, datetime] | None:
    return file_times(str(credential_path(config.cert_file))) if config.tls and config.cert_file else None


def _secret(path: str | None, key: str) -> str | None:
    """Return the first line of a file; it never appears in an error message."""
    if path is None:
        return None
    try:
        return read_secret(credential_path(path))
    except TextFileError as err:
        raise ConfigError(f"[mqtt] {key} = {shown_path(path)!r}: {err}") from err


def _authorities(file: Path) -> str:
    """Return the certificates in ``file`` as ``ssl`` wants them; comments may be in any language.

    Raises:
        TextFileError: it holds none; without any, ``ssl`` would trust the system's authorities.
    """
    text = read_text_file(file, _MAX_CA_BYTES)
    if "-----BEGIN" not in text:
        raise TextFileError("holds no certificate; wanted certificates in PEM")
    return text.encode("ascii", "replace").decode("ascii")


def _is_loopback(hostname: str) -> bool:
    try:
        return ipaddress.ip_address(hostname).is_loopback
    except ValueError:
        return hostname.lower() == "localhost"


def _why(err: Exception) -> str:
    return str(getattr(err, "strerror", None) or getattr(err, "reason", None) or err)
