"""Open the parts of the daemon that keep their content in the state folder."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_node.clock_floor import ClockFloor
from edge_node.commands.audit_files import FOLDER_NAME, AuditFiles
from edge_node.commands.audit_log import AuditLog
from edge_node.commands.known_subjects import KnownSubjects
from edge_node.commands.responses import ResponseWriter
from edge_node.daemon.checkpoint_writer import CheckpointWriter
from edge_node.daemon.parts import StorageParts
from edge_node.disk_budget import Worth
from edge_node.evidence.store import EvidenceStore
from edge_node.findings.log import FindingLog
from edge_node.signing import load_node_signer
from edge_node.spool.files import SPOOL_NAME, SharedDisk
from edge_node.spool.spool import Spool

if TYPE_CHECKING:
    from edge_node.daemon.parts import Registry
    from edge_node.spool.files import SpoolLock

_log = logging.getLogger(__name__)

ROOM_TO_START_BYTES = 1_000_000  # write-ahead log and small state files of a spool that is opened


def open_storage(node: Registry, lock: SpoolLock) -> StorageParts:
    """Open everything that lies in the state folder; findings are started with the camera.

    Raises:
        SpoolError: the spool cannot be opened.
    """
    path = node.state_dir / SPOOL_NAME
    evidence = EvidenceStore(node.state_dir / "evidence", node.config.evidence, node.budget)
    # A disk that was filled while the node was stopped: pictures make room for the spool's files.
    node.budget.make_room(Worth.RECORD, node.state_dir, ROOM_TO_START_BYTES, need_files=8)
    spool = node.stack.enter_context(Spool.open(path, node.config.spool, SharedDisk(lock, node.budget)))
    if risk := node.config.spool.risk:
        _log.warning("%s", risk)
    audit_files = AuditFiles(node.state_dir / FOLDER_NAME, budget=node.budget)
    audit = node.stack.enter_context(AuditLog(audit_files))
    findings = FindingLog(
        node.config.findings, node.state_dir, spool, node.budget, announce=evidence.announce
    )
    node.verdict_listeners.append(findings)
    known = node.stack.enter_context(KnownSubjects(node.state_dir, findings.open_ids))
    node.verdict_listeners.append(known)
    floor = node.stack.enter_context(ClockFloor(node.state_dir))
    node.alarm_sources.extend((lambda: evidence.alarms, lambda: audit.alarms, lambda: findings.alarms))
    responses = ResponseWriter(node.topics, spool, audit)
    return StorageParts(spool, evidence, findings, audit, responses, floor, known)


def sign_checkpoints(node: Registry, storage: StorageParts) -> CheckpointWriter | None:
    """Sign checkpoints of the record, if the configuration names a key."""
    if node.config.node.signing_key_file is None:
        return None
    writer = CheckpointWriter(storage.spool, node.topics, load_node_signer(node.config.node.signing_key_file))
    node.periodics.append(writer)
    return writer
