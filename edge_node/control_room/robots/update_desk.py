"""Send bundles to robots in the background, and keep how far each is and what came of it."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from edge_node.control_room.history.commands.command_log import CommandState, SentCommand
from edge_node.control_room.robots.bundle_sender import BundleSender
from edge_node.control_room.robots.review_service import RequestRefusedError
from edge_node.errors import CorrosionError
from edge_node.messages.command import Verb
from edge_node.messages.response import Response, Result
from edge_node.messages.topics import Topics
from edge_node.update.state import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from edge_node.control_room.robots.bundle_shelf import BundleShelf
    from edge_node.control_room.robots.command_desk import CommandDesk

_TRANSFERS = 8  # at once; further ones wait
_SILENT_S = 3600.0  # a robot on trial speaks only at the end of it
_SHOW_S = 2.0
_STOP_S = 3.0
_ALIVE_S = 30.0  # without a word for longer its process has ended
_ENDED = frozenset({Step.CONFIRMED.value, Step.ROLLED_BACK.value})

_log = logging.getLogger(__name__)


class UpdateDesk:
    """Send bundles from threads of its own."""

    def __init__(self, desk: CommandDesk, shelf: BundleShelf) -> None:
        """Start nothing; ``desk`` keeps what is known of each update, ``shelf`` has the bundles."""
        self.shelf = shelf
        self._desk = desk
        self._workers = ThreadPoolExecutor(_TRANSFERS, "updates")
        self._running: dict[Future[None], BundleSender] = {}

    def start(
        self, site: str, robot: str, file: str, *, by: str, on_ended: Callable[[SentCommand], None]
    ) -> SentCommand:
        """Begin to send a bundle to a robot; ``on_ended`` is told what came of it.

        Raises:
            RequestRefusedError: there is no such bundle, it is none, or the robot cannot be reached now.
        """
        topics = Topics(site, robot)
        try:
            source = self.shelf.open(file)
            try:
                sender = BundleSender(source, file, self._desk.endpoint, topics, self._desk.sign)
            except BaseException:
                source.close()
                raise
        except CorrosionError as err:
            raise RequestRefusedError(str(err)) from err
        try:
            sent = self._desk.begin(site, robot, Verb.UPDATE, sender.release.label, by=by)
        except RequestRefusedError:
            source.close()
            raise
        work = self._workers.submit(self._send, sent, sender, source.close, on_ended)
        self._running[work] = sender
        work.add_done_callback(lambda ended: self._running.pop(ended, None))
        return sent

    def close(self) -> None:
        """End all transfers: a robot keeps what it has fetched, and goes on when the bundle is sent again."""
        running = dict(self._running)
        for sender in running.values():
            sender.stop()
        self._workers.shutdown(wait=False)
        wait(running, _STOP_S)

    def _send(
        self,
        sent: SentCommand,
        sender: BundleSender,
        close: Callable[[], None],
        on_ended: Callable[[SentCommand], None],
    ) -> None:
        said = _Said(self._desk, sent, sender)
        watch = threading.Thread(target=said.watch, name="update progress", daemon=True)
        watch.start()
        try:
            answer = sender.send(timeout_s=_SILENT_S, until=_ENDED, on_progress=said.note)
            said.stop()
            ended = said.end(*_conclude(answer))
        except CorrosionError as err:
            said.stop()
            ended = said.end(*said.explain(err))
        except Exception:  # noqa: BLE001  logged with traceback; the update must not stay open
            _log.exception("an update of %s/%s", sent.site, sent.robot)
            said.stop()
            ended = said.end(CommandState.FAILED, "error", "an error of the control room; see its log")
        finally:
            close()
        on_ended(ended)


class _Said:
    """What is known of one transfer: its newest step, and how much the robot has fetched."""

    def __init__(self, desk: CommandDesk, sent: SentCommand, sender: BundleSender) -> None:
        self._desk = desk
        self._sent = sent
        self._sender = sender
        self._text = "offered to the robot"
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def note(self, text: str) -> None:
        """Keep a step; called by the transfer."""
        self._text = text
        self._show()

    def watch(self) -> None:
        """Keep the progress every two seconds while it grows, and every 30 anyway, until ``stop``."""
        shown, shown_s = -1, 0.0
        while not self._ended.wait(_SHOW_S):
            if self._sender.reached_bytes != shown or time.monotonic() - shown_s > _ALIVE_S:
                shown, shown_s = self._sender.reached_bytes, time.monotonic()
                self._show()

    def stop(self) -> None:
        """Let nothing more be shown but the end."""
        with self._lock:
            self._ended.set()

    def end(self, state: CommandState, code: str, text: str) -> SentCommand:
        """Keep what came of it."""
        return self._desk.note(self._sent, state, code, text, self._share)

    def explain(self, err: CorrosionError) -> tuple[CommandState, str, str]:
        """Say of a transfer that ended without the robot's last word what is known."""
        if self._sender.reached_bytes < self._sender.size_bytes:
            return CommandState.FAILED, "not_sent", str(err)
        text = f"{err}; it has all of the bundle: its status says which one decides"
        return CommandState.EXPIRED, "silent", text

    @property
    def _share(self) -> float:
        return self._sender.reached_bytes / max(1, self._sender.size_bytes)

    def _show(self) -> None:
        with self._lock:
            if self._ended.is_set():
                return
            try:
                self._desk.note(self._sent, CommandState.ACCEPTED, "update", self._text, self._share)
            except CorrosionError as err:
                _log.warning("%s", err)


def _conclude(answer: Response) -> tuple[CommandState, str, str]:
    if answer.code == Step.ROLLED_BACK.value:
        return CommandState.FAILED, answer.code, f"rolled back: {answer.text}"
    state = CommandState.DONE if answer.result is Result.DONE else CommandState(answer.result.value)
    said = "" if answer.code == state.value else answer.code.replace("_", " ")
    return state, answer.code, ": ".join(part for part in (said, answer.text) if part)
