"""Commands in the main thread: refusals and bugs are answered too."""

from __future__ import annotations

from edge_node.commands.executor import CommandExecutor, refuse_unsupported
from edge_node.commands.responses import CommandOutcome
from edge_node.messages.command import CommandError, Verb
from edge_node.messages.response import Result
from tests.support.commands import admitted, spooled


def test_a_verb_without_a_handler_is_unsupported(spool, responses):
    """Also one that the configuration excludes: its response says what would allow it."""
    executor = CommandExecutor({Verb.UPDATE: refuse_unsupported("a store would allow it")}, responses)
    executor.submit(admitted(Verb.RELOAD))
    update = {"name": "steel", "version": "1.2", "sha256": "0" * 64, "size_bytes": 100}
    executor.submit(admitted(Verb.UPDATE, **update))
    executor.look(0.0)
    assert spooled(spool) == [
        ("reload", "refused", "unsupported", "this node does not execute reload"),
        ("update", "refused", "unsupported", "a store would allow it"),
    ]


def test_a_handler_that_refuses_or_fails_is_answered_and_the_next_is_executed(spool, responses):
    """A refusal has its own code; a bug names its type and the log, and does not end the main thread."""

    def refuse(_admitted):
        raise CommandError("unknown_label", "severity x: known are y")

    def fail(_admitted):
        raise RuntimeError("a bug")

    handlers = {
        Verb.REVIEW: refuse,
        Verb.RELOAD: fail,
        Verb.RESUME: lambda _admitted: CommandOutcome(Result.DONE, "ok", "so", {"n": 1}),
    }
    executor = CommandExecutor(handlers, responses)
    review = {"subject": "robot:epoch:f7", "judgement": "disputed", "by": "Anna"}
    for command in (admitted(Verb.REVIEW, **review), admitted(Verb.RELOAD), admitted(Verb.RESUME)):
        executor.submit(command)
    executor.look(0.0)
    assert spooled(spool) == [
        ("review", "refused", "unknown_label", "severity x: known are y"),
        ("reload", "failed", "internal", "RuntimeError; see the robot's log"),
        ("resume", "done", "ok", "so"),
    ]
