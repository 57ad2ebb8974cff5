"""A spool, and what writes responses into it."""

from __future__ import annotations

import pytest

from edge_node.commands.audit_files import AuditFiles
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.responses import ResponseWriter
from edge_node.config.delivery_sections import SpoolConfig
from edge_node.messages.topics import Topics
from edge_node.spool.spool import Spool


@pytest.fixture
def spool(tmp_path):
    """Return a real spool on disk."""
    with Spool.open(tmp_path / "spool.sqlite", SpoolConfig()) as opened:
        yield opened


@pytest.fixture
def responses(tmp_path, spool):
    """Return what writes responses into the spool and a real audit."""
    with AuditLog(AuditFiles(tmp_path / "audit")) as audit:
        yield ResponseWriter(Topics("site", "robot"), spool, audit)
