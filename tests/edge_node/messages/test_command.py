"""Commands: each verb in its plain form; what does not fit the schema is refused with a code."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_node.commands.admission import AdmittedCommand
from edge_node.messages.command import COMMANDS, CommandError, Pause, SendEvidence, Verb, decode_command
from tests.support.commands import BASE, NOW, REVIEW, UPDATE, gate, incoming, refusal


def test_every_verb_is_taken_in_its_plain_form() -> None:
    """The allow-list: each verb decodes to its own type, with its arguments."""
    sha256 = "0" * 64
    for verb in Verb:
        extra = {Verb.EVIDENCE: {"sha256": sha256}, Verb.REVIEW: REVIEW, Verb.UPDATE: UPDATE}.get(verb, {})
        judged = gate().judge(incoming(verb.value, **extra))
        assert isinstance(judged, AdmittedCommand)
        assert type(judged.command) is COMMANDS[verb]
    assert decode_command("pause", incoming(duration_s=60).payload) == Pause(
        **{**BASE, "issued_at": NOW, "expires_at": NOW + timedelta(minutes=1)}, duration_s=60
    )
    evidence = decode_command("evidence", incoming(sha256=sha256, size="thumbnail").payload)
    assert isinstance(evidence, SendEvidence)
    assert (evidence.sha256, evidence.size) == (sha256, "thumbnail")


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b"[" * 4000, "not_json"),
        (b'{"a":' * 700, "not_json"),
        (b"1" * 4096, "schema"),
        (b"-" + b"9" * 4000, "schema"),
        (b"NaN", "not_json"),
        (b'{"duration_s": Infinity}', "not_json"),
        (b'{"duration_s": 1e999}', "not_json"),
        (b'{"id": "a", "id": "b"}', "duplicate_key"),
        (b'{"x": {"a": 1, "a": 2}}', "duplicate_key"),
        (b"[]", "schema"),
        (b'"' + b"x" * 5000 + b'"', "too_large"),
        (b"null", "schema"),
    ],
    ids=range(14),
)
def test_bytes_that_are_no_command_are_refused_with_a_code(payload: bytes, code: str) -> None:
    """Nesting, huge numbers, NaN, keys given twice, broken UTF-8: one refusal each, nothing else."""
    with pytest.raises(CommandError) as caught:
        decode_command("pause", payload)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "corrosion/v2"},
        {"id": "short"},
        {"id": "x" * 65},
        {"id": "0123456789\n"},
        {"id": "\ud800" * 10},
        {"id": 5},
        {"schema": "\ud800"},
        {"\ud800": 1},
        {"issued_at": "yesterday"},
        {"issued_at": "2026-01-01T12:00:00"},
        {"issued_at": 1767268800},
        {"expires_at": None},
        {"duration_s": 0},
        {"duration_s": 86_401},
        {"duration_s": 1.5},
        {"duration_s": "60"},
        {"duration_s": True},
        {"url": "http://example.org"},
        {"path": "/etc/passwd"},
    ],
    ids=str,
)
def test_a_command_that_does_not_fit_the_schema_is_refused(changes) -> None:
    """Unknown keys, wrong types, values out of bounds and times without a zone are refused."""
    assert refusal(gate().judge(incoming(**changes))) == "schema"


@pytest.mark.parametrize("sha256", ["../../etc/passwd", "0" * 63, "0" * 65, "G" * 64, "0" * 64 + "\n", ""])
def test_evidence_is_named_by_a_hash_and_nothing_else(sha256: str) -> None:
    """No path can be asked for."""
    assert refusal(gate().judge(incoming("evidence", sha256=sha256))) == "schema"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*BASE, *REVIEW, *UPDATE, "duration_s", "sha256", "size", "note", "x"]), JSON
    )
)
def test_any_object_that_is_near_a_command_gives_a_command_or_a_refusal(changes) -> None:
    """Right keys with wrong values never get further than the schema."""
    payload = json.dumps({**BASE, **changes}).encode()
    for verb in Verb:
        try:
            command = decode_command(verb.value, payload)
        except CommandError:
            continue
        assert json.loads(payload)["id"] == command.id
