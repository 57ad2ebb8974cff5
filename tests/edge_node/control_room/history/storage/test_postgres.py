"""PostgreSQL under the history: starts at once, lost connections, locks, dropped partitions, pictures."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from contextlib import closing
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import CompoundSelect, Delete, Insert, Select, Update, func, select

from edge_node.control_room import history as package
from edge_node.control_room.database_address import DatabasePlace
from edge_node.control_room.history import audit
from edge_node.control_room.history.database import HistoryError
from edge_node.control_room.history.defects import defect_book, sightings
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.history.storage.tables import metadata, verdict
from edge_node.control_room.ingest.batch_store import store
from tests.support.ingest_room import robot_verdict
from tests.support.robot_messages import message
from tests.support.verdicts import verdict as make_verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

    from sqlalchemy import Executable

    from tests.support.postgres import PostgresRooms

NOW = datetime(2026, 11, 26, tzinfo=timezone.utc)
WEEK = timedelta(days=7)
FAR = 10**9
_TABLES = "SELECT relname FROM pg_class WHERE relname LIKE 'verdict_week%' AND relkind = 'r' ORDER BY 1"

_ADDED_AFTER_0007 = (
    *("alert_", "change", "command", "defect", "drawing", "failed_login", "lease", "login_session"),
    *("mission", "room_process", "sighting", "withdrawal"),
)
_SHAPE = (
    """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name NOT LIKE 'verdict_week%' ORDER BY 1, 2""",
    """SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'verdict_week%'
    ORDER BY 1""",
    "SELECT version_num FROM alembic_version",
)


def test_two_processes_that_start_at_once_make_the_tables_once(
    tmp_path: Path, postgres_rooms: PostgresRooms
) -> None:
    """And a database with other tables is left alone."""
    place = postgres_rooms.make_empty()
    opened: list[History] = []
    threads = [
        threading.Thread(target=lambda: opened.append(History(tmp_path, place=place))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [history.robots() for history in opened] == [[], [], []]
    for history in opened:
        history.close()
    other = postgres_rooms.make_empty()
    postgres_rooms.execute(other, "CREATE TABLE customer (name text)")
    with pytest.raises(HistoryError, match="not a control room's"):
        History(tmp_path, place=other)


def test_a_room_of_an_older_version_is_upgraded(tmp_path: Path, postgres_rooms: PostgresRooms) -> None:
    """By the steps of a file: a room before defects, missions and alerts gets the tables of a new one."""
    place, fresh = postgres_rooms.make_empty(), postgres_rooms.make_empty()
    for one in (place, fresh):
        History(tmp_path, place=one).close()
    added = ", ".join(name for name in metadata.tables if name.startswith(_ADDED_AFTER_0007))
    for statement in (
        f"DROP TABLE {added}",
        "DROP INDEX finding_not_taken, finding_by_arrival",
        "ALTER TABLE finding DROP COLUMN is_taken",
        "UPDATE alembic_version SET version_num = '0007'",
    ):
        postgres_rooms.execute(place, statement)
    with closing(History(tmp_path, place=place)) as history:
        assert history.add_verdict(make_verdict(1, "U"))
    for asked in _SHAPE:
        assert postgres_rooms.execute(place, asked) == postgres_rooms.execute(fresh, asked)


def test_a_schema_of_its_own_separates_two_rooms(tmp_path: Path, postgres_rooms: PostgresRooms) -> None:
    """Also where the other room's schema stands behind it in the path."""
    place = postgres_rooms.make_empty()
    with closing(History(tmp_path, place=place)) as history:
        history.add_verdict(make_verdict(1, "U"))
    second = DatabasePlace(url=f"{place.url}&options=-csearch_path%3Dsecond%2Cpublic")
    postgres_rooms.execute(place, "CREATE SCHEMA second")
    for stored in (0, 1):
        with closing(History(tmp_path, place=second)) as history:
            assert history.count_verdicts() == stored
            history.add_verdict(make_verdict(2, "U"))


def test_the_room_does_not_take_what_the_server_prefers(
    tmp_path: Path, postgres_rooms: PostgresRooms
) -> None:
    """Not an isolation that reads the room as it was before its lock; nor an encoding that lacks letters."""
    place = postgres_rooms.make_empty()
    name = place.url.partition("?")[0].rpartition("/")[2]
    for prefers in ("default_transaction_isolation = 'serializable'", "client_encoding = 'LATIN1'"):
        postgres_rooms.execute(place, f"ALTER DATABASE {name} SET {prefers}")
    with closing(History(tmp_path, place=place)) as history:
        assert history.add_verdict(make_verdict(1, "U", material="鉄"))
        assert history.words("material") == ["鉄"]
        reader = history.database.backend.open_reader(read_only=False)
        assert reader.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
    for encoding in ("SQL_ASCII", "LATIN1"):
        options = f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"
        postgres_rooms.execute(place, f"CREATE DATABASE of_{encoding.lower()} {options}")
        url = place.url.replace(name, f"of_{encoding.lower()}")
        with pytest.raises(HistoryError, match=f"has the encoding {encoding}.*wanted UTF8"):
            History(tmp_path, place=DatabasePlace(url=url))


def test_a_lost_connection_costs_one_transaction(
    tmp_path: Path, postgres_place: DatabasePlace, postgres_rooms: PostgresRooms
) -> None:
    """It was not acknowledged, so it comes again; readers and the next transaction connect anew."""
    with closing(History(tmp_path, place=postgres_place)) as history:
        history.add_verdict(make_verdict(1, "U"))
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        end += " AND pid <> pg_backend_pid()"
        with pytest.raises(HistoryError, match=r"terminat|closed|lost"), history.transaction():  # noqa: PT012
            history.add_verdict(make_verdict(2, "U"))
            postgres_rooms.execute(postgres_place, end)
            history.add_verdict(make_verdict(3, "U"))
        assert history.count_verdicts() == 1
        assert history.add_verdict(make_verdict(2, "U"))
        postgres_rooms.execute(postgres_place, end)
        assert history.count_verdicts() == 2


def test_one_transaction_at_a_time_writes_in_the_room(tmp_path: Path, postgres_place: DatabasePlace) -> None:
    """What another process reads before it writes stays; those of two robots run side by side."""
    with (
        closing(History(tmp_path, place=postgres_place)) as one,
        closing(History(tmp_path, place=postgres_place)) as other,
    ):
        for robot in ("a", "b"):
            one.add_verdict(make_verdict(1, "U", robot=robot, id=f"{robot}:epoch:1"))
        with one.database.transaction([("quay", "a")]):
            other.add_verdict(make_verdict(2, "U", robot="b", id="b:epoch:2"))
        order = []

        def write() -> None:
            with other.transaction():
                order.append("other")

        with one.transaction():
            thread = threading.Thread(target=write)
            thread.start()
            thread.join(0.2)
            order.append("one")
        thread.join()
        assert order == ["one", "other"]


def test_two_processes_that_hear_of_the_same_new_robots_at_once_store_each_verdict_once(
    tmp_path: Path, postgres_place: DatabasePlace
) -> None:
    """No row is there to be locked yet; the batches name the robots in opposite orders."""
    names = [f"crawler-{number}" for number in range(1, 9)]
    start = threading.Barrier(2)
    failed: list[BaseException] = []

    def hear(order: list[str]) -> None:
        with closing(History(tmp_path, place=postgres_place)) as history:
            start.wait(20)
            try:
                store(
                    history,
                    [message(robot_verdict(name, 1), f"corrosion/v1/quay/{name}/verdict") for name in order],
                )
            except HistoryError as err:
                failed.append(err)

    with closing(History(tmp_path, place=postgres_place)) as history:
        threads = [threading.Thread(target=hear, args=[order]) for order in (names, names[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert not failed
        found = history.robots()
        assert [(one.robot, one.verdicts, one.duplicates) for one in found] == [
            (name, 1, 1) for name in names
        ]
        assert history.count_verdicts() == len(names)


def test_age_drops_whole_weeks(
    tmp_path: Path, postgres_place: DatabasePlace, postgres_rooms: PostgresRooms
) -> None:
    """What is left of a week that has begun goes row by row, and a reader that stays long delays it all."""
    with closing(History(tmp_path, place=postgres_place)) as history:
        for seq, weeks in enumerate((5, 4, 1, 0), start=1):
            history.add_verdict(make_verdict(seq, "U"), received_at=NOW - weeks * WEEK)
        made = postgres_rooms.execute(postgres_place, _TABLES)
        assert len(made) == 4
        gone = history.trim(max_bytes=FAR, max_picture_bytes=FAR, days=20, now=NOW)
        assert gone == 2
        assert postgres_rooms.execute(postgres_place, _TABLES) == made[2:]
        assert history.gaps() == []
        assert not history.add_verdict(make_verdict(1, "U"), received_at=NOW)
        shares = history.shares(max_bytes=FAR)
        history.trim(max_bytes=FAR, max_picture_bytes=FAR)
        assert history.shares(max_bytes=FAR) == shares


def test_bounds_hold_what_rows_are_charged(tmp_path: Path, postgres_place: DatabasePlace) -> None:
    """The files of a server do not shrink by what is deleted, so they tell nothing."""
    with closing(History(tmp_path, place=postgres_place)) as history:
        with history.transaction():
            for seq in range(1, 121):
                history.add_verdict(make_verdict(seq, "U", form="x" * 2000))
        assert history.trim(max_bytes=200_000, max_picture_bytes=FAR) > 30
        kept = history.count_verdicts()
        assert 30 < kept < 90
        assert history.shares(max_bytes=200_000)[0].bytes <= 200_000
        assert history.trim(max_bytes=200_000, max_picture_bytes=FAR) == 0
        assert history.newest(1)[0].verdict.seq == 120
        assert history.database.rows(select(func.count()).select_from(verdict)) == [(kept,)]


def test_pictures_lie_beside_the_database(tmp_path: Path, postgres_place: DatabasePlace) -> None:
    """A second process reads them from the same folder; one whose file is lost is not there."""
    picture = StoredPicture("quay", "crawler-1", "0" * 64, is_thumbnail=False, content=b"jpeg" * 99)
    with closing(History(tmp_path, place=postgres_place)) as history:
        assert history.add_picture(picture)
        assert history.usage().picture_bytes == 396
        with closing(History(tmp_path, place=postgres_place, read_only=True)) as reader:
            assert reader.picture("quay", "crawler-1", "0" * 64) == picture
        (file,) = (path for path in (tmp_path / "pictures").rglob("*") if path.is_file())
        file.unlink()
        assert history.picture("quay", "crawler-1", "0" * 64) is None


def test_news_reach_those_who_listen(tmp_path: Path, postgres_place: DatabasePlace) -> None:
    """Once the transaction is committed, and not if it came to nothing."""
    with closing(History(tmp_path, place=postgres_place)) as history:
        heard = history.database.listen("room")
        assert next(heard) is None
        with pytest.raises(ZeroDivisionError), history.transaction():  # noqa: PT012
            history.database.notify("room", "never")
            raise ZeroDivisionError
        with history.transaction():
            history.database.notify("room", "stored 1")
        assert next(one for one in heard if one is not None) == "stored 1"
        heard.close()


def test_each_statement_is_one_that_the_server_takes(tmp_path: Path, postgres_place: DatabasePlace) -> None:
    """Of every module: SQLite takes more, as a number for a truth, or a column without a group."""
    import psycopg

    refused, count = [], 0
    with closing(History(tmp_path, place=postgres_place)) as history:
        preparer = history.database.backend.preparer
        connection = history.database.backend.open_reader(read_only=False)
        for name, statement in [*list_statements(), *make_late_statements()]:
            prepared = preparer.prepare(statement)
            numbered = "".join(
                f"{part}${place}" if place <= len(prepared.names) else part
                for place, part in enumerate(prepared.text.replace("%%", "%").split("%s"), start=1)
            )
            result = connection.pgconn.prepare(b"", numbered.encode())
            count += 1
            if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                refused.append(f"{name}: {result.error_message.decode()}")
    assert refused == []
    assert count > 100


# Arguments for each function that makes statements when they are first asked for: all parts, and none.
_VERDICTS = (
    *("site", "robot", "asset", "outcome", "material", "form", "severity", "replayed", "from_m", "to_m"),
    *("since", "until", "with_picture", "without_asset"),
)
_FINDINGS = ("site", "robot", "asset", "material", "severity", "is_open", "since", "until")
_DEFECT = ("name", "set_state", "set_by", "set_us", "assignee", "muted_until_us")
_QUEUED = ("site", "robot", "reason", "without_reason", "with_picture", "not_reviewed")
_WORST = ("worst_00", "worst_01")
_NEXT = ("after_first", "after_second", "after_position")
_LATE: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "audit._page": [((tuple(audit._CONDITIONS),), {})],
    "defects.deeds._set": [((_DEFECT,), {})],
    "defects.defect_book._defects": [((tuple(defect_book._CONDITIONS),), {})],
    "defects.sightings._sightings": [((tuple(sightings._CONDITIONS),), {})],
    "finding_span._in_span": [((_VERDICTS,), {})],
    "queries._count": [((_VERDICTS,), {})],
    "queries._finding_of_id": [((("site", "robot"),), {})],
    "queries._findings": [((_FINDINGS,), {"as_arrived": way}) for way in (True, False)],
    "queries._misdated": [((_VERDICTS,), {})],
    "queries._page": [
        ((_VERDICTS,), {"is_next": is_next, "oldest_first": way})
        for is_next in (True, False)
        for way in (True, False)
    ],
    "queries._responses": [((("robot_key", "command_id"),), {})],
    "review_queue._counts": [((_QUEUED,), {})],
    "review_queue._page": [(((*_QUEUED, *words, *_NEXT),), {}) for words in ((), _WORST)],
    "review_queue._place": [((words,), {}) for words in ((), _WORST)],
    "reviews._reviews_of": [((("robot_key", "finding_id"),), {})],
    "sequence_gaps._gaps": [((("site", "robot"),), {})],
    "sequence_gaps._stored_up_to": [((), {"from_first_heard": way}) for way in (True, False)],
    "strip_cells._counts_by_asset": [((_VERDICTS, 2, True), {"by_time": way}) for way in (True, False)],
    "strip_cells._spans": [((_VERDICTS,), {})],
    "strip_cells._statements": [((_VERDICTS,), {"by_time": way}) for way in (True, False)],
}


def make_late_statements() -> Iterator[tuple[str, Executable]]:
    """Yield what each function of the history makes that keeps its statements; a new one wants its line."""
    known = set()
    for module in _load_modules():
        for name, value in vars(module).items():
            if getattr(value, "__module__", "") != module.__name__ or not hasattr(value, "cache_info"):
                continue
            called = f"{module.__name__.removeprefix(package.__name__ + '.')}.{name}"
            if called.startswith("storage."):  # of a statement that was made elsewhere
                continue
            known.add(called)
            for arguments, options in _LATE[called]:
                nothing = tuple(() if isinstance(one, tuple) else one for one in arguments)
                for given in (arguments, nothing):
                    yield from ((called, one) for one in _find_statements(value(*given, **options)))
    assert known == set(_LATE)


def list_statements() -> Iterator[tuple[str, Executable]]:
    """Yield the statements that the history's modules make when they are loaded."""
    for module in _load_modules():
        for name, value in vars(module).items():
            yield from ((f"{module.__name__}.{name}", one) for one in _find_statements(value))


def _load_modules() -> Iterator[ModuleType]:
    apart = ("versions", "recovery")  # upgrades and files
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not any(part in found.name.split(".") for part in apart):
            yield importlib.import_module(found.name)


def _find_statements(value: object) -> Iterator[Executable]:
    if isinstance(value, (Select, Insert, Update, Delete, CompoundSelect)):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _find_statements(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _find_statements(one)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _find_statements(getattr(value, field.name))
