"""Reloads and updates by command: what is answered at once, and what follows when it has ended."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timezone

import pytest

from edge_node.commands.bundle_handlers import ReloadHandler, respond_to_event
from edge_node.errors import BundleError
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inference.reloader import Loaded, Reloader
from edge_node.messages.command import Verb
from edge_node.messages.response import Result
from edge_node.messages.topics import Kind
from edge_node.update.state import Event, Step
from tests.support.commands import admitted, spooled
from tests.support.processes import wait_for


@pytest.fixture(scope="module")
def engine():
    """The default bundle's models."""
    return Engine(load_bundle(DEFAULT_BUNDLE))


def test_a_reload_is_accepted_and_its_failure_follows_with_the_reason(spool, responses) -> None:
    """Two responses to one command: the bundle in use goes on meanwhile, and after a refusal."""

    def load():
        raise BundleError("bundle: model.tflite: its sha256 is not the one in bundle.json")

    reloader = Reloader(load)
    command = admitted(Verb.RELOAD)
    outcome = ReloadHandler(reloader, responses).handle(command)
    assert (outcome.result, outcome.code) == (Result.ACCEPTED, "loading")
    assert spooled(spool) == []
    wait_for(reloader.take, what="the refusal")
    text = "bundle: model.tflite: its sha256 is not the one in bundle.json"
    assert spooled(spool) == [("reload", "failed", "bundle", text)]
    (row,) = spool.rows(Kind.RESPONSE)
    assert (json.loads(row.payload)["command_id"], row.correlation) == (command.command.id, b"c")


def test_a_reload_by_command_reads_the_configuration_and_names_what_it_does_not_take(
    spool, responses, engine
) -> None:
    """A load that runs already, for another reason, does not stand in for it: the reload follows."""
    begun = threading.Event()

    def load():
        assert begun.wait(5)
        raise BundleError("of the load before")

    note = "changed and needs a restart: [camera] source"
    reloader = Reloader(load, reread=lambda: Loaded(engine, note=note))
    reloader.request()
    ReloadHandler(reloader, responses).handle(admitted(Verb.RELOAD))
    begun.set()
    wait_for(lambda: reloader.take() and spooled(spool), what="the end of the reload")
    assert spooled(spool) == [("reload", "done", "ok", note)]


@pytest.mark.parametrize(
    ("step", "result"),
    [
        (Step.ANNOUNCED, "accepted"),
        (Step.FETCHED, "accepted"),
        (Step.INSTALLED, "accepted"),
        (Step.CONFIRMED, "done"),
        (Step.REFUSED, "refused"),
        (Step.ROLLED_BACK, "failed"),
    ],
)
def test_each_step_of_an_update_answers_the_command_that_began_it(spool, responses, step, result) -> None:
    """Done only when the trial has ended well; the bundle is named in each."""
    at = datetime(2026, 1, 1, tzinfo=timezone.utc)
    event = Event(seq=1, at=at, step=step, bundle="steel-2", text="because", command_id="update-0001")
    respond_to_event(responses, event)
    assert spooled(spool) == [("update", result, step.value, "because")]
    found = json.loads(spool.rows(Kind.RESPONSE)[0].payload)
    assert (found["command_id"], found["data"]) == ("update-0001", {"bundle": "steel-2"})
