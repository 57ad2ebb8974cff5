"""Define the sections of the control room's configuration: every key with its meaning, bounds and default."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_node.config.delivery_sections import MqttConfig
from edge_node.config.toml_reader import about
from edge_node.config.value_types import Id, Port, Text
from edge_node.validation import text_rule

Days = Annotated[float, msgspec.Meta(gt=0, le=36_500)]
RoleName = Literal["viewer", "reviewer", "operator", "admin"]
_HeaderName = Annotated[
    str, text_rule(r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z", "the name of a header, such as X-Remote-User")
]
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
    Id | None, about("Client id at the broker. If it is not given, one is made once and stored in state_dir.")
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

    state_dir: Annotated[str, about("Folder of the history.", min_length=1)] = "/var/lib/corrosion-room"
    database: Annotated[
        Text | None,
        about(
            "Address of a PostgreSQL database for the history, instead of a file in state_dir:"
            " postgresql+psycopg://USER@HOST/NAME (extra postgres)."
        ),
    ] = None
    database_password_file: Annotated[Text | None, about("File with the password of that user.")] = None
    pictures_dir: Annotated[
        Text | None, about("Folder of the pictures beside PostgreSQL; `pictures` in state_dir if not given.")
    ] = None
    title: Annotated[str, about("Heading of the page.", min_length=1, max_length=60)] = "Control room"
    site: Annotated[Id | None, about("Subscribe to one site only; to all if not given.")] = None
    max_mb: Annotated[
        int,
        about(
            "Bound of the stored messages. Beyond it the robot that uses most loses its oldest ones.", ge=10
        ),
    ] = 4096
    pictures_mb: Annotated[
        int,
        about(
            "Bound of the stored pictures. Beyond it the robot that uses most loses its oldest ones, full"
            " pictures first.",
            ge=1,
        ),
    ] = 2048
    days: Annotated[
        Days | None,
        about(
            "Delete what arrived longer ago than this (on PostgreSQL whole weeks), unless the clock is in"
            " doubt."
        ),
    ] = None
    session_days: Annotated[
        int, about("Days that the broker queues messages while the control room is offline.", ge=1, le=365)
    ] = 30
    receipts_as: Annotated[
        Id | None,
        about(
            "Publish on receipt/NAME how far verdicts are stored. Robots wait for it if their [mqtt]"
            " receipts_from names NAME."
        ),
    ] = None
    receipts_from_first_heard: Annotated[
        bool,
        about(
            "Publish receipts also where the first verdicts of an epoch never came. Robots then delete these."
        ),
    ] = False
    max_robots: Annotated[
        int,
        about(
            "Number of robots that are admitted by themselves. Further ones wait until an admin admits them.",
            ge=1,
        ),
    ] = 1000
    max_sites: Annotated[int, about("Number of sites whose robots are admitted by themselves.", ge=1)] = 100
    sites: Annotated[
        tuple[Id, ...],
        about("Names of the sites whose robots are admitted by themselves; any site if not given."),
    ] = ()
    severities: Annotated[
        tuple[Text, ...],
        about("Names of the severities, from the least to the worst, as the models name them."),
    ] = (
        "none",
        "mid",
        "late",
    )


class WebConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The page: address, logins, certificate, reverse proxy."""

    host: Annotated[Text, about("Address of the page. Any but the loopback's needs users or a token.")] = (
        "127.0.0.1"
    )
    port: Annotated[Port, about("Port of the page.")] = 8430
    token_file: Annotated[
        Text | None, about("File with one token for all, who may do everything: at least 16 characters.")
    ] = None
    users_file: Annotated[
        Text | None,
        about(
            "File with the users of `edge-node control-room user add`; users.json in state_dir if not given,"
            " once it is there."
        ),
    ] = None
    metrics_token_file: Annotated[
        Text | None, about("File with a token that opens /metrics alone, for Prometheus: 16 characters.")
    ] = None
    names: Annotated[tuple[Text, ...], about("Host names under which browsers may open the page.")] = ()
    tls_cert_file: Annotated[Text | None, about("File with the certificate for HTTPS.")] = None
    tls_key_file: Annotated[Text | None, about("File with the key of tls_cert_file.")] = None
    max_connections: Annotated[
        int,
        about(
            "Connections at once. Beyond it an idle one is closed, or one of the address that holds most.",
            ge=8,
            le=10_000,
        ),
    ] = 256
    max_connections_per_address: Annotated[
        int,
        about(
            "Connections at once from one address. Those of a trusted proxy are not counted so.",
            ge=4,
            le=10_000,
        ),
    ] = 64
    session_hours: Annotated[int, about("Hours that a login lasts.", ge=1, le=24 * 90)] = 24 * 7
    root_path: Annotated[_RootPath, about("Path below which a reverse proxy serves the page.")] = ""
    trusted_proxies: Annotated[
        tuple[Text, ...], about("Addresses or networks of proxies whose X-Forwarded-... headers hold.")
    ] = ()
    user_header: Annotated[
        _HeaderName | None, about("Header in which a trusted proxy names the user: single sign-on.")
    ] = None
    role_header: Annotated[
        _HeaderName | None, about("Header in which a trusted proxy names the user's groups.")
    ] = None
    header_roles: Annotated[
        dict[str, RoleName], about("Role of each group: viewer, reviewer, operator or admin.")
    ] = {}
    header_default_role: Annotated[
        RoleName | None,
        about("Role of users whose groups are not in header_roles. If not given, they are not let in."),
    ] = None
    hsts_days: Annotated[
        int,
        about(
            "Days for which a browser that came by HTTPS must use nothing else (HSTS); 0 does not tell"
            " browsers so.",
            ge=0,
        ),
    ] = 365


class RoomCommandsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Commands that people may send to robots from the page."""

    enabled: Annotated[
        bool,
        about("Let people confirm and dispute findings, request full pictures, command and update robots."),
    ] = True
    key_file: Annotated[
        Text | None,
        about("File with the key that signs commands. `edge-node command keygen` makes it (extra signing)."),
    ] = None
    trusted_keys: Annotated[
        tuple[Text, ...],
        about(
            "Public keys of terminals and other control rooms. Reviews that they sign count as a person's."
        ),
    ] = ()
    bundles_dir: Annotated[
        Text | None, about("Folder with signed bundles (.bundle.tar) that operators may send to robots.")
    ] = None


class DrawingsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Drawings of assets; people also upload and place them on the page."""

    files: Annotated[
        dict[str, Text],
        about('A PNG for each "SITE/ASSET"; NAME.json beside NAME.png, if there, says how it is placed.'),
    ] = {}


class ReportConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What reports say beside their figures; each report may say otherwise."""

    logo: Annotated[
        Text | None, about("PNG or JPEG file of whoever inspects: at most 1 MB, 4000 pixels wide and high.")
    ] = None
    client: Annotated[str, about("Name of the client, which stands on reports.", max_length=200)] = ""
    order: Annotated[str, about("The client's order number, which stands on reports.", max_length=100)] = ""


class RobotsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Keys by which robots sign how far their records go: files with a public key, or its PEM text."""

    keys: Annotated[
        tuple[Text, ...], about("Public keys that may sign for any robot without a key in keys_of.")
    ] = ()
    keys_of: Annotated[
        dict[str, tuple[Text, ...]],
        about("Public keys of single robots, SITE/ROBOT. No other key signs for them."),
    ] = {}
