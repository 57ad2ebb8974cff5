"""Declare and read the command-line options of a broker, the same for all subcommands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.config.delivery_sections import MqttConfig
from edge_node.errors import CorrosionError
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    import argparse

_FILES = ("ca_file", "cert_file", "key_file", "password_file")


def add_security_options(parser: argparse.ArgumentParser, **settings: Any) -> None:
    """Declare the options of TLS and login; ``settings`` go to each option."""
    parser.add_argument(
        "--tls", action="store_true", help="encrypt, and trust the system's authorities", **settings
    )
    parser.add_argument("--username", help="user name at the broker", **settings)
    for name in _FILES:
        parser.add_argument(f"--{name.replace('_', '-')}", help=f"as in [mqtt] {name}", **settings)


def broker_config(broker: str, args: argparse.Namespace, client: str) -> MqttConfig:
    """Return the broker's configuration from HOST[:PORT] and the options.

    Args:
        broker: HOST, HOST:PORT, ADDRESS or [ADDRESS]:PORT.
        args: with the options of ``add_security_options``.
        client: first part of the client id.

    Raises:
        CorrosionError: ``broker`` is no address.
    """
    given = {name: getattr(args, name) for name in (*_FILES, "username") if getattr(args, name) is not None}
    values = {**parse_address(broker), "tls": args.tls or bool(args.ca_file or args.cert_file), **given}
    try:
        return msgspec.convert({**values, "client_id": f"{client}-{os.getpid()}"}, MqttConfig)
    except msgspec.ValidationError as err:
        # What was given may be an address with a password, and is not repeated.
        raise CorrosionError(f"the broker's {describe_invalid(err)}; wanted HOST or HOST:PORT") from err


def parse_address(broker: str) -> dict[str, Any]:
    """Return ``hostname`` and, if HOST[:PORT] has one, ``port``: a text if it is no number.

    Raises:
        CorrosionError: it is a URL.
    """
    if "://" in broker:
        scheme, _, rest = broker.partition("://")
        host = rest.rpartition("@")[2].split("/")[0]  # a password in it is not shown
        raise CorrosionError(
            f"--broker: wanted HOST or HOST:PORT without {scheme}://, such as {host or 'broker.example'};"
            " TLS and login have options and keys of their own"
        )
    host, _, port = broker.rpartition(":") if _has_port(broker) else (broker, "", "")
    where: dict[str, Any] = {"hostname": host.strip("[]")}
    if port:
        where["port"] = int(port) if port.isdigit() else port
    return where


def _has_port(broker: str) -> bool:
    """Tell whether there is a port: HOST:PORT or [ADDRESS]:PORT; an IPv6 address has colons too."""
    return "]:" in broker or (broker.count(":") == 1 and not broker.endswith("]"))
