"""How long PostgreSQL searches 2 million verdicts: ``python -m tests.benchmarks.postgres_search``.

Starts a server of its own, fills half a year of 200 robots by COPY, then asks what the page asks through
``History``, so with messages decoded, and prints median and 95th percentile. ``--plans`` prints for each
question how the server finds the answer. Wanted: 300 ms.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_node.control_room.database_address import DatabasePlace
from edge_node.control_room.history.database import to_us
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import FindingFilter, QueueFilter, VerdictFilter
from edge_node.control_room.history.storage import postgres_tables
from edge_node.messages.verdict import Pose, encode
from tests.support.postgres import PostgresServer
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WEEKS = 26
ROBOTS = 200
_DAY_US = 86_400_000_000
_COLUMNS = (
    *("robot_key", "epoch_key", "seq", "observed_us", "received_us", "replayed", "outcome", "material"),
    *("severity", "asset", "distance_m", "evidence", "sha256", "reasons", "teaches", "margin", "payload"),
)
_ROBOTS_FILL = (
    """INSERT INTO robot (robot_key, site, robot, first_heard_us, last_heard_us, verdicts)
    SELECT key, 'quay', 'crawler-' || key - 1, 0, %(end_us)s, %(each)s
    FROM generate_series(1, %(robots)s) AS key""",
    "INSERT INTO epoch SELECT key, key, 'epoch' FROM generate_series(1, %(robots)s) AS key",
    """INSERT INTO epoch_state (epoch_key, robot_key, from_start)
    SELECT key, key, 1 FROM generate_series(1, %(robots)s) AS key""",
    """INSERT INTO arrived (epoch_key, first_seq, last_seq)
    SELECT key, 1, %(each)s FROM generate_series(1, %(robots)s) AS key""",
)
_PICTURES_FILL = """
    INSERT INTO picture (robot_key, sha256, is_thumbnail, received_us, bytes, content)
    SELECT robot_key, evidence, 1, received_us, 10000, sha256 FROM verdict WHERE evidence IS NOT NULL"""
_OPTIONS = (
    *(
        "fsync=off",
        "full_page_writes=off",
        "synchronous_commit=off",
        "wal_level=minimal",
        "max_wal_senders=0",
    ),
    *("shared_buffers=512MB", "work_mem=16MB", "maintenance_work_mem=256MB", "max_wal_size=4GB"),
    *("random_page_cost=1.1", "session_preload_libraries=auto_explain", "autovacuum=off"),
)


def make_rows(verdicts: int, end_us: int) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of so many verdicts over half a year, in the order of their arrival."""
    step_us = WEEKS * 7 * _DAY_US // verdicts
    patterns = {
        what: encode(verdict(987654321, what, asset="pier 7", pose=Pose(distance_m=12.5), robot="ROBOT"))
        for what in "UCX?"
    }
    for number in range(verdicts):
        robot, seq = number % ROBOTS, number // ROBOTS + 1
        what = "UUUUUUUC?X"[number * 7 % 10]
        at_us = end_us - (verdicts - number) * step_us
        name = f"crawler-{robot}"
        payload = patterns[what].replace(b"987654321", b"%d" % seq).replace(b"ROBOT", name.encode())
        has_picture = number % 100 == 0
        yield (
            *(robot + 1, robot + 1, seq, at_us, at_us, int(number % 50 == 0)),
            {"U": "uncorroded", "C": "corroded", "X": "not_inspectable", "?": "uncertain"}[what],
            ("steel", "aluminium", "galvanized")[number % 3],
            "late" if what == "C" and number % 4 == 1 else "mid" if what == "C" else None,
            *(f"pipe {robot % 50}", number % 9973 / 50, f"{number:064x}" if has_picture else None),
            *(b"\0" * 32, "low_margin" if has_picture else "", 2 if has_picture else 99, 0.1, payload),
        )


def fill(server: PostgresServer, name: str, verdicts: int) -> float:
    """Fill a database whose tables are made, and return the seconds that it took."""
    import psycopg

    began_s, end_us = time.monotonic(), to_us(START)
    newest = postgres_tables.find_week(end_us)
    with psycopg.connect(host=str(server.folder), user="room", dbname=name) as connection:
        for week in range(newest - WEEKS, newest + 1):
            for statement in postgres_tables.list_partition_statements(week):
                connection.execute(statement)
        for statement in _ROBOTS_FILL:
            values = {"robots": ROBOTS, "each": verdicts // ROBOTS, "end_us": end_us}
            connection.execute(statement, values)
        columns = ", ".join(_COLUMNS)
        with connection.cursor() as cursor, cursor.copy(f"COPY verdict ({columns}) FROM STDIN") as copy:
            for row in make_rows(verdicts, end_us):
                copy.write_row(row)
        connection.execute(_PICTURES_FILL)
    server.execute("VACUUM ANALYZE", name)
    return time.monotonic() - began_s


def list_questions(history: History) -> dict[str, Callable[[], object]]:
    """Return what the page asks, by what a person would call it."""
    robot = VerdictFilter(site="quay", robot="crawler-17")
    filters = {
        "verdicts: newest 200": VerdictFilter(),
        "verdicts of one robot": robot,
        "verdicts: corroded, late, aluminium": VerdictFilter(
            outcome="corroded", severity="late", material="aluminium"
        ),
        "verdicts of one asset, last month": VerdictFilter(asset="pipe 7", since=START - timedelta(days=30)),
        "verdicts: 5 m of a robot's path": VerdictFilter(
            site="quay", robot="crawler-17", outcome="corroded", from_m=50.0, to_m=55.0
        ),
        "verdicts: a material that is not there": VerdictFilter(material="copper"),
    }
    questions: dict[str, Callable[[], object]] = {
        name: (lambda only=only: history.verdicts(only, limit=200)) for name, only in filters.items()
    }
    last = history.verdicts(robot, limit=200)[-1]
    return questions | {
        "the next page of one robot": lambda: history.verdicts(robot, limit=200, after=last),
        "total of one robot": lambda: history.count_verdicts(robot),
        "strip of one robot": lambda: history.strip(robot, cells=240),
        "one verdict by its id": lambda: history.verdict("crawler-17:epoch:5000"),
        "live: newest 50": lambda: history.newest(50),
        "robots": history.robots,
        "gaps": lambda: history.gaps(limit=100),
        "findings": lambda: history.findings(FindingFilter()),
        "review queue: 60 pictures": lambda: history.queue(QueueFilter(), limit=60),
        "review queue: counts": lambda: history.count_queue(QueueFilter()),
        "assets": history.assets,
        "materials": lambda: history.words("material"),
    }


def read_plans(server: PostgresServer, place: DatabasePlace, folder: Path, name: str) -> str:
    """Ask one question by a new connection that explains itself, and return the plans."""
    log = server.folder / "log"
    before = log.stat().st_size
    with closing(History(folder, place=place, read_only=True)) as history:
        list_questions(history)[name]()
    text = log.read_bytes()[before:].decode()
    plans = re.findall(r"plan:\n\tQuery Text: (.*?)\n(\t(?:.|\n)*?)(?=\n\S|\Z)", text)
    wanted = [plan for query, plan in plans if "verdict" in query or "robot" in query]
    return shorten(wanted[-1]) if wanted else ""


def shorten(plan: str) -> str:
    """Leave out what says the same of a further partition."""
    kept, known = [], set()
    for line in plan.splitlines():
        what = line.split("(actual")[0]
        for noise in (r"\(cost.*?\) ?", r"\bverdict_\d+\b", r"\d+"):
            what = re.sub(noise, "", what)
        if "(never executed)" in line or what in known:
            continue
        known.add(what)
        kept.append(re.sub(r" \(cost=.*?\)", "", line))
    return "\n".join(kept)


def main() -> None:
    """Fill, search, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--verdicts", type=int, default=2_000_000)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--plans", action="store_true", help="print the plan of each question")
    parser.add_argument("--idle-fill", action="store_true", help="fill when nobody else wants the processor")
    args = parser.parse_args()
    if args.idle_fill:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))  # the server inherits it
    server = PostgresServer(_OPTIONS)
    with tempfile.TemporaryDirectory() as folder:
        try:
            server.start()
            name = server.make_database()
            place = DatabasePlace(url=server.url(name))
            History(Path(folder), place=place).close()
            seconds = fill(server, name, args.verdicts)
            used = server.execute(f"SELECT pg_database_size('{name}')")[0][0]
            print(f"{args.verdicts} verdicts by COPY in {seconds:.0f} s, {used / 1e6:.0f} MB")  # type: ignore[operator]
            for pid in (0, server.pid):
                os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
            ask(server, place, Path(folder), args.times, with_plans=args.plans)
        finally:
            server.stop()


def ask(server: PostgresServer, place: DatabasePlace, folder: Path, times: int, *, with_plans: bool) -> None:
    """Ask each question so many times, and print a line for each."""
    print(f"{'question':<40} {'median':>10} {'p95':>10}")
    with closing(History(folder, place=place, read_only=True)) as history:
        for said, question in list_questions(history).items():
            took_ms = []
            for _ in range(times):
                began_s = time.perf_counter()
                question()
                took_ms.append((time.perf_counter() - began_s) * 1e3)
            p95 = statistics.quantiles(took_ms, n=20, method="inclusive")[-1]
            print(f"{said:<40} {statistics.median(took_ms):>7.1f} ms {p95:>7.1f} ms", flush=True)
    if with_plans:
        server.execute("ALTER ROLE room SET auto_explain.log_min_duration = 0")
        server.execute("ALTER ROLE room SET auto_explain.log_analyze = on")
        for said in list_questions_names(folder, place):
            print(f"\n{said}\n{read_plans(server, place, folder, said)}")


def list_questions_names(folder: Path, place: DatabasePlace) -> list[str]:
    """Return the names of the questions."""
    with closing(History(folder, place=place, read_only=True)) as history:
        return list(list_questions(history))


if __name__ == "__main__":
    main()
