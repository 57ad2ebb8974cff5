"""Say of a control room's settings what its start would, without a broker and without changing anything."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node.control_room.alerts.apprise_sender import open_sender
from edge_node.control_room.database_address import find_parameters
from edge_node.control_room.ingest.trusted_keys import RoomKeys
from edge_node.control_room.people.logins import check_logins
from edge_node.control_room.service.drawing_files import read_drawing_files
from edge_node.control_room.service.opening import find_place
from edge_node.control_room.settings import check_secrets
from edge_node.credential_files import is_from_systemd
from edge_node.errors import ConfigError, CorrosionError
from edge_node.messages.topics import Topics
from edge_node.mqtt.endpoint import endpoint, host_problems
from edge_node.state_folder import find_problem
from edge_node.text_file import TextFileError, check_pem_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_node.config.delivery_sections import MqttConfig
    from edge_node.control_room.sections import WebConfig
    from edge_node.control_room.settings import RoomSettings

_MQTT_FILES = ("username_file", "password_file", "ca_file", "cert_file", "key_file")


def find_problems(settings: RoomSettings) -> Iterator[str]:
    """Yield a sentence for each thing that the control room could not use."""
    if (problem := find_problem(Path(settings.room.state_dir), "[room] state_dir")) is not None:
        yield problem
    yield from host_problems(settings.mqtt.hostname)
    checks: list[Callable[[], object]] = [
        lambda: check_secrets(settings),
        lambda: check_logins(settings),
        lambda: check_certificate(settings.web),
        lambda: _check_login(settings.mqtt),
        lambda: RoomKeys(settings),
        lambda: open_sender(settings.alerts),
        lambda: read_drawing_files(settings.drawings),
        lambda: _check_database(settings),
    ]
    for check in checks:
        try:
            check()
        except CorrosionError as err:
            yield from str(err).splitlines()


def find_notes(settings: RoomSettings) -> Iterator[str]:
    """Yield what may be as it should: the port is taken, perhaps by the running control room."""
    web = settings.web
    with closing(socket.socket(socket.AF_INET6 if ":" in web.host else socket.AF_INET)) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((web.host, web.port))
        except OSError as err:
            yield f"[web] port {web.port}: {err.strerror or err}, perhaps by the running control room"


def check_certificate(web: WebConfig) -> None:
    """Raise ConfigError unless the page's certificate and key can be used, where they are given."""
    if web.tls_cert_file is None or web.tls_key_file is None:
        return
    for key, file in (("tls_cert_file", web.tls_cert_file), ("tls_key_file", web.tls_key_file)):
        try:
            check_pem_file(Path(file))
        except TextFileError as err:
            raise ConfigError(f"[web] {key} = {file!r}: {err}") from err
    try:
        # A key with a password would wait for a person at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            web.tls_cert_file, web.tls_key_file, password=lambda: ""
        )
    except OSError as err:  # also if a file holds no certificate
        named = f"[web] tls_cert_file = {web.tls_cert_file!r}, tls_key_file = {web.tls_key_file!r}"
        raise ConfigError(f"{named}: {getattr(err, 'reason', None) or err.strerror or err}") from err


def _check_database(settings: RoomSettings) -> None:
    """Look for the driver and the password of a PostgreSQL database."""
    place = find_place(settings.room)
    if place is not None and not is_from_systemd(place.password_file or ""):
        find_parameters(place)


def _check_login(mqtt: MqttConfig) -> None:
    """Build what would greet the broker; systemd's credentials are there only while it runs the service."""
    files = [getattr(mqtt, key) or "" for key in _MQTT_FILES]
    if "CREDENTIALS_DIRECTORY" in os.environ or not any("$CREDENTIALS_DIRECTORY" in file for file in files):
        endpoint(mqtt, Topics("room", "room"))
