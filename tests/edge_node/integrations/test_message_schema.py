"""The published formats: what the robot sends fits, what it would refuse does not, readers accept them."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import msgspec
import pytest

from edge_node.integrations.message_schema import asyncapi, channels, schemas
from edge_node.messages.checkpoint import Checkpoint, GivenUp
from edge_node.messages.command import COMMANDS, CommandError, decode_command
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.response import Response, Result
from edge_node.messages.review import Condition, Review, ReviewJudgement
from edge_node.messages.shadow import Disagreement
from edge_node.messages.status import (
    Alarm,
    Health,
    LinkState,
    Part,
    PartState,
    Presence,
    ShadowHealth,
    SpoolDepth,
    Status,
)
from edge_node.messages.verdict import (
    BundleReference,
    Decision,
    EpochEnd,
    Outcome,
    Pose,
    Reason,
    StageVerdict,
    Verdict,
    encode,
)
from edge_node.shadow.comparison import DecisionComparison

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


DEPTH = SpoolDepth(
    waiting=1,
    in_memory=0,
    oldest_age_s=None,
    disk_bytes=1,
    dropped=0,
    refused=0,
    quarantined=0,
    alarms=(Alarm(code="c", text="t"),),
)


WHO = {"site": "s", "robot": "r"}


BUNDLE = BundleReference(name="n", version="1", sha256="0" * 64)


VERDICT = Verdict(
    **WHO,
    outcome=Outcome.CORRODED,
    material="steel",
    material_confidence=0.9,
    stages=(
        StageVerdict(
            name="a", label=None, probabilities={"x": 1.0}, decision_threshold=0.5, abstain_below=0.0
        ),
    ),
    reasons=(Reason(code="dark", text="too dark"),),
    id="r:e:1",
    seq=1,
    pose=Pose(distance_m=1.5),
    observed_at=NOW,
    monotonic_ns=1,
    boot_id="b",
    time_quality="synchronized",
    bundle=BUNDLE,
    config_sha256="0" * 64,
    source="camera",
    frame_id=0,
    frame_age_ms=1.0,
    frames_dropped=0,
    inference_ms=4.0,
)


MESSAGES = {
    "verdict": VERDICT,
    "status": Status(
        **WHO,
        presence=Presence.OFFLINE,
        since=NOW,
        camera=Part(state=PartState.OK),
        clock=Part(state=PartState.FAILING, text="not_synchronized"),
        link=LinkState.REFUSED,
        spool=DEPTH,
    ),
    "finding": Finding(
        **WHO,
        id="r:e:finding:1",
        seq=1,
        state=FindingState.OPENED,
        first_observed_at=NOW,
        last_observed_at=NOW,
        first_verdict="r:e:1",
        last_verdict="r:e:1",
        best_verdict="r:e:1",
        frames=3,
        peak_confidence=0.9,
        from_pose=Pose(distance_m=1.0),
        review=Review(judgement=ReviewJudgement.DISPUTED, by="李", at=NOW, outcome=Condition.UNCORRODED),
    ),
    "health": Health(
        **WHO,
        at=NOW,
        uptime_s=1.0,
        spool=DEPTH,
        shadow=ShadowHealth(part=Part(), old=BUNDLE, counts=DecisionComparison().summary()),
    ),
    "checkpoint": Checkpoint(
        **WHO,
        id="r:e:checkpoint:1",
        seq=1,
        epoch="e",
        last_seq=7,
        last_sha256="0" * 64,
        previous_epoch=EpochEnd(epoch="d", seq=9, sha256=None),
        given_up=(GivenUp(epoch="e", first=2, last=3, previous_sha256="1" * 64),),
        final=True,
        at=NOW,
        monotonic_ns=1,
        boot_id="b",
        time_quality="unknown",
        key_id="2" * 64,
        signature="c2ln",
    ),
    "shadow": Disagreement(
        **WHO,
        id="r:e:shadow:1",
        seq=1,
        at=NOW,
        verdict="r:e:1",
        observed_at=NOW,
        old_bundle=BUNDLE,
        new_bundle=BUNDLE,
        differs=("outcome",),
        stages={"a": "x -> unsure"},
        old=Decision(outcome=Outcome.CORRODED),
        new=Decision(outcome=Outcome.UNCERTAIN),
    ),
    "response": Response(
        **WHO,
        id="i",
        seq=1,
        at=NOW,
        verb="ping",
        command_id=None,
        result=Result.DONE,
        code="ok",
        text="",
        data={"n": 1},
    ),
}


def validator(name: str) -> jsonschema.Draft202012Validator:
    """A validator of the published schema ``name``, formats included."""
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


@pytest.mark.parametrize("name", MESSAGES)
def test_what_the_robot_sends_fits_its_schema(name: str) -> None:
    """Bytes as they are sent, against the schema as it is published; and the schema can say no."""
    document = json.loads(encode(MESSAGES[name]))
    validator(name).validate(document)
    for key in ("site", "robot"):
        wrong = {other: value for other, value in document.items() if other != key}
        with pytest.raises(jsonschema.ValidationError):
            validator(name).validate(wrong)


def test_a_verdict_out_of_range_does_not_fit() -> None:
    """Probabilities above 1, numbers below 1 and unknown outcomes are caught by readers too."""
    document = json.loads(encode(VERDICT))
    for wrong in ({"material_confidence": 1.1}, {"seq": 0}, {"outcome": "rusty"}, {"schema": "corrosion/v2"}):
        with pytest.raises(jsonschema.ValidationError):
            validator("verdict").validate({**document, **wrong})


@pytest.mark.parametrize("verb", COMMANDS)
def test_schema_and_decoder_of_a_command_agree(verb) -> None:
    """What the published schema allows the robot takes, what it forbids the robot refuses."""
    good = {
        "schema": "corrosion/v1",
        "id": "0123456789",
        "issued_at": NOW.isoformat(),
        "expires_at": (NOW + timedelta(minutes=1)).isoformat(),
    }
    good |= {"sha256": "a" * 64} if verb.value == "evidence" else {}
    good |= {"subject": "r:e:f1", "judgement": "disputed", "by": "李"} if verb.value == "review" else {}
    bundle = {"name": "steel", "version": "1.2", "sha256": "a" * 64, "size_bytes": 4_583_424}
    good |= bundle if verb.value == "update" else {}
    bad = [{**good, "id": "x"}, {**good, "more": 1}, {**good, "schema": ""}]
    bad += [{name: value for name, value in good.items() if name != key} for key in good]
    schema = validator(f"command_{verb.value}")
    schema.validate(good)
    decode_command(verb.value, json.dumps(good).encode())
    for document in bad:
        with pytest.raises(jsonschema.ValidationError):
            schema.validate(document)
        with pytest.raises(CommandError):
            decode_command(verb.value, json.dumps(document).encode())


def test_every_message_class_decodes_what_it_encodes() -> None:
    """Readers in Python may use the same classes."""
    for message in MESSAGES.values():
        assert msgspec.json.decode(encode(message), type=type(message)) == message


def test_the_asyncapi_document_names_every_topic_and_resolves() -> None:
    """Every channel has an address, a message and an operation; every reference leads somewhere."""
    document = asyncapi()
    assert document["channels"]["verdict"]["address"] == "corrosion/v1/{site}/{robot}/verdict"
    assert (
        set(document["operations"]) == set(document["channels"]) == {channel.name for channel in channels()}
    )

    def references(value) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [found for inner in value.values() for found in references(inner)]
        return [found for inner in value for found in references(inner)] if isinstance(value, list) else []

    for reference in references(document):
        target = document
        for key in reference.removeprefix("#/").split("/"):
            target = target[key]


NODE_MODULES = Path(__file__).resolve().parents[3] / ".node" / "node_modules"


PARSE = """
const {Parser} = require('@asyncapi/parser');
new Parser().parse(require('fs').readFileSync(process.argv[1], 'utf8')).then(({document, diagnostics}) => {
  console.log(JSON.stringify({
    channels: document ? document.allChannels().all().length : 0,
    errors: diagnostics.filter((d) => d.severity === 0).map((d) => d.message + ' at ' + d.path.join('.')),
  }));
});
"""


def test_the_reference_parser_accepts_the_asyncapi_document(tmp_path: Path) -> None:
    """``@asyncapi/parser`` finds no error and every channel."""
    if not (shutil.which("node") and (NODE_MODULES / "@asyncapi" / "parser").is_dir()):
        pytest.skip("needs node and: npm install --prefix .node @asyncapi/parser mqtt cloudevents")
    file = tmp_path / "asyncapi.json"
    file.write_text(json.dumps(asyncapi()))
    ran = subprocess.run(
        ["node", "-e", PARSE, str(file)],
        capture_output=True,
        text=True,
        check=False,
        cwd=NODE_MODULES.parent,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"channels": len(channels()), "errors": []}
