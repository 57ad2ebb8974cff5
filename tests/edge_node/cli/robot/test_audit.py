"""``edge-node audit``: the operator reads what was asked and answered."""

from __future__ import annotations

from edge_node.commands.audit_files import AuditFiles
from tests.support.audit_records import record
from tests.support.processes import command


def test_the_operator_reads_it(tmp_path):
    """One line an entry, or JSON; nothing there is a sentence."""
    config = tmp_path / "node.toml"
    state = tmp_path / "state"
    config.write_text(
        f'[node]\nsite = "quay"\nrobot = "crawler-1"\nstate_dir = "{state}"\n'
        '[bundle]\npath = "default"\n[mqtt]\nhostname = "127.0.0.1"\n'
    )
    nothing = command("edge_node.cli", "audit", "--config", str(config))
    assert nothing.returncode == 1
    assert "no audit there" in nothing.stderr
    assert len(nothing.stderr.splitlines()) == 1
    audit = AuditFiles(state / "audit")
    record(audit, event="taken", verb="review", command_id="c1", signed=True, asked={"by": "Анна"})
    record(audit, event="answered", verb="ping", command_id="c2", result="done", code="pong")
    shown = command("edge_node.cli", "audit", "--config", str(config))
    assert [("signed" in line, "Анна" in line) for line in shown.stdout.splitlines()] == [
        (True, True),
        (False, False),
    ]
    as_json = command("edge_node.cli", "audit", "--config", str(config), "--json", "--verb", "ping")
    assert as_json.stdout.count("\n") == 1
    assert '"pong"' in as_json.stdout
