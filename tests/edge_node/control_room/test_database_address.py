"""The URL of a database, and its password, which stands in a file and is told to nobody."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from edge_node.control_room.database_address import (
    DatabasePlace,
    check_url,
    find_parameters,
    load_driver,
    name_place,
)
from edge_node.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("psycopg", reason="the Python package psycopg is not installed (extra postgres)")
TWO = "target_session_attrs=read-write"


@pytest.mark.parametrize(
    ("url", "hosts", "ports"),
    [
        (f"postgresql+psycopg://room@a:5433,b/corrosion?{TWO}", "a,b", "5433,"),
        (f"postgresql+psycopg://room@/corrosion?host=a:5433&host=b&{TWO}", "a,b", "5433,5432"),
        (f"postgresql://room@/corrosion?host=/run/postgresql&{TWO}", "/run/postgresql", None),
    ],
)
def test_several_servers_may_be_named(url: str, hosts: str, ports: str | None) -> None:
    """As libpq writes them and as SQLAlchemy does; the one that writes is asked."""
    found = find_parameters(DatabasePlace(url=url))
    assert (found["host"], found.get("port"), found["dbname"], found["user"]) == (
        hosts,
        ports,
        "corrosion",
        "room",
    )
    assert found["target_session_attrs"] == "read-write"


def test_a_password_comes_from_its_file_alone(tmp_path: Path) -> None:
    """It is in no name of the place, and one in the URL is refused without being told."""
    (file := tmp_path / "password").write_text("s3cret\n")
    file.chmod(0o600)
    place = DatabasePlace(url="postgresql+psycopg://room@db/corrosion", password_file=str(file))
    assert find_parameters(place)["password"] == "s3cret"  # noqa: S105
    assert name_place(place) == "postgresql://db/corrosion"
    for url in ("postgresql://room:s3cret@db/c", "postgresql://db/c?user=room&password=s3cret"):
        with pytest.raises(ConfigError, match="database_password_file") as refused:
            check_url(url)
        assert "s3cret" not in str(refused.value)
    with pytest.raises(ConfigError, match="database_password_file"):
        find_parameters(DatabasePlace(url=place.url, password_file=str(tmp_path / "none")))


@pytest.mark.parametrize(
    "url", ["mysql://db/c", "sqlite:///a.db", "", "postgresql", "postgresql://db/c?nonsense=1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """In one sentence that says what is wanted."""
    with pytest.raises(ConfigError, match="wanted"):
        find_parameters(DatabasePlace(url=url))


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that brings it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"corrosion-edge-node\[postgres\]"):
        load_driver()
