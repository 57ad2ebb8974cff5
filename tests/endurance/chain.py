"""Know which verdicts a robot gave over all its starts, and check the chain that they carry over every kill.

The ends of the epochs are read from the spool's file while the daemon is dead, so what they say does not
depend on what was delivered. Hashes are compared here again, not with the node's own check.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Epochs:
    """The ends of a robot's epochs, in order, and what is wrong with the chain."""

    def __init__(self) -> None:
        self.ends: dict[str, dict[str, Any]] = {}
        self.broken: list[str] = []

    def note(self, path: Path) -> None:
        """Note the last committed verdict in the spool at ``path``, which no daemon uses now."""
        if not path.is_file():
            return
        connection = sqlite3.connect(path)
        try:
            found = connection.execute("SELECT value FROM meta WHERE name = 'last_verdict'").fetchone()
        except sqlite3.OperationalError:
            found = None  # killed before the tables were made
        connection.close()
        if found is not None:
            end = json.loads(found[0])
            self.ends[end["epoch"]] = end

    def given(self, robot: str) -> list[str]:
        """Return the ids of all verdicts that were committed."""
        return [
            f"{robot}:{name}:{seq}" for name, end in self.ends.items() for seq in range(1, end["seq"] + 1)
        ]

    def check(self, payloads: Iterable[bytes]) -> None:
        """Note what is wrong with the chain of the verdicts that were received, whatever their order."""
        self.broken = broken_links(payloads, self.ends)


def broken_links(payloads: Iterable[bytes], ends: dict[str, dict[str, Any]]) -> list[str]:
    """Return what is wrong with the chain of verdicts, given the ends of all epochs in order."""
    said: dict[str, tuple[bytes, dict[str, Any]]] = {}
    found = []
    for payload in payloads:
        verdict = json.loads(payload)
        if said.setdefault(verdict["id"], (payload, verdict))[0] != payload:
            found.append(f"{verdict['id']} came with two contents")
    before = dict(zip(ends, [None, *ends.values()], strict=False))
    for name, (payload, verdict) in said.items():
        robot, epoch, seq = name.split(":")
        previous = said.get(f"{robot}:{epoch}:{int(seq) - 1}")
        if int(seq) == 1:
            if (verdict["previous_epoch"], verdict["previous_sha256"]) != (before.get(epoch), None):
                found.append(f"{name} names another epoch before it: {verdict['previous_epoch']}")
        elif verdict["previous_epoch"] is not None:
            found.append(f"{name} is not the first, and names an epoch before it")
        elif previous is not None and verdict["previous_sha256"] != _sha256(previous[0]):
            found.append(f"{name} does not follow the verdict before it")
        end = ends.get(epoch)
        if end is None or end["seq"] < int(seq):
            found.append(f"{name} was delivered, and is not in the spool")
        elif end["seq"] == int(seq) and end["sha256"] != _sha256(payload):
            found.append(f"{name} is not the end that the spool knows")
    return found


def _sha256(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()
