"""Load the bundle again (``reload``), fetch another (``update``) and report the steps of an update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_node.commands.responses import CommandOutcome
from edge_node.messages.command import Verb
from edge_node.messages.response import Result

if TYPE_CHECKING:
    from edge_node.commands.admission import AdmittedCommand
    from edge_node.commands.responses import ResponseWriter
    from edge_node.inference.reloader import Loaded, Reloader
    from edge_node.messages.command import FetchUpdate, Reload
    from edge_node.messages.response import Scalar
    from edge_node.update.fetcher import Fetcher
    from edge_node.update.state import Event

_RESULTS = {  # by the value of edge_node.update.state.Step: a node without a store does not import it
    "announced": Result.ACCEPTED,
    "fetched": Result.ACCEPTED,
    "refused": Result.REFUSED,
    "installed": Result.ACCEPTED,
    "confirmed": Result.DONE,
    "rolled_back": Result.FAILED,
}


class ReloadHandler:
    """Execute ``reload``: load the bundle beside the one in use, and respond again when that has ended."""

    def __init__(self, reloader: Reloader, responses: ResponseWriter) -> None:
        self._reloader = reloader
        self._responses = responses

    def handle(self, admitted: AdmittedCommand[Reload]) -> CommandOutcome:
        """Start to read the configuration and to load the bundle that it names."""
        self._reloader.request(
            lambda loaded: self._responses.respond(admitted, _outcome(loaded)), with_config=True
        )
        return CommandOutcome(Result.ACCEPTED, "loading", "the present bundle goes on until it is good")


class UpdateHandler:
    """Execute ``update``: fetch a bundle that is offered."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def handle(self, admitted: AdmittedCommand[FetchUpdate]) -> CommandOutcome:
        """Start fetching, unless another bundle is being fetched or this one is too large."""
        from edge_node.update.partial_file import Offer

        command = admitted.command
        offer = Offer(
            name=command.name,
            version=command.version,
            sha256=command.sha256,
            size_bytes=command.size_bytes,
            command_id=command.id,
        )
        is_accepted, code, text = self._fetcher.offer(offer)
        result = Result.ACCEPTED if is_accepted else Result.REFUSED
        return CommandOutcome(result, code, text, {"bundle": offer.label})


def respond_to_event(responses: ResponseWriter, event: Event) -> None:
    """Report a step of an update as a response to the command that began it, if one did."""
    outcome = CommandOutcome(
        _RESULTS[event.step.value], event.step.value, event.text, {"bundle": event.bundle}
    )
    responses.append(Verb.UPDATE.value, event.command_id, outcome)


def _outcome(loaded: Loaded) -> CommandOutcome:
    if loaded.engine is None:
        return CommandOutcome(Result.FAILED, "bundle", "; ".join((loaded.failure or "").splitlines()))
    manifest = loaded.engine.bundle.manifest
    data: dict[str, Scalar] = {"bundle": f"{manifest.name}-{manifest.version}"}
    return CommandOutcome(Result.DONE, text=loaded.note, data=data)
