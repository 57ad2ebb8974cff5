"""Read the control room's configuration from a TOML file, or build it from command-line options."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node.config.delivery_sections import MqttConfig
from edge_node.config.secret_files import list_exposed
from edge_node.config.sections import MAX_CONFIG_BYTES
from edge_node.config.toml_reader import example_text, read_sections
from edge_node.control_room.alert_sections import AlertsConfig, find_rule_problems
from edge_node.control_room.database_address import check_url
from edge_node.control_room.logo import read_logo
from edge_node.control_room.sections import (
    BrokerConfig,
    DrawingsConfig,
    ReportConfig,
    RobotsConfig,
    RoomCommandsConfig,
    RoomConfig,
    WebConfig,
)
from edge_node.errors import ConfigError
from edge_node.mqtt.endpoint import broker_port, check_security
from edge_node.text_file import TextFileError, read_bounded
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROBOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}/[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ASSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}/.{1,200}")


class RoomSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All sections of the configuration."""

    mqtt: MqttConfig
    room: RoomConfig = RoomConfig()
    web: WebConfig = WebConfig()
    commands: RoomCommandsConfig = RoomCommandsConfig()
    robots: RobotsConfig = RobotsConfig()
    alerts: AlertsConfig = AlertsConfig()
    report: ReportConfig = ReportConfig()
    drawings: DrawingsConfig = DrawingsConfig()

    @property
    def broker(self) -> str:
        """Host and port of the broker, as people type them; the usual port where none is given."""
        return f"{self.mqtt.hostname}:{broker_port(self.mqtt)}"


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "mqtt": BrokerConfig,
    "room": RoomConfig,
    "web": WebConfig,
    "commands": RoomCommandsConfig,
    "robots": RobotsConfig,
    "alerts": AlertsConfig,
    "report": ReportConfig,
    "drawings": DrawingsConfig,
}


def load_settings(path: Path, *, may_lack_users: bool = False) -> RoomSettings:
    """Read and check the configuration in ``path``.

    Args:
        path: of the TOML file.
        may_lack_users: take also what would let anybody in: for the command that adds the first user.

    Raises:
        ConfigError: one line per problem, all of them.
    """
    try:
        text = read_bounded(path, MAX_CONFIG_BYTES)
    except TextFileError as err:
        hint = "; `edge-node control-room --example` prints one" if err.is_missing else ""
        raise ConfigError(f"{path}: {err}{hint}") from err
    sections = read_sections(text, str(path), SECTIONS)
    try:
        values = {name: msgspec.structs.asdict(section) for name, section in sections.items()}
        return build_settings(**values, may_lack_users=may_lack_users)
    except ConfigError as err:
        raise ConfigError("\n".join(f"{path}: {line}" for line in str(err).splitlines())) from err


def build_settings(  # noqa: PLR0913, PLR0917  each is a section, by name
    mqtt: dict[str, Any],
    room: dict[str, Any] | None = None,
    web: dict[str, Any] | None = None,
    commands: dict[str, Any] | None = None,
    robots: dict[str, Any] | None = None,
    report: dict[str, Any] | None = None,
    *,
    alerts: dict[str, Any] | None = None,
    drawings: dict[str, Any] | None = None,
    may_lack_users: bool = False,
) -> RoomSettings:
    """Build settings from the values of each section.

    Raises:
        ConfigError: a value is invalid, or insecure (a password without TLS, a page without a token).
    """
    given = {
        "room": room,
        "web": web,
        "commands": commands,
        "robots": robots,
        "report": report,
        "alerts": alerts,
        "drawings": drawings,
    }
    document = {"mqtt": mqtt, **{name: values or {} for name, values in given.items()}}
    try:
        settings = msgspec.convert(document, RoomSettings)
    except msgspec.ValidationError as err:
        raise ConfigError(describe_invalid(err, document, RoomSettings)) from err
    if problems := list(_find_problems(settings, may_lack_users=may_lack_users)):
        raise ConfigError("\n".join(problems))
    return settings


def example_settings(**given: dict[str, Any]) -> str:
    """Return a commented TOML configuration with every key, its meaning and its default."""
    given.setdefault("mqtt", {"hostname": "127.0.0.1"})
    text = example_text(SECTIONS, given)
    return text.replace(
        text.splitlines()[0],
        "# Corrosion control room. Lines that begin with # show defaults;"
        " edge-node control-room --config FILE --check judges.",
        1,
    )


def exposed_secrets(settings: RoomSettings) -> Iterator[str]:
    """Yield a sentence for each password, token or private key that other users can read."""
    return list_exposed(settings)


def check_secrets(settings: RoomSettings) -> None:
    """Raise ConfigError, one line each, for secrets that every user of this machine can change."""
    if found := list(list_exposed(settings, only_changeable=True)):
        raise ConfigError("\n".join(found))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _find_problems(settings: RoomSettings, *, may_lack_users: bool) -> Iterator[str]:
    """Yield a sentence for each value that is insecure, or contradicts another."""
    checks: list[Callable[[], None]] = [
        lambda: check_security(settings.mqtt),
        lambda: _check_web(settings.web),
        lambda: _check_database(settings.room),
        lambda: _check_logo(settings.report.logo),
        *([] if may_lack_users else [lambda: _check_logins(settings)]),
    ]
    for check in checks:
        try:
            check()
        except ConfigError as err:
            yield str(err)
    for name in settings.robots.keys_of:
        if not _ROBOT.fullmatch(name):
            yield f"[robots] keys_of: {name!r} is no SITE/ROBOT, such as hall-3/crawler-1"
    for name in settings.drawings.files:
        if not _ASSET.fullmatch(name):
            yield f'[drawings] files: {name!r} is no SITE/ASSET, such as "hall-3/pipe L-7"'
    yield from find_rule_problems(settings.alerts, settings.room.severities)


def _check_logins(settings: RoomSettings) -> None:
    """Raise ConfigError if others reach the page and anybody comes in."""
    web = settings.web
    has_users = web.users_file is not None or (Path(settings.room.state_dir) / "users.json").exists()
    is_open = web.token_file is None and web.user_header is None and not has_users
    wanted = "add a user with `edge-node control-room user add`, or name a file with a token in token_file"
    if is_open and not is_loopback(web.host):
        raise ConfigError(f"[web] host = {web.host!r} is reached by others: {wanted}")
    if is_open and web.trusted_proxies:
        raise ConfigError(f"[web] trusted_proxies: others reach the page through them: {wanted}")


def _check_logo(logo: str | None) -> None:
    """Raise ConfigError if the logo cannot stand on a report."""
    if logo is None:
        return
    try:
        read_logo(Path(logo))
    except ConfigError as err:
        raise ConfigError(f"[report] logo = {err}") from err


def _check_database(room: RoomConfig) -> None:
    """Raise ConfigError for keys of a PostgreSQL database that cannot be used, or that stand without one."""
    if room.database is not None:
        check_url(room.database)
        return
    for key in ("database_password_file", "pictures_dir"):
        if getattr(room, key) is not None:
            raise ConfigError(f"[room] {key} belongs to a PostgreSQL database: give database too, or neither")


def _check_web(web: WebConfig) -> None:
    """Raise ConfigError for keys of [web] that contradict each other."""
    if bool(web.tls_cert_file) != bool(web.tls_key_file):
        raise ConfigError("[web] tls_cert_file and tls_key_file belong together; give both or none")
    if web.user_header and not web.trusted_proxies:
        raise ConfigError("[web] user_header needs trusted_proxies: anybody can send a header")
    if web.role_header and not web.user_header:
        raise ConfigError("[web] role_header needs user_header: roles of nobody")
    if bool(web.role_header) != bool(web.header_roles):
        raise ConfigError("[web] role_header and header_roles belong together; give both or none")
