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
    database: Annotated[
        Text | None,
        about(
            "PostgreSQL instead of a file in state_dir: postgresql+psycopg://USER@HOST/NAME (extra postgres)."
        ),
    ] = None
    database_password_file: Annotated[Text | None, about("File with the password of that user.")] = None
    pictures_dir: Annotated[
        Text | None, about("Folder of pictures beside PostgreSQL; `pictures` in state_dir if not given.")
    ] = None
    title: Annotated[str, about("Heading of the page.", min_length=1, max_length=60)] = "Control room"
    site: Annotated[Id | None, about("Subscribe to one site only; all if not given.")] = None
    max_mb: Annotated[int, about("Bound on messages; beyond, who uses most gives the oldest.", ge=10)] = 4096
    pictures_mb: Annotated[
        int, about("Bound on pictures; beyond, who uses most gives, full ones first.", ge=1)
    ] = 2048
    days: Annotated[
        Days | None,
        about("Delete what arrived longer ago (PostgreSQL: whole weeks), unless the clock is in doubt."),
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
