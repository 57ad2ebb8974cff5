"""Commands between the publisher's thread, which takes them, and the main thread, which carries them out."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING

from edge_node.commands.receiver import CommandReceiver
from edge_node.evidence.store import PictureSize
from edge_node.messages.command import CommandError, FetchUpdate, Pause, RecordReview, SendEvidence, Verb
from edge_node.messages.response import Result
from edge_node.update.partial_file import Offer

if TYPE_CHECKING:
    from edge_node.commands.admission import AdmittedCommand
    from edge_node.commands.audit_log import Audit
    from edge_node.commands.review_handler import ReviewHandler
    from edge_node.config.delivery_sections import CommandsConfig
    from edge_node.evidence.store import EvidenceStore
    from edge_node.inference.reloader import Loaded, Reloader
    from edge_node.messages.topics import Topics
    from edge_node.spool.spool import Spool
    from edge_node.update.fetcher import Fetcher


class CommandExecutor:
    """What the control room asked for; all but ``desk`` belongs to the main thread."""

    def __init__(
        self, config: CommandsConfig, topics: Topics, spool: Spool, evidence: EvidenceStore, audit: Audit
    ) -> None:
        """Prepare.

        Raises:
            ConfigError: the public key for signatures cannot be used.
        """
        self._queue: queue.SimpleQueue[AdmittedCommand] = queue.SimpleQueue()
        self.desk = CommandReceiver(config, topics, spool, audit, self._queue.put)
        self._evidence = evidence
        self.reloader: Reloader | None = None
        self.reviews: ReviewHandler | None = None
        self.fetcher: Fetcher | None = None
        self._paused_until_s: float | None = None
        self._snapshots: list[AdmittedCommand] = []

    @property
    def paused(self) -> bool:
        """True while no frames are to be decided."""
        if self._paused_until_s is not None and time.monotonic() >= self._paused_until_s:
            self._paused_until_s = None
        return self._paused_until_s is not None

    def take_snapshots(self) -> list[AdmittedCommand]:
        """Return who wants the next decided frame kept, whatever it shows; each is to be answered once."""
        taken, self._snapshots = self._snapshots, []
        return taken

    def carry_out(self) -> None:
        """Carry out what came since the last call; returns at once."""
        while True:
            try:
                taken = self._queue.get_nowait()
            except queue.Empty:
                return
            self._carry_out(taken)

    def answer_snapshots(self, snapshots: list[AdmittedCommand], sha256: str | None) -> None:
        """Answer whoever asked for a snapshot; None if it could not be kept."""
        for taken in snapshots:
            if sha256 is None:
                self.desk.respond(taken, Result.FAILED, "disk", "the picture could not be kept")
            else:
                self.desk.respond(taken, Result.DONE, data={"sha256": sha256})

    def _carry_out(self, taken: AdmittedCommand) -> None:
        command = taken.command
        if isinstance(command, Pause):
            duration_s = command.duration_s
            self._paused_until_s = float("inf") if duration_s is None else time.monotonic() + duration_s
            self.desk.respond(taken, Result.DONE)
        elif taken.verb is Verb.RESUME:
            self._paused_until_s = None
            self.desk.respond(taken, Result.DONE)
        elif taken.verb is Verb.SNAPSHOT:
            self._snapshots.append(taken)
        elif isinstance(command, SendEvidence):
            if self._evidence.request(command.sha256, PictureSize(command.size)):
                self.desk.respond(taken, Result.ACCEPTED, "queued", "sent when no verdict waits")
            else:
                self.desk.respond(taken, Result.REFUSED, "not_kept", "no such picture here, or not any more")
        elif isinstance(command, RecordReview):
            self._review(taken, command)
        elif isinstance(command, FetchUpdate):
            self._fetch(taken, command)
        elif self.reloader is None:
            text = "restart the service: it reads configuration and bundle anew"
            self.desk.respond(taken, Result.REFUSED, "unsupported", text)
        else:
            self.desk.respond(
                taken, Result.ACCEPTED, "loading", "the present bundle goes on until it is good"
            )
            self.reloader.request(lambda loaded: self._reloaded(taken, loaded))

    def _review(self, taken: AdmittedCommand, command: RecordReview) -> None:
        if self.reviews is None:
            self.desk.respond(taken, Result.REFUSED, "unsupported", "this node takes no reviews")
            return
        try:
            recorded = self.reviews.carry_out(command)
        except CommandError as err:
            self.desk.respond(taken, Result.REFUSED, err.code, str(err))
        else:
            self.desk.respond(taken, Result.DONE, "recorded", recorded.text, recorded.data)

    def _fetch(self, taken: AdmittedCommand, command: FetchUpdate) -> None:
        if self.fetcher is None:
            text = '[bundle] path = "store" and trusted_keys would allow it'
            self.desk.respond(taken, Result.REFUSED, "unsupported", text)
            return
        offer = Offer(
            name=command.name,
            version=command.version,
            sha256=command.sha256,
            size_bytes=command.size_bytes,
            command_id=command.id,
        )
        accepted, code, text = self.fetcher.offer(offer)
        result = Result.ACCEPTED if accepted else Result.REFUSED
        self.desk.respond(taken, result, code, text, {"bundle": offer.label})

    def _reloaded(self, taken: AdmittedCommand, loaded: Loaded) -> None:
        if loaded.engine is None:
            self.desk.respond(taken, Result.FAILED, "bundle", loaded.failure or "")
        else:
            manifest = loaded.engine.bundle.manifest
            self.desk.respond(taken, Result.DONE, data={"bundle": f"{manifest.name}-{manifest.version}"})
