"""One version of the control room's history, driven line by line: ``room_storage`` runs one for each version.

It uses only what both versions have, and reads its own processor time, so that two workers on one machine
may take turns.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import FindingFilter, QueueFilter, StoredPicture, VerdictFilter
from edge_node.control_room.ingest.batch_store import store
from edge_node.messages.finding import FindingState
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import Pose, encode
from edge_node.mqtt.types import Incoming
from tests.support.room_records import finding, review
from tests.support.verdicts import START, verdict

MATERIALS = ("steel", "aluminium", "galvanized")
SEVERITIES = ("mid", "late", None)
ROBOTS = 4
BATCH = 200
AT_ONCE = 20_000  # verdicts in one commit, to fill a history
FINDINGS = 400


def make_verdict(number: int) -> Any:
    """Return the verdict with this place in the whole history."""
    robot, seq = f"crawler-{number % ROBOTS}", number // ROBOTS + 1
    what = "UUUUUUUC?X"[number * 7 % 10]
    found = verdict(
        seq,
        what,
        material=MATERIALS[number % 3],
        severity=SEVERITIES[number % 3] if what == "C" else None,
        asset=f"pipe {number % 5}",
        pose=Pose(distance_m=number % 9973 / 50),
        observed_at=START + timedelta(seconds=number / 10),
        evidence_sha256=f"{number:064x}" if number % 50 == 0 else None,
        evidence_reasons=("uncertain",) if number % 50 == 0 else (),
    )
    return msgspec.structs.replace(found, robot=robot, id=f"{robot}:epoch:{seq}")


def make_batches(first: int, count: int) -> list[list[Incoming]]:
    """Return the MQTT messages of so many verdicts, in batches as the ingest stores them."""
    made = [make_verdict(number) for number in range(first, first + count)]
    messages = [
        Incoming(topic=Topics(one.site, one.robot).verdict, payload=encode(one), is_retained=False)
        for one in made
    ]
    return [messages[at : at + BATCH] for at in range(0, count, BATCH)]


class Worker:
    """An open history and the questions that the page asks of it."""

    def __init__(self, folder: Path) -> None:
        """Open, which upgrades an older file."""
        self.history = History(folder)

    def fill(self, first: int, count: int) -> dict[str, float]:
        """Add verdicts as a program that is in a hurry: all of them in one commit."""
        with self.history.transaction():
            for number in range(first, first + count):
                self.history.add_verdict(make_verdict(number))
        return {}

    def furnish(self, verdicts: int) -> dict[str, float]:
        """Add findings, reviews and pictures beside the verdicts."""
        with self.history.transaction():
            for number in range(FINDINGS):
                seq = number * max(verdicts // ROBOTS // FINDINGS, 1) + 1
                name = f"crawler-0:epoch:{seq}"
                self.history.add_finding(
                    finding(
                        id=f"crawler-0:epoch:f{number}",
                        robot="crawler-0",
                        first_verdict=name,
                        best_verdict=name,
                        last_verdict=f"crawler-0:epoch:{seq + 9}",
                        state=FindingState.CLOSED if number % 4 else FindingState.OPENED,
                    )
                )
                if number % 3 == 0:
                    about = {"robot": "crawler-0", "finding_id": f"crawler-0:epoch:f{number}"}
                    self.history.add_review(review(f"review {number}", **about))
                picture = StoredPicture(
                    "quay", "crawler-0", f"{number * 200:064x}", is_thumbnail=True, content=b"x" * 8000
                )
                self.history.add_picture(picture)
        return {}

    def ingest(self, first: int, count: int) -> dict[str, float]:
        """Store messages as the ingest does; return the processor time for each verdict."""
        batches = make_batches(first, count)
        began_s = time.process_time()
        for batch in batches:
            store(self.history, batch)
        return {"us": (time.process_time() - began_s) / count * 1e6}

    def names(self, verdicts: int) -> dict[str, list[str]]:
        """Return the names of the questions."""
        return {"names": list(questions(self.history, verdicts))}

    def ask(self, question: str, times: int, verdicts: int) -> dict[str, list[float]]:
        """Ask one question so many times; return the processor time of each."""
        asked = questions(self.history, verdicts)[question]
        taken = []
        for _ in range(times):
            began_s = time.process_time_ns()
            asked()
            taken.append((time.process_time_ns() - began_s) / 1e3)
        return {"us": taken}


def questions(history: History, verdicts: int) -> dict[str, Any]:
    """Return what the page asks, by a name for the table."""
    middle = START + timedelta(seconds=verdicts / 20)
    filters = {
        "all": None,
        "one robot": VerdictFilter(site="quay", robot="crawler-1"),
        "corroded, late, aluminium": VerdictFilter(outcome="corroded", severity="late", material="aluminium"),
        "an asset, half the time": VerdictFilter(asset="pipe 2", since=middle),
        "corroded on 5 m of a path": VerdictFilter(
            site="quay", robot="crawler-1", outcome="corroded", from_m=50.0, to_m=55.0
        ),
        "a material there is not": VerdictFilter(material="copper"),
    }
    path = VerdictFilter(site="quay", robot="crawler-1", from_m=50.0, to_m=60.0)
    sought = history.findings(limit=1)[0].finding
    stored = history.verdict("crawler-0:epoch:11")
    return {
        **{f"verdicts: {name}": (lambda only=only: history.verdicts(only)) for name, only in filters.items()},
        "verdicts: next page": lambda: history.verdicts(after=stored),
        "count: one robot": lambda: history.count_verdicts(filters["one robot"]),
        "count: corroded on 5 m": lambda: history.count_verdicts(filters["corroded on 5 m of a path"]),
        "strip: 10 m of a path": lambda: history.strip(path, cells=240),
        "strip: by time, an asset": lambda: history.strip(filters["an asset, half the time"], by_time=True),
        "robots": history.robots,
        "newest 50": history.newest,
        "one verdict": lambda: history.verdict("crawler-2:epoch:77"),
        "findings": history.findings,
        "findings: open": lambda: history.findings(FindingFilter(is_open=True)),
        "one finding": lambda: history.finding(sought.id),
        "verdicts of a finding": lambda: history.verdicts_of(sought),
        "findings around a verdict": lambda: history.findings_around(stored.verdict),
        "gaps": history.gaps,
        "stored up to": lambda: history.stored_up_to("quay", "crawler-1", "epoch"),
        "conflicts": history.conflicts,
        "queue": lambda: history.queue(QueueFilter()),
        "queue: with missing pictures": lambda: history.queue(QueueFilter(missing=True)),
        "queue: counts": lambda: history.count_queue(QueueFilter()),
        "one queued picture": lambda: history.queued("crawler-0:epoch:51"),
        "reviews": history.reviews,
        "reviews of a finding": lambda: history.reviews(finding_id=sought.id),
        "responses": history.responses,
        "a picture": lambda: history.picture("quay", "crawler-0", f"{200:064x}"),
        "words of the filters": lambda: [history.words(name) for name in ("material", "severity", "asset")],
        "refused": history.refused,
        "usage": history.usage,
    }


def main() -> None:
    """Open the history, then answer each line of the standard input with a line."""
    began_s, began_wall_s = time.process_time(), time.monotonic()
    worker = Worker(Path(sys.argv[1]))
    opened = {"cpu_s": time.process_time() - began_s, "wall_s": time.monotonic() - began_wall_s}
    print(json.dumps(opened), flush=True)
    for line in sys.stdin:
        name, *values = json.loads(line)
        print(json.dumps(getattr(worker, name)(*values)), flush=True)


if __name__ == "__main__":
    main()
