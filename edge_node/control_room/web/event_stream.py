"""From one ingest to many browsers: what changed, for each as fast as it can take it.

A browser that is slow, or a tablet that is asleep, never holds up the ingest or the others: of verdicts the
newest are kept for it and the rest is counted, of robots and findings the newest state of each. Only where
even that is too much is it told to load all anew.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.web.json_views import as_json, link_view, robot_view, verdict_line
from edge_node.messages.finding import Finding
from edge_node.messages.response import Response
from edge_node.messages.review import parse_review
from edge_node.messages.status import Health, Status
from edge_node.messages.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from edge_node.control_room.history.records import RobotRecord
    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.ingest.ingest import Link

MAX_BROWSERS = 64
_MAX_VERDICTS = 100  # waiting for one browser; a page shows no more
_MAX_CHANGES = 500  # findings, pictures or robots waiting for one browser
_COALESCE_S = 0.05  # what changes within is told at once
_KEEP_ALIVE_S = 15.0


class TooManyBrowsersError(Exception):
    """No more can look at once."""


class Browser:
    """One open page: what waits to be told to it. Written by the ingest, read by the server's loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready = asyncio.Event()
        self._lock = threading.Lock()
        self._verdicts: deque[bytes] = deque(maxlen=_MAX_VERDICTS)
        self._skipped = 0
        self._changes: dict[tuple[str, str], bytes] = {}
        self._resync = False
        self._closed = False
        self._told = False

    def add(self, verdicts: Sequence[bytes], changes: Iterable[tuple[tuple[str, str], bytes]]) -> None:
        """Take in what changed; from any thread, never waits."""
        with self._lock:
            self._skipped += max(0, len(self._verdicts) + len(verdicts) - _MAX_VERDICTS)
            self._verdicts.extend(verdicts)
            self._changes.update(changes)
            if len(self._changes) > _MAX_CHANGES:
                self._resync = True
                self._changes.clear()
            self._tell()

    def close(self) -> None:
        """End the stream; from any thread."""
        with self._lock:
            self._closed = True
            self._tell()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield server-sent events until ``close``."""
        yield b"retry: 1000\nevent: hello\ndata: {}\n\n"
        while not self._closed:
            try:
                await asyncio.wait_for(self._ready.wait(), _KEEP_ALIVE_S)
            except asyncio.TimeoutError:
                yield b": still here\n\n"
                continue
            self._ready.clear()
            yield self._take()
            await asyncio.sleep(_COALESCE_S)

    def _tell(self) -> None:
        if self._told:
            return
        self._told = True
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:
            self._closed = True  # the loop is closed: the program ends

    def _take(self) -> bytes:
        """Return what waits as one event."""
        with self._lock:
            verdicts, skipped = list(self._verdicts), self._skipped
            changes, resync = self._changes, self._resync
            self._verdicts.clear()
            self._skipped, self._changes, self._resync, self._told = 0, {}, False, False
        if resync:
            return b"event: resync\ndata: {}\n\n"
        by_kind: dict[str, list[bytes]] = {}
        for (kind, _), content in changes.items():
            by_kind.setdefault(kind, []).append(content)
        parts = [b'"verdicts":[' + b",".join(verdicts) + b"]", b'"skipped":%d' % skipped]
        parts += [b'"%s":[' % kind.encode() + b",".join(items) + b"]" for kind, items in by_kind.items()]
        return b"event: news\ndata: {" + b",".join(parts) + b"}\n\n"


class Hub:
    """All open pages, and which robots changed since they were told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._browsers: set[Browser] = set()
        self._changed: set[tuple[str, str]] = set()
        self._is_closed = False

    def enter(self) -> Browser:
        """Return a new page's queue; belongs to the running loop.

        Raises:
            TooManyBrowsersError: as many as can look do.
        """
        with self._lock:
            if len(self._browsers) >= MAX_BROWSERS or self._is_closed:
                raise TooManyBrowsersError
            browser = Browser(asyncio.get_running_loop())
            self._browsers.add(browser)
            return browser

    def leave(self, browser: Browser) -> None:
        """Forget a page that was closed."""
        with self._lock:
            self._browsers.discard(browser)

    def close(self) -> None:
        """End all streams."""
        with self._lock:
            self._is_closed = True
            browsers = list(self._browsers)
        for browser in browsers:
            browser.close()

    def arrived(self, arrivals: Sequence[Arrival]) -> None:
        """Tell what was stored; in the ingest's thread."""
        verdicts: list[bytes] = []
        changes: dict[tuple[str, str], bytes] = {}
        with self._lock:
            self._changed.update((arrival.message.site, arrival.message.robot) for arrival in arrivals)
            if not self._browsers:
                return
        for arrival in arrivals:
            message = arrival.message
            if not arrival.is_news or isinstance(message, (Status, Health)):
                continue
            if isinstance(message, Verdict):
                verdicts.append(
                    as_json(verdict_line(message, arrival.received_at, replayed=arrival.replayed))
                )
            else:
                changes.update(_change(arrival))
        self._add(verdicts, changes)

    def link_changed(self, link: Link) -> None:
        """Tell how the room's own connection does; in the ingest's thread."""
        self._add([], {("link", ""): as_json(link_view(link))})

    def changed_robots(self) -> set[tuple[str, str]]:
        """Return which robots said something since the last call: site and name."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return changed if self._browsers else set()

    def robots_changed(self, robots: Iterable[RobotRecord], gaps: list[Any] | None) -> None:
        """Tell how robots do now, and the gaps if they changed."""
        changes = {
            ("robots", f"{record.site}/{record.robot}"): as_json(robot_view(record)) for record in robots
        }
        if gaps is not None:
            changes["gaps", ""] = as_json(gaps)
        self._add([], changes)

    def reviewed(self, subject: str, site: str) -> None:
        """Tell that a person said something of a finding or a verdict."""
        self._add([], {("reviewed", subject): as_json({"id": subject, "site": site})})

    def _add(self, verdicts: Sequence[bytes], changes: dict[tuple[str, str], bytes]) -> None:
        if not verdicts and not changes:
            return
        with self._lock:
            browsers = list(self._browsers)
        for browser in browsers:
            browser.add(verdicts, changes.items())


def _change(arrival: Arrival) -> dict[tuple[str, str], bytes]:
    """Return what a page is told of a finding, whole; and of a picture or a response, that it is there."""
    message = arrival.message
    if isinstance(message, Finding):
        view = {"received_at": arrival.received_at, "finding": message}
        return {("findings", f"{message.site}/{message.id}"): as_json(view)}
    if isinstance(message, Response):
        said = {"command_id": message.command_id, "verb": message.verb, "result": message.result}
        told = {("responses", message.id): as_json(said)}
        review = parse_review(message)
        if review is not None:
            told["reviewed", review.subject] = as_json({"id": review.subject, "site": message.site})
        return told
    if not isinstance(message, StoredPicture):
        return {}
    picture = {"site": message.site, "robot": message.robot, "sha256": message.sha256}
    return {("pictures", f"{message.site}/{message.robot}/{message.sha256}"): as_json(picture)}
