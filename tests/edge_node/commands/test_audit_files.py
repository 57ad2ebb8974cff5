"""The audit: on the disk before anything is carried out, bounded, whole after a kill."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from datetime import datetime, timezone

from edge_node.commands.audit_files import AuditEntry, AuditFiles, read_audit
from tests.support.audit_records import record


def test_entries_come_back_in_order_from_both_files(tmp_path):
    """Reviews and other commands lie apart and are read as one; the files are the owner's alone."""
    audit = AuditFiles(tmp_path / "audit")
    for number in range(4):
        verb = ("ping", "review")[number % 2]
        assert record(audit, event="taken", verb=verb, command_id=f"c{number}", asked={"by": "李"})
    entries = list(read_audit(tmp_path / "audit"))
    assert [entry.command_id for entry in entries] == ["c0", "c1", "c2", "c3"]
    assert entries[1].asked == {"by": "李"}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "audit").iterdir()}
    assert modes == {0o600}


def test_order_survives_a_clock_that_is_set_and_lines_of_an_earlier_version(tmp_path):
    """Lines are numbered over both files and restarts; those without a number come first, by their time."""
    (tmp_path / "reviews.jsonl").write_bytes(
        b'{"at":"2030-01-02T00:00:00Z","event":"taken","verb":"review","command_id":"old-2"}\n'
    )
    (tmp_path / "commands.jsonl").write_bytes(
        b'{"at":"2030-01-01T00:00:00Z","event":"taken","verb":"ping","command_id":"old-1"}\n'
    )
    moments = [datetime(year, 1, 1, tzinfo=timezone.utc) for year in (2026, 1970, 2031, 2026)]
    for number, at in enumerate(moments):
        audit = AuditFiles(tmp_path, max_file_bytes=200)  # a restart, and a file that is full
        verb = ("review", "ping")[number % 2]
        assert audit.write(AuditEntry(at=at, event="taken", verb=verb, command_id=f"c{number}"))
    names = [entry.command_id for entry in read_audit(tmp_path)]
    assert names == ["old-1", "old-2", "c0", "c1", "c2", "c3"]


def test_it_is_bounded_and_a_flood_of_commands_pushes_no_review_out(tmp_path):
    """At the bound the oldest lines go, of that file only."""
    audit = AuditFiles(tmp_path, max_file_bytes=8000)
    assert record(audit, event="taken", verb="review", command_id="the-review")
    for number in range(400):
        assert record(audit, event="answered", verb="ping", command_id=f"c{number}", text="x" * 20)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 17_000
    entries = list(read_audit(tmp_path))
    assert entries[0].command_id == "the-review"
    assert entries[-1].command_id == "c399"
    numbers = [int(entry.command_id[1:]) for entry in entries[1:]]
    assert numbers == list(range(numbers[0], 400))
    assert len(numbers) > 60


def test_a_line_cut_off_by_a_power_cut_costs_that_line_only(tmp_path):
    """What was half written is skipped, and what comes after it is whole."""
    audit = AuditFiles(tmp_path)
    record(audit, event="taken", verb="review", command_id="first")
    with (tmp_path / "reviews.jsonl").open("ab") as file:
        file.write(b'{"schema":"corrosion/v1","at":"2026-')
    record(audit, event="taken", verb="review", command_id="second")
    assert [entry.command_id for entry in read_audit(tmp_path)] == ["first", "second"]


WRITER = """
import sys
from datetime import datetime, timezone
from pathlib import Path
from edge_node.commands.audit_files import AuditEntry, AuditFiles
audit = AuditFiles(Path(sys.argv[1]), max_file_bytes=9000)
for number in range(10**9):
    now = datetime.now(timezone.utc)
    assert audit.write(AuditEntry(at=now, event="taken", verb="review", command_id=f"{sys.argv[2]}{number}"))
    print(number, flush=True)
"""


def test_what_was_said_to_be_recorded_is_there_after_a_kill(tmp_path):
    """SIGKILL at any moment, through rotations: every number that was acknowledged lately is in the audit."""
    for run in "ab":
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), run], stdout=subprocess.PIPE, text=True
        ) as process:
            said = [process.stdout.readline() for _ in range(200)]
            process.kill()
        ids = [entry.command_id for entry in read_audit(tmp_path)]
        assert f"{run}{int(said[-1])}" in ids[-100:]


def test_several_threads_never_tear_each_others_lines(tmp_path):
    """The publisher refuses while the main thread answers."""
    audit = AuditFiles(tmp_path)

    def write(name: str) -> None:
        for number in range(50):
            record(audit, event="answered", verb="ping", command_id=f"{name}{number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(read_audit(tmp_path))) == 200


def test_a_disk_that_takes_nothing_is_said_and_raises_nothing(tmp_path, caplog):
    """False, a line in the log with what could not be kept; a link in place of the file is not followed."""
    (tmp_path / "file").write_text("no folder")
    assert not record(AuditFiles(tmp_path / "file"), event="taken", verb="ping", command_id="c1")
    assert "not in the audit" in caplog.text
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / "reviews.jsonl").symlink_to(secret)
    assert not record(AuditFiles(tmp_path / "audit"), event="taken", verb="review", command_id="c1")
    assert secret.read_text() == "secret"


def test_a_failing_audit_is_an_alarm_that_ends_by_itself(tmp_path, caplog):
    """Raised by the first line that is lost, told once; taken back by the first that is kept."""
    folder = tmp_path / "audit"
    folder.touch()
    audit = AuditFiles(folder)
    for number in range(5):
        assert not record(audit, event="taken", verb="ping", command_id=f"c{number}")
    assert [alarm.code for alarm in audit.alarms] == ["audit_failing"]
    folder.unlink()
    assert record(audit, event="taken", verb="ping", command_id="c5")
    assert audit.alarms == ()
    told = [entry.message for entry in caplog.records if entry.message.startswith("audit: ")]
    assert len(told) == 2
    assert "works again, after 5 failures" in told[1]


def test_a_line_that_fits_half_on_the_disk_is_taken_back(tmp_path):
    """A disk that is full after some bytes: not recorded, and nothing half written stays."""
    program = (
        "import resource, sys; from datetime import *; from pathlib import Path\n"
        "from edge_node.commands.audit_files import AuditEntry, AuditFiles\n"
        "now = datetime.now(timezone.utc)\n"
        "entry = lambda name: AuditEntry(at=now, event='taken', verb='review', command_id=name)\n"
        "audit = AuditFiles(Path(sys.argv[1]))\n"
        "assert audit.write(entry('first'))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (120, 120))\n"
        "assert not audit.write(entry('second'))\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, stderr=subprocess.DEVNULL)
    assert (tmp_path / "reviews.jsonl").read_bytes().endswith(b"}\n")
    assert [entry.command_id for entry in read_audit(tmp_path)] == ["first"]
