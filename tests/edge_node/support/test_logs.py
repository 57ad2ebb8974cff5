"""The end of the log, from the journal or from a file."""

from __future__ import annotations

import pytest

from edge_node.errors import CorrosionError
from edge_node.support import logs


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """Return a function that puts a ``journalctl`` with this script on the path."""

    def put(script: str) -> None:
        program = tmp_path / "journalctl"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return put


def test_the_journal_of_both_units_is_read(journal):
    """With the options that make it a plain text."""
    journal('echo "$@"')
    said = logs.read_journal()
    assert "--unit corrosion-edge.service --unit corrosion-edge@*.service" in said
    assert "--no-pager" in said
    assert "--dmesg" in logs.read_kernel_log()


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("true", "this user may not read it"),
        ("echo '-- No entries --'", "this user may not read it"),
        ("echo 'No journal files were opened' >&2; exit 1", "No journal files were opened"),
    ],
)
def test_a_journal_that_gives_nothing_is_told(journal, script, why):
    """Empty, or not for this user."""
    journal(script)
    with pytest.raises(CorrosionError, match=why):
        logs.read_journal()


def test_of_a_long_file_whole_lines_of_the_end_are_read(tmp_path):
    """The first line would be cut; a part of a password is not known as one."""
    path = tmp_path / "node.log"
    path.write_bytes(b"".join(b"line %07d \xff\n" % number for number in range(200_000)))
    text = logs.read_log_file(path)
    lines = text.splitlines()
    assert lines[-1].startswith("line 0199999")
    assert lines[0].startswith("line ")
    assert len(text.encode()) <= 2 * logs.MAX_LOG_BYTES
    with pytest.raises(CorrosionError, match="No such file"):
        logs.read_log_file(tmp_path / "nothing")
