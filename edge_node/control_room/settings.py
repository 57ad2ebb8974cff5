"""Read the control room's configuration from a TOML file, or build it from command-line options."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from edge_node.config.delivery_sections import MqttConfig
from edge_node.config.secret_files import list_exposed
from edge_node.config.sections import MAX_CONFIG_BYTES
from edge_node.config.toml_reader import about, example_text, read_sections
from edge_node.config.value_types import Id, Port, Text
from edge_node.errors import ConfigError
from edge_node.mqtt.endpoint import check_security
from edge_node.text_file import TextFileError, read_bounded
from edge_node.validation import describe_invalid, text_rule

if TYPE_CHECKING:
    from collections.abc import Iterator

Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]
RoleName = Literal["viewer", "reviewer", "operator", "admin"]
_HeaderName = Annotated[
    str, text_rule(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z", "the name of a header, such as X-Remote-User")
]
_ROBOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}/[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_RootPath = Annotated[
    str,
    text_rule(r"^(/[A-Za-z0-9._~-]+)*/?\Z", 'a path of letters, digits, ., _, ~ and -, such as "/corrosion"'),
]
# Keys of the node's [mqtt] that any client needs; window, will, receipts and discovery are for robots only.
_BROKER_KEYS = (
    *("hostname", "port", "client_id", "keep_alive_s", "username", "username_file", "password_file"),
    *("tls", "ca_file", "cert_file", "key_file"),
    *("insecure_skip_host_name_check", "insecure_allow_plaintext_password"),
)
_BROKER_FIELDS = {field.name: field for field in msgspec.structs.fields(MqttConfig)}
_CLIENT_ID = Annotated[
    Id | None, about("Client id at the broker; made once and stored in state_dir if not given.")
]

BrokerConfig = msgspec.defstruct(
    "BrokerConfig",
    [
        (name, _CLIENT_ID if name == "client_id" else _BROKER_FIELDS[name].type, _BROKER_FIELDS[name].default)
        for name in _BROKER_KEYS
    ],
    frozen=True,
    kw_only=True,
    namespace={"__doc__": "The broker: MQTT v5, with a session that outlasts a stop of the control room."},
)


class RoomConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The history: folder, bounds, receipts."""

    state_dir: Annotated[str, about("Folder for the history.", min_length=1)] = "/var/lib/corrosion-room"
    title: Annotated[str, about("Heading of the page.", min_length=1, max_length=60)] = "Control room"
    site: Annotated[Id | None, about("Subscribe to one site only; all if not given.")] = None
    max_mb: Annotated[int, about("Bound on messages; beyond, who uses most gives the oldest.", ge=10)] = 4096
    pictures_mb: Annotated[
        int, about("Bound on pictures; beyond, who uses most gives, full ones first.", ge=1)
    ] = 2048
    days: Annotated[
        Days | None,
        about("Delete what arrived longer ago, unless the clock is in doubt; if not given, never."),
    ] = None
    session_days: Annotated[
        int, about("Days that the broker queues messages while the control room is offline.", ge=1, le=365)
    ] = 30
    receipts_as: Annotated[
        Id | None, about("Publish on receipt/NAME how far verdicts are stored: robots' [mqtt] receipts_from.")
    ] = None
    receipts_from_first_heard: Annotated[
        bool, about("Publish it also where the first verdicts of an epoch never came: robots then drop them.")
    ] = False
    max_robots: Annotated[
        int, about("Robots that come in by themselves; more wait until an admin admits them.", ge=1)
    ] = 1000
    max_sites: Annotated[int, about("Sites of which robots come in by themselves.", ge=1)] = 100
    sites: Annotated[
        tuple[Id, ...], about("Sites of which robots come in by themselves; any if not given.")
    ] = ()
    severities: Annotated[
        tuple[Text, ...], about("From the least to the worst, as the models name them.")
    ] = (
        "none",
        "mid",
        "late",
    )


class WebConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The page: address, logins, certificate, reverse proxy."""

    host: Annotated[Text, about("Address to listen on; any but the loopback's needs users or a token.")] = (
        "127.0.0.1"
    )
    port: Annotated[Port, about("Port to listen on.")] = 8430
    token_file: Annotated[
        Text | None, about("File with one token for all, who may do everything: at least 16 characters.")
    ] = None
    users_file: Annotated[
        Text | None,
        about("Users, of `edge-node control-room user add`; users.json in state_dir, once it is there."),
    ] = None
    metrics_token_file: Annotated[
        Text | None, about("File with a token that opens /metrics alone, for Prometheus: 16 characters.")
    ] = None
    names: Annotated[tuple[Text, ...], about("Host names under which browsers may open the page.")] = ()
    tls_cert_file: Annotated[Text | None, about("Serve HTTPS with this certificate ...")] = None
    tls_key_file: Annotated[Text | None, about("... and its key.")] = None
    max_connections: Annotated[
        int,
        about(
            "Connections at once; beyond, an idle one gives way, or one of who holds most.", ge=8, le=10_000
        ),
    ] = 256
    max_connections_per_address: Annotated[
        int, about("Of these from one address; a trusted proxy's are not counted so.", ge=4, le=10_000)
    ] = 64
    session_hours: Annotated[int, about("Hours that a login lasts.", ge=1, le=24 * 90)] = 24 * 7
    root_path: Annotated[_RootPath, about("Path below which a reverse proxy serves the page.")] = ""
    trusted_proxies: Annotated[
        tuple[Text, ...], about("Addresses or networks of proxies whose X-Forwarded-... headers hold.")
    ] = ()
    user_header: Annotated[
        _HeaderName | None, about("Header in which a trusted proxy names the user: single sign-on.")
    ] = None
    role_header: Annotated[_HeaderName | None, about("Header in which it names the user's groups.")] = None
    header_roles: Annotated[
        dict[str, RoleName], about("Role of each group: viewer, reviewer, operator or admin.")
    ] = {}
    header_default_role: Annotated[
        RoleName | None,
        about("Role of others whom it names; if not given, only known ones come in."),
    ] = None
    hsts_days: Annotated[
        int, about("Days for which browsers that came by HTTPS use nothing else; 0: do not say so.", ge=0)
    ] = 365


class RoomCommandsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Commands that people may send to robots from the page."""

    enabled: Annotated[bool, about("Confirm and dispute findings, request full pictures.")] = True
    key_file: Annotated[
        Text | None,
        about("Sign commands with this key, made by edge-node command keygen (extra signing)."),
    ] = None
    trusted_keys: Annotated[
        tuple[Text, ...],
        about("Public keys of terminals and other rooms: reviews that they sign count as a person's."),
    ] = ()


class RobotsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Keys by which robots sign how far their records go: files with a public key, or its PEM text."""

    keys: Annotated[tuple[Text, ...], about("They may sign for any robot that has no key below.")] = ()
    keys_of: Annotated[
        dict[str, tuple[Text, ...]], about("Keys of one robot, SITE/ROBOT: no other signs for it.")
    ] = {}


class RoomSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All sections of the configuration."""

    mqtt: MqttConfig
    room: RoomConfig = RoomConfig()
    web: WebConfig = WebConfig()
    commands: RoomCommandsConfig = RoomCommandsConfig()
    robots: RobotsConfig = RobotsConfig()


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "mqtt": BrokerConfig,
    "room": RoomConfig,
    "web": WebConfig,
    "commands": RoomCommandsConfig,
    "robots": RobotsConfig,
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
        raise ConfigError(f"{path}: {err}") from err


def build_settings(  # noqa: PLR0913  each is a section, by name
    mqtt: dict[str, Any],
    room: dict[str, Any] | None = None,
    web: dict[str, Any] | None = None,
    commands: dict[str, Any] | None = None,
    robots: dict[str, Any] | None = None,
    *,
    may_lack_users: bool = False,
) -> RoomSettings:
    """Build settings from the values of each section.

    Raises:
        ConfigError: a value is invalid, or insecure (a password without TLS, a page without a token).
    """
    given = {"room": room, "web": web, "commands": commands, "robots": robots}
    document = {"mqtt": mqtt, **{name: values or {} for name, values in given.items()}}
    try:
        settings = msgspec.convert(document, RoomSettings)
    except msgspec.ValidationError as err:
        raise ConfigError(describe_invalid(err, document, RoomSettings)) from err
    check_security(settings.mqtt)
    _check_web(settings.web)
    for name in settings.robots.keys_of:
        if not _ROBOT.fullmatch(name):
            raise ConfigError(f"[robots] keys_of: {name!r} is no SITE/ROBOT, such as hall-3/crawler-1")
    if not may_lack_users:
        _check_logins(settings)
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


def _check_logins(settings: RoomSettings) -> None:
    """Raise ConfigError if others reach the page and anybody comes in."""
    web = settings.web
    has_users = web.users_file is not None or (Path(settings.room.state_dir) / "users.json").exists()
    is_open = web.token_file is None and web.user_header is None and not has_users
    wanted = "token_file must name a file with a token, or `edge-node control-room user add` add a user"
    if is_open and not is_loopback(web.host):
        raise ConfigError(f"[web] host = {web.host!r} is reached by others: {wanted}")
    if is_open and web.trusted_proxies:
        raise ConfigError(f"[web] trusted_proxies: others reach the page through them: {wanted}")


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
