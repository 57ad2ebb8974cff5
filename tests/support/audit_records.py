"""Entries of an audit."""

from __future__ import annotations

from datetime import datetime, timezone

from edge_node.commands.audit_files import AuditEntry


def record(files, **fields):
    """Write an entry of this moment."""
    return files.write(AuditEntry(at=datetime.now(timezone.utc), **fields))
