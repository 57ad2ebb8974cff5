"""Say where a PostgreSQL database is: the URL of the configuration, the password's file, the driver."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from edge_node.credential_files import credential_path
from edge_node.errors import ConfigError
from edge_node.text_file import TextFileError, read_secret

_URL = re.compile(
    r"postgresql(?:\+psycopg)?://(?:(?P<user>[^@/?:]*)(?P<password>:[^@/?]*)?@)?(?P<rest>[^\s]*)", re.ASCII
)
WANTED = "postgresql+psycopg://USER@HOST:PORT/NAME; more hosts behind commas"
# A server that is gone is noticed, also where nothing answers; other values may stand in the URL.
_DEFAULTS = {
    "connect_timeout": "5",
    "application_name": "corrosion-room",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


class DatabasePlace(msgspec.Struct, frozen=True, kw_only=True):
    """A PostgreSQL database that several processes share.

    Attributes:
        url: of the database, ``postgresql+psycopg://USER@HOST[:PORT][,HOST[:PORT]]/NAME``; no password.
        password_file: that holds the user's password; None where the server asks for none, or libpq finds it.
        pictures_dir: folder of the evidence pictures; None: ``pictures`` in the state folder.
    """

    url: str
    password_file: str | None = None
    pictures_dir: str | None = None


def check_url(url: str) -> None:
    """Raise ConfigError unless a URL names a PostgreSQL database, without a password."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ConfigError(f"[room] database: no address of a PostgreSQL database; wanted {WANTED}")
    if found["password"] is not None or re.search(r"[?&]password=", url):
        raise ConfigError(
            "[room] database: holds a password, which whoever reads the configuration or the log would see;"
            " write it into a file, and name that in database_password_file"
        )


def load_driver() -> Any:
    """Return the module ``psycopg``.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import psycopg
    except ImportError as err:
        raise ConfigError(
            "[room] database: needs the Python package psycopg; pip install 'corrosion-edge-node[postgres]'"
        ) from err
    return psycopg


def find_parameters(place: DatabasePlace) -> dict[str, Any]:
    """Return what the driver's ``connect`` takes; the password's file is read each time.

    Raises:
        ConfigError: the URL or the file cannot be used.
    """
    check_url(place.url)
    driver = load_driver()
    address = re.sub(r"^postgresql\+psycopg:", "postgresql:", place.url)
    try:
        given = driver.conninfo.conninfo_to_dict(_without_hosts(address))
    except driver.ProgrammingError as err:
        raise ConfigError(f"[room] database: {str(err).strip()}; wanted {WANTED}") from err
    found = {**_DEFAULTS, **given, **_read_hosts(address)}
    if place.password_file is not None:
        try:
            found["password"] = read_secret(Path(credential_path(place.password_file)))
        except TextFileError as err:
            raise ConfigError(f"[room] database_password_file = {place.password_file!r}: {err}") from err
    return found


def name_place(place: DatabasePlace) -> str:
    """Return how messages call a database: its hosts and name, without user and options."""
    found = _URL.fullmatch(place.url)
    if found is None:
        return "postgresql"
    hosts = _read_hosts(place.url).get("host", "")
    return f"postgresql://{hosts}{unquote(found['rest'].partition('?')[0])}"


def _read_hosts(address: str) -> dict[str, str]:
    """Return hosts and ports that a URL names by ``host=NAME[:PORT]``, as SQLAlchemy writes them."""
    given = [value for key, value in parse_qsl(address.partition("?")[2]) if key == "host"]
    pairs = [(name, port) for name, _, port in (one.partition(":") for one in given)]
    if len(pairs) < 2 and not any(port for _, port in pairs):
        return {"host": pairs[0][0]} if pairs else {}
    return {
        "host": ",".join(name for name, _ in pairs),
        "port": ",".join(port or "5432" for _, port in pairs),
    }


def _without_hosts(address: str) -> str:
    base, _, query = address.partition("?")
    return "?".join([base, "&".join(part for part in query.split("&") if not part.startswith("host="))])
