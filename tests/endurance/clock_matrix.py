"""What a clock that is set does to an open finding, a trial, a signed command and the ids of commands.

    python -m tests.endurance.clock_matrix

Each row sets the clock of a robot without a time server: while its node runs, between two runs, or while the
robot is off. The parts are the real ones with their files on disk; only the clocks are set. Exit code 1: some
cell is wrong.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from edge_node.camera.frame import frame_now
from edge_node.commands.audit_files import AuditFiles
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.receiver import CommandReceiver
from edge_node.commands.responses import ResponseWriter
from edge_node.config.delivery_sections import CommandsConfig, SpoolConfig
from edge_node.config.sections import BundleConfig, FindingsConfig
from edge_node.findings.log import FindingLog
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.cascade import Decision
from edge_node.inference.reloader import Reloader
from edge_node.inspection.inspector import Inspection
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.response import Response
from edge_node.messages.topics import Kind
from edge_node.messages.verdict import Outcome
from edge_node.spool.spool import Spool
from edge_node.update.bundle_store import BundleStore
from edge_node.update.installed_bundle import note_start
from edge_node.update.release import FileEntry, Release
from edge_node.update.trial_keeper import TrialKeeper
from tests.support.clocks import TRUTH, SetClock
from tests.support.commands import TOPICS, command_at, signed_by
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edge_node.mqtt.types import Incoming

_BEGIN_1970 = datetime(1970, 1, 1, tzinfo=timezone.utc)
_STEPS = {
    "+1 s": timedelta(seconds=1),
    "-1 s": timedelta(seconds=-1),
    "+1 h": timedelta(hours=1),
    "-1 h": timedelta(hours=-1),
    "+400 d": timedelta(days=400),
    "-400 d": timedelta(days=-400),
    "1970": None,
}
_SPOOL = SpoolConfig(max_mb=8, reserve_mb=0)
_FINDINGS = FindingsConfig(open_frames=2, of_frames=3, close_frames=3, update_s=10.0)
_TRIAL = BundleConfig(path="default", trial_verdicts=40)


@dataclass(frozen=True, slots=True)
class Row:
    """One way to set the clock.

    Attributes:
        step: None sets it to 1970.
        restarted: the node is stopped before and started after.
        rebooted: so is the robot: monotonic time begins anew.
    """

    name: str
    step: timedelta | None
    restarted: bool
    rebooted: bool

    @property
    def title(self) -> str:
        """The row's first column."""
        when = "over a reboot" if self.rebooted else "over a restart" if self.restarted else "running"
        return f"{self.name}, {when}"

    def apply(self, clock: SetClock) -> timedelta:
        """Set the clock, and return by how much it is wrong from then on."""
        wall = _BEGIN_1970 if self.step is None else clock.wall + self.step
        if self.rebooted:
            clock.reboot(wall + timedelta(seconds=30) if self.step is not None else wall)
        else:
            clock.wall = wall
        return clock.wall - clock.truth


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one part; ``is_good`` is what it must be."""

    text: str
    is_good: bool


ROWS = [
    Row(name, step, restarted, rebooted)
    for name, step in _STEPS.items()
    for restarted, rebooted in ((False, False), (True, False), (True, True))
]


def open_finding(row: Row, folder: Path) -> Cell:
    """Set the clock while a finding is open: it is told of until its corrosion ends, with dates in order."""
    clock, seq = SetClock(), 0
    with Spool.open(folder / "spool.sqlite", _SPOOL) as spool:
        log = FindingLog(_FINDINGS, folder, spool)

        def see(letters: str) -> None:
            nonlocal seq
            for letter in letters:
                clock.run(1)
                seq += 1
                log.see(
                    verdict(
                        *(seq, letter),
                        observed_at=clock.wall,
                        monotonic_ns=clock.monotonic_ns,
                        boot_id=f"boot-{clock.boot}",
                        time_quality=clock.quality,
                    )
                )

        see("C" * 15)
        row.apply(clock)
        if row.restarted:
            log = FindingLog(_FINDINGS, folder, spool)
        see("C" * 25 + "U" * 3)
        spool.flush(5)
        said = [msgspec.json.decode(found.payload, type=Finding) for found in spool.rows(Kind.FINDING)]
    return _judge_findings(row, said)


def _judge_findings(row: Row, said: list[Finding]) -> Cell:
    names = list(dict.fromkeys(finding.id for finding in said))
    last = {finding.id: finding for finding in said}
    updates = sum(finding.state is FindingState.UPDATED for finding in said)
    in_order = all(finding.first_observed_at <= finding.last_observed_at for finding in said)
    all_closed = all(finding.state is FindingState.CLOSED for finding in last.values())
    spans_s = [(one.last_observed_at - one.first_observed_at).total_seconds() for one in last.values()]
    lasted_s = sum(spans_s) if row.rebooted else 39.0
    text = f"{len(names)} finding{'s' * (len(names) > 1)}, {updates} updates, {round(sum(spans_s))} s"
    is_whole = in_order and all_closed and updates >= 3 and abs(sum(spans_s) - lasted_s) <= 1.0
    return Cell(text, is_whole and len(names) <= 1 + row.rebooted)


def trial(row: Row, folder: Path) -> Cell:
    """Set the clock amid a trial: it takes as many verdicts as configured, also over a clean restart."""
    store = BundleStore(folder, ())
    slot = "0" * 64
    (store.slots / slot).mkdir()
    bundle = replace(load_bundle(DEFAULT_BUNDLE), path=store.slots / slot)
    statement = Release(
        name=bundle.manifest.name,
        version="99",
        issued_at=TRUTH,
        blocks=(slot,),
        expires_at=TRUTH + timedelta(days=30),
        files=(FileEntry(name="bundle.json", size_bytes=1, sha256=slot),),
    )
    with store.locked():
        store.change(lambda state: state.install(slot, statement, TRUTH, None))
    clock, events, frame = SetClock(), [], frame_now(None, 1, "matrix")
    inspection = Inspection(Decision(outcome=Outcome.UNCORRODED), None, 5.0)

    def run(count: int) -> None:
        note_start(store, _TRIAL)
        with TrialKeeper(store, _TRIAL, Reloader(lambda: None), bundle, events.append) as keeper:
            for number in range(count):
                clock.run(1)
                found = verdict(number + 1, "U", observed_at=clock.wall, monotonic_ns=clock.monotonic_ns)
                keeper.on_verdict(frame, inspection, msgspec.structs.replace(found, bundle=bundle.reference))
            keeper.look(0.0)

    run(20)
    row.apply(clock)
    if row.restarted:
        run(19)
        at_39 = store.state().trial
        run(1)
    else:
        run(20)
        at_39 = True
    step = store.state().events[-1].step.value
    return Cell(f"{step} after 40 verdicts", step == "confirmed" and at_39 is not None)


class Commanded:
    """A robot that takes signed commands, with its spool, audit and floor of time on disk."""

    def __init__(self, folder: Path) -> None:
        self.clock = SetClock()
        self._folder = folder
        self._key = Ed25519PrivateKey.generate()
        self._public = folder / "public.pem"
        self._public.write_bytes(
            self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        self._count = 0

    @contextmanager
    def start(self) -> Iterator[Callable[[Incoming], str]]:
        """Start the robot; yield a function that sends a command and returns what became of it."""
        with (
            Spool.open(self._folder / "spool.sqlite", _SPOOL) as spool,
            AuditLog(AuditFiles(self._folder / "audit")) as audit,
            self.clock.floor(self._folder) as floor,
        ):
            receiver = CommandReceiver(
                *(CommandsConfig(public_key_file=str(self._public)), TOPICS),
                spool=spool,
                audit=audit,
                responses=ResponseWriter(TOPICS, spool, audit),
                floor=floor,
                submit=lambda _admitted: None,
            )

            def send(message: Incoming) -> str:
                floor.look()
                answered = len(spool.rows(Kind.RESPONSE))
                receiver.take(message)
                spool.flush(5)
                if len(spool.rows(Kind.RESPONSE)) == answered:
                    return "taken"
                refused = msgspec.json.decode(spool.rows(Kind.RESPONSE)[-1].payload, type=Response)
                hint = ", with how to correct it" if "edge-node clock" in refused.text else ""
                return f"{refused.code}{hint}"

            yield send

    def command(self, at: datetime) -> Incoming:
        """Return a signed command that was issued at ``at``, with an id of its own."""
        self._count += 1
        return signed_by(self._key, command_at(at, f"command-{self._count:04}"))


def signed_command(row: Row, folder: Path) -> Cell:
    """Set the clock of a robot that has taken a signed command: fresh ones go on, once it is right all do."""
    robot = Commanded(folder)
    clock = robot.clock
    with robot.start() as send:
        first = send(robot.command(clock.truth))
        clock.run(60)
        if not row.restarted:
            row.apply(clock)
            wrong = [send(robot.command(clock.truth)), send(robot.command(clock.truth - timedelta(hours=2)))]
    if row.restarted:
        row.apply(clock)
        with robot.start() as send:
            wrong = [send(robot.command(clock.truth)), send(robot.command(clock.truth - timedelta(hours=2)))]
    clock.run(60)
    clock.wall = clock.truth
    with robot.start() as send:
        right = [send(robot.command(clock.truth)), send(robot.command(clock.truth - timedelta(hours=2)))]
    # After a reboot into the future nothing but the wall clock says what time it is, until it is set.
    may_be_refused = row.rebooted and row.name in ("+1 h", "+400 d")
    fresh = ("taken", "expired, with how to correct it") if may_be_refused else ("taken",)
    is_good = first == "taken" and wrong[0] in fresh and wrong[1].startswith("expired")
    is_good = is_good and right[0] == "taken" and right[1].startswith("expired")
    return Cell(f"fresh: {wrong[0]}; two hours old: expired; clock right again: {right[0]}", is_good)


def nonce_window(row: Row, folder: Path) -> Cell:
    """Send the bytes of a signed command again, after later ones let ids be forgotten: never taken twice."""
    robot = Commanded(folder)
    clock = robot.clock
    with robot.start() as send:
        message = robot.command(clock.truth)
        answers = [send(message), send(message)]
        clock.run(600)
        send(robot.command(clock.truth))
        if not row.restarted:
            row.apply(clock)
            answers.append(send(message))
    if row.restarted:
        row.apply(clock)
    else:
        clock.run(5)
    for _ in range(2):
        with robot.start() as send:
            answers += [send(message), send(robot.command(clock.truth)), send(message)][::2]
    text = f"again: {', '.join(dict.fromkeys(answer.partition(',')[0] for answer in answers[1:]))}"
    return Cell(text, answers[0] == "taken" and "taken" not in answers[1:])


CELLS: dict[str, Callable[[Row, Path], Cell]] = {
    "open finding": open_finding,
    "trial": trial,
    "signed command": signed_command,
    "ids of commands": nonce_window,
}


def main() -> int:
    """Print the table; return 1 if a cell is wrong."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    logging.disable()  # each refusal is a line
    print(f"| clock | {' | '.join(CELLS)} |\n{'| --- ' * (1 + len(CELLS))}|")
    wrong = 0
    for row in ROWS:
        cells = []
        for make in CELLS.values():
            with tempfile.TemporaryDirectory() as folder:
                cells.append(make(row, Path(folder)))
        wrong += sum(not cell.is_good for cell in cells)
        texts = [cell.text if cell.is_good else f"**WRONG** {cell.text}" for cell in cells]
        print(f"| {row.title} | {' | '.join(texts)} |", flush=True)
    print(f"\n{len(ROWS) * len(CELLS)} cells, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
