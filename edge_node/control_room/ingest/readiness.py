"""Find out whether the control room can store what robots send and read what is stored."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from edge_node.control_room.history.database import HistoryError
from edge_node.messages.status import LinkState

if TYPE_CHECKING:
    from pathlib import Path

    from edge_node.control_room.history.history import History
    from edge_node.control_room.ingest.ingest import Commit, Link

_KEPT_S = 2.0  # an answer
_BROKEN_S = 60.0  # for which a query that failed counts: other pages of the file may be well
_LEAST_BYTES = 4_000_000  # free on the disk: the largest batch that is stored at once


class LinkKeeper(Protocol):
    """Who keeps the connection to the broker, or follows those who do."""

    @property
    def link(self) -> Link:
        """Its state."""

    @property
    def is_alive(self) -> bool:
        """Its thread runs."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a part: ingest, store, disk, history or broker."""

    part: str
    text: str


class Readiness:
    """Collect what was seen of the storage, and look at the rest when asked."""

    def __init__(self, folder: Path, history: History, *, stores: bool = True) -> None:
        """Look at ``folder`` and ``history``, and at the broker if this process ``stores`` messages."""
        self._stores = stores
        self._folder = folder
        self._history = history
        self._commit_problem = ""
        self._broken_text = ""
        self._broken_s = float("-inf")
        self._lock = asyncio.Lock()
        self._found: list[Problem] = []
        self._found_s = float("-inf")

    def note_commit(self, commit: Commit) -> None:
        """Note whether a batch was stored; called in the ingest's thread."""
        self._commit_problem = self._shorten(commit.problem)

    def note_broken(self, err: HistoryError) -> None:
        """Note that a query of the history failed."""
        self._broken_text, self._broken_s = self._shorten(str(err)), time.monotonic()

    async def find_problems(self, ingest: LinkKeeper) -> list[Problem]:
        """Return what keeps messages from being stored, or from being read."""
        async with self._lock:
            if time.monotonic() - self._found_s >= _KEPT_S:
                # In a thread of its own: those that queries use may all be busy.
                self._found = await asyncio.to_thread(self.look, ingest)
                self._found_s = time.monotonic()
            return self._found

    def look(self, ingest: LinkKeeper) -> list[Problem]:
        """Look at each part now; blocks."""
        found = []
        if not ingest.is_alive:
            found.append(Problem("ingest", "the ingest has ended; start the control room again"))
        if self._commit_problem:
            found.append(Problem("store", f"the last messages could not be stored: {self._commit_problem}"))
        found += self._look_at_disk()
        if (text := self._look_at_history()) is not None:
            found.append(Problem("history", f"the history cannot be read: {text}"))
        if self._stores and ingest.link.state is not LinkState.CONNECTED:
            found.append(Problem("broker", f"no connection to the broker: {ingest.link.text or 'not yet'}"))
        return found

    def _look_at_disk(self) -> list[Problem]:
        try:
            disk = os.statvfs(self._folder)
        except OSError as err:
            return [Problem("disk", f"the folder of the history cannot be used: {err.strerror or err}")]
        if disk.f_flag & os.ST_RDONLY:
            return [Problem("disk", "the disk of the history can only be read")]
        free = disk.f_bavail * disk.f_frsize
        if free < _LEAST_BYTES:
            return [Problem("disk", f"the disk of the history is full: {free // 1000} kB are free")]
        return []

    def _look_at_history(self) -> str | None:
        if time.monotonic() - self._broken_s < _BROKEN_S:
            return self._broken_text
        try:
            self._history.check_place()
            self._history.newest(1)
            self._history.robots()
            self._history.refused()
        except HistoryError as err:
            return self._shorten(str(err))
        return None

    def _shorten(self, text: str) -> str:
        """Return a text without the names of folders, for readers who have not logged in."""
        if self._history.database.is_shared:  # nor those of servers
            text = text.replace(f"{self._history.database.backend.name}: ", "")
        return text.replace(f"{self._folder}/", "")
