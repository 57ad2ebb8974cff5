"""Broadcast stored messages to all open pages as server-sent events.

A slow browser, or a sleeping tablet, delays neither the ingest nor other browsers: its queue holds the newest
verdicts and counts the rest, and holds only the newest state of each robot and finding. If even that
overflows, the browser gets a ``resync`` event and loads everything again.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from edge_node.control_room.history.records import StoredPicture
from edge_node.control_room.web.json.json_views import as_json, link_view, robot_view, verdict_row
from edge_node.messages.finding import Finding
from edge_node.messages.response import Response
from edge_node.messages.review import is_finding, parse_review
from edge_node.messages.status import Health, Status
from edge_node.messages.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from edge_node.control_room.history.records import RobotRecord
    from edge_node.control_room.ingest.batch_store import Arrival
    from edge_node.control_room.ingest.ingest import Link

MAX_BROWSERS = 64
MAX_BROWSERS_OF_ONE = 16  # client: a login, or an address without one
_MAX_VERDICTS = 100  # queued for one browser; a page shows no more
_MAX_CHANGES = 500  # findings, pictures or robots queued for one browser
_COALESCE_S = 0.05  # changes within this time go out as one event
_KEEP_ALIVE_S = 15.0


class TooManyBrowsersError(Exception):
    """As many pages are open as are allowed, in all or to one client; the text says which."""


class BrowserQueue:
    """Events waiting for one open page; the ingest's thread writes, the server's event loop reads."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, client: str = "", is_valid: Callable[[], bool] = lambda: True
    ) -> None:
        self.client = client
        self.is_valid = is_valid  # whether the login that opened the stream still holds
        self._loop = loop
        self._ready = asyncio.Event()
        self._lock = threading.Lock()
        self._verdicts: deque[bytes] = deque(maxlen=_MAX_VERDICTS)
        self._skipped = 0
        self._changes: dict[tuple[str, str], bytes] = {}
        self._resync = False
        self._closed = False
        self._is_signalled = False

    def add(
        self, verdicts: Sequence[bytes], changes: Iterable[tuple[tuple[str, str], bytes]], skipped: int = 0
    ) -> None:
        """Queue changes, and count verdicts that are not among them; from any thread, never blocks."""
        with self._lock:
            self._skipped += max(0, len(self._verdicts) + len(verdicts) - _MAX_VERDICTS) + skipped
            self._verdicts.extend(verdicts)
            self._changes.update(changes)
            if len(self._changes) > _MAX_CHANGES:
                self._resync = True
                self._changes.clear()
            self._signal()

    def resync(self) -> None:
        """Let the page load everything again; from any thread."""
        with self._lock:
            self._resync = True
            self._signal()

    def close(self) -> None:
        """End the stream; from any thread."""
        with self._lock:
            self._closed = True
            self._signal()

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield server-sent events until ``close``."""
        yield b"retry: 1000\nevent: hello\ndata: {}\n\n"
        while not self._closed:
            try:
                await asyncio.wait_for(self._ready.wait(), _KEEP_ALIVE_S)
            except asyncio.TimeoutError:
                yield b"event: beat\ndata: {}\n\n"
                continue
            self._ready.clear()
            if self._closed:
                break
            yield self._take()
            await asyncio.sleep(_COALESCE_S)
        yield b"event: ended\ndata: {}\n\n"

    def _signal(self) -> None:
        if self._is_signalled:
            return
        self._is_signalled = True
        try:
            self._loop.call_soon_threadsafe(self._ready.set)
        except RuntimeError:
            self._closed = True  # the loop is closed: the program ends

    def _take(self) -> bytes:
        """Empty the queue into one event."""
        with self._lock:
            verdicts, skipped = list(self._verdicts), self._skipped
            changes, resync = self._changes, self._resync
            self._verdicts.clear()
            self._skipped, self._changes, self._resync, self._is_signalled = 0, {}, False, False
        if resync:
            return b"event: resync\ndata: {}\n\n"
        by_kind: dict[str, list[bytes]] = {}
        for (kind, _), content in changes.items():
            by_kind.setdefault(kind, []).append(content)
        parts = [b'"verdicts":[' + b",".join(verdicts) + b"]", b'"skipped":%d' % skipped]
        parts += [b'"%s":[' % kind.encode() + b",".join(items) + b"]" for kind, items in by_kind.items()]
        return b"event: news\ndata: {" + b",".join(parts) + b"}\n\n"


class EventBroadcaster:
    """Send events to all open pages, and collect the robots that changed since the last event."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._browsers: set[BrowserQueue] = set()
        self._changed: set[tuple[str, str]] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._browsers)

    def subscribe(self, client: str = "", is_valid: Callable[[], bool] = lambda: True) -> BrowserQueue:
        """Add a queue for a new page; it belongs to the running event loop.

        Args:
            client: whose page it is.
            is_valid: tells whether the page's login still holds.

        Raises:
            TooManyBrowsersError: 64 pages are open, or 16 of this client.
        """
        with self._lock:
            if len(self._browsers) >= MAX_BROWSERS or self._is_closed:
                raise TooManyBrowsersError("too many pages are open")
            if sum(browser.client == client for browser in self._browsers) >= MAX_BROWSERS_OF_ONE:
                raise TooManyBrowsersError(f"you have {MAX_BROWSERS_OF_ONE} pages open; close one of them")
            browser = BrowserQueue(asyncio.get_running_loop(), client, is_valid)
            self._browsers.add(browser)
            return browser

    def unsubscribe(self, browser: BrowserQueue) -> None:
        """Remove the queue of a page that was closed."""
        with self._lock:
            self._browsers.discard(browser)

    def end_invalid(self) -> None:
        """End the streams whose login holds no longer."""
        with self._lock:
            browsers = list(self._browsers)
        for browser in browsers:
            if not browser.is_valid():
                browser.close()

    def close(self) -> None:
        """End all streams and refuse new ones."""
        with self._lock:
            self._is_closed = True
            browsers = list(self._browsers)
        for browser in browsers:
            browser.close()

    def send_resync(self) -> None:
        """Let all pages load everything again: what changed is not known any more."""
        with self._lock:
            browsers = list(self._browsers)
        for browser in browsers:
            browser.resync()

    def note_robots(self, robots: Iterable[tuple[str, str]]) -> None:
        """Note robots whose state changed, by site and name."""
        with self._lock:
            self._changed.update(robots)

    def send_arrivals(self, arrivals: Sequence[Arrival], skipped: int = 0) -> None:
        """Send messages that were stored, and count verdicts that are not among them; from one thread."""
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
                verdicts.append(as_json(verdict_row(message, arrival.received_at, replayed=arrival.replayed)))
            else:
                changes.update(_change(arrival))
        self._add(verdicts, changes, skipped)

    def send_link(self, link: Link) -> None:
        """Send the state of the control room's own broker connection; called in the ingest's thread."""
        self._add([], {("link", ""): as_json(link_view(link))})

    def take_changed_robots(self) -> set[tuple[str, str]]:
        """Return site and name of the robots that sent a message since the last call."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return changed if self._browsers else set()

    def send_robots(self, robots: Iterable[RobotRecord], gaps: list[Any] | None) -> None:
        """Send the state of robots, and the gaps unless None."""
        changes = {
            ("robots", f"{record.site}/{record.robot}"): as_json(robot_view(record)) for record in robots
        }
        if gaps is not None:
            changes["gaps", ""] = as_json(gaps)
        self._add([], changes)

    def send_gone(self, robots: Iterable[tuple[str, str]]) -> None:
        """Send site and name of robots that are no longer listed."""
        self._add([], {("gone", "/".join(key)): as_json(dict(zip(("site", "robot"), key))) for key in robots})  # noqa: B905

    def send_reviewed(self, subject: str, site: str) -> None:
        """Send that a finding or a verdict has a new review, or one whose delivery changed."""
        self._add([], {("reviewed", subject): as_json({"id": subject, "site": site})})

    def send_command(self, site: str, robot: str) -> None:
        """Send that something is known of a robot's commands: pages that show it ask for them."""
        self._add([], {("commands", f"{site}/{robot}"): as_json({"site": site, "robot": robot})})

    def send_defects(self, keys: Iterable[int]) -> None:
        """Send which defects changed; a page that shows them loads them again."""
        self._add([], {("defects", str(key)): as_json({"key": key}) for key in keys})

    def _add(
        self, verdicts: Sequence[bytes], changes: dict[tuple[str, str], bytes], skipped: int = 0
    ) -> None:
        if not verdicts and not changes:
            return
        with self._lock:
            browsers = list(self._browsers)
        for browser in browsers:
            browser.add(verdicts, changes.items(), skipped)


def _change(arrival: Arrival) -> dict[tuple[str, str], bytes]:
    """Return a finding whole; of a picture or a response only its name, for the page to load it."""
    message = arrival.message
    if isinstance(message, Finding):
        view = {"received_at": arrival.received_at, "finding": message}
        return {("findings", f"{message.site}/{message.id}"): as_json(view)}
    if isinstance(message, Response):
        result = {
            "site": message.site,
            "robot": message.robot,
            "command_id": message.command_id,
            "verb": message.verb,
            "result": message.result,
        }
        changes = {("responses", message.id): as_json(result)}
        review = parse_review(message)
        if review is not None and is_finding(review.subject):  # of a verdict it is a claim, or told already
            changes["reviewed", review.subject] = as_json({"id": review.subject, "site": message.site})
        return changes
    if not isinstance(message, StoredPicture):
        return {}
    picture = {"site": message.site, "robot": message.robot, "sha256": message.sha256}
    return {("pictures", f"{message.site}/{message.robot}/{message.sha256}"): as_json(picture)}
