"""Generate JSON Schemas of every message, and an AsyncAPI 3 document, from the classes that encode them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from edge_node import __version__
from edge_node.integrations.node_red import flow
from edge_node.messages.checkpoint import Checkpoint
from edge_node.messages.command import COMMANDS, MAX_COMMAND_BYTES
from edge_node.messages.field_texts import (
    list_choices,
    list_structs,
    read_choices,
    read_field_texts,
    read_summary,
)
from edge_node.messages.finding import Finding
from edge_node.messages.pose import MAX_POSE_BYTES, PoseMessage
from edge_node.messages.response import BundleRequest, Response
from edge_node.messages.shadow import Disagreement
from edge_node.messages.status import Health, Status
from edge_node.messages.topics import ROOT, Kind, Topics
from edge_node.messages.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SITE, _ROBOT = "SITE", "ROBOT"  # become parameters of the document's addresses


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic and its messages.

    Attributes:
        name: of the channel and of the message's schema.
        topic: of the robot ROBOT at SITE.
        message: the class that is encoded; None for bytes.
        sends: the robot publishes on it; else it subscribes to it.
        retain: the broker keeps the last one.
    """

    name: str
    topic: str
    summary: str
    message: type[msgspec.Struct] | None
    qos: int = 1
    sends: bool = True
    retain: bool = False
    content_type: str = "image/jpeg"  # of what is no JSON


def channels() -> list[Channel]:
    """Return every topic of a robot."""
    topics = Topics(_SITE, _ROBOT)
    found = [
        Channel("verdict", topics.of(Kind.VERDICT), "Every verdict: the record.", Verdict),
        Channel("finding", topics.of(Kind.FINDING), "What a person acts on.", Finding),
        Channel("latest", topics.latest, "The newest verdict; never a replayed one.", Verdict, retain=True),
        Channel("status", topics.status, "Whether the robot is there; also the will.", Status, retain=True),
        Channel("health", topics.health, "How well it does; lost while the link is away.", Health, qos=0),
        Channel("response", topics.response, "What became of commands, refused ones too.", Response),
        Channel(
            "pose",
            topics.pose,
            "Where the robot is and how far the surface, if [pose] mqtt_topic says so.",
            PoseMessage,
            0,
            sends=False,
        ),
        Channel("shadow", topics.of(Kind.SHADOW), "Where the shadow bundle disagrees.", Disagreement),
        Channel(
            "checkpoint",
            topics.of(Kind.CHECKPOINT),
            "How far the record goes and what the robot gave up, signed; with [node] signing_key_file.",
            Checkpoint,
        ),
        Channel("thumbnail", topics.thumbnail, "The newest thumbnail, for screens.", None, retain=True),
        Channel(
            "evidence",
            f"{topics.base}/evidence/SHA256",
            "A picture, named by its SHA-256; user properties: its size, and the reasons why it was kept.",
            None,
        ),
    ]
    found += [
        Channel(
            "bundle_request",
            topics.bundle_request,
            "What the robot wants of a bundle that was announced with `update`.",
            BundleRequest,
            0,
        ),
        Channel(
            "bundle_piece",
            topics.bundle_piece,
            "A piece of a bundle file: 32 bytes of its SHA-256, 8 of the offset, then what was asked for.",
            None,
            0,
            sends=False,
            content_type="application/octet-stream",
        ),
    ]
    found += [
        Channel(
            f"command_{verb.value}", f"{topics.base}/cmd/{verb.value}", _first_line(kind), kind, sends=False
        )
        for verb, kind in COMMANDS.items()
    ]
    return found


def schemas() -> dict[str, dict[str, Any]]:
    """Return a self-contained JSON Schema (2020-12) for each kind of message, by name."""
    found = {}
    for channel in channels():
        if channel.message is not None and channel.name != "latest":
            schema = msgspec.json.schema(channel.message)
            _describe(schema["$defs"], [channel.message])
            identity = f"urn:{ROOT.replace('/', ':')}:{channel.name}"
            found[channel.name] = {"$schema": _DIALECT, "$id": identity, **_readable(schema)}
    return found


def asyncapi() -> dict[str, Any]:
    """Return the AsyncAPI 3.0 document of a robot, from the robot's side: it sends verdicts."""
    messages = [channel.message for channel in channels() if channel.message is not None]
    _, components = msgspec.json.schema_components(messages, ref_template="#/components/schemas/{name}")
    _describe(components, messages)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Corrosion edge node",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {channel.name: _channel(channel) for channel in channels()},
        "operations": {channel.name: _operation(channel) for channel in channels()},
        "components": {"schemas": _readable(components), "messages": _messages()},
    }


_DESCRIPTION = (
    "Verdicts of a corrosion inspection robot over MQTT 5. A verdict that was committed to the robot's disk"
    " reaches the broker at least once; a repeated `id` is a duplicate, a gap in `seq` within an epoch is a"
    " loss, and so is a number up to the end that the next epoch's `previous_epoch` names. The user property"
    " `replayed` = `true` marks what waited for the link; user properties also"
    " carry CloudEvents 1.0 attributes in binary mode."
)


def _channel(channel: Channel) -> dict[str, Any]:
    address = channel.topic.replace(_SITE, "{site}").replace(_ROBOT, "{robot}").replace("SHA256", "{sha256}")
    parameters = {
        "site": {"description": "Where the robot works."},
        "robot": {"description": "Its name, unique in its site."},
    }
    if "{sha256}" in address:
        parameters["sha256"] = {"description": "Of the picture's bytes, 64 hexadecimal digits."}
    return {
        "address": address,
        "description": channel.summary,
        "parameters": parameters,
        "messages": {channel.name: {"$ref": f"#/components/messages/{channel.name}"}},
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": "send" if channel.sends else "receive",
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": channel.summary,
        "messages": [{"$ref": f"#/channels/{channel.name}/messages/{channel.name}"}],
        "bindings": {"mqtt": {"qos": channel.qos, "retain": channel.retain, "bindingVersion": "0.2.0"}},
    }


def _messages() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for channel in channels():
        if channel.message is None:
            found[channel.name] = {
                "contentType": channel.content_type,
                "summary": channel.summary,
                "payload": {"type": "string", "format": "binary"},
            }
            continue
        found[channel.name] = {
            "contentType": "application/json",
            "summary": channel.summary,
            "payload": {"$ref": f"#/components/schemas/{channel.message.__name__}"},
        }
        if channel.sends and channel.qos == 1 and not channel.retain:
            found[channel.name]["headers"] = _headers()
        if not channel.sends:
            most_bytes = MAX_POSE_BYTES if channel.message is PoseMessage else MAX_COMMAND_BYTES
            found[channel.name]["description"] = f"At most {most_bytes} bytes; never retained."
    return found


def _headers() -> dict[str, Any]:
    """Return the schema of the user properties beside what comes from the spool."""
    cloud_events = ("specversion", "type", "source", "id", "time")
    properties: dict[str, Any] = {name: {"type": "string"} for name in cloud_events}
    properties["replayed"] = {"type": "string", "const": "true", "description": "It waited for the link."}
    return {"type": "object", "properties": properties, "required": list(cloud_events)}


def _describe(definitions: dict[str, Any], messages: list[type[msgspec.Struct]]) -> None:
    """Write into each definition what it is and what its fields mean."""
    for kind in list_structs(messages):
        schema = definitions[kind.__name__]
        schema["description"] = read_summary(kind)
        for name, text in read_field_texts(kind).items():
            schema["properties"][name].setdefault("description", text)
    for choice in list_choices(messages):
        values = " ".join(f"{value}: {text}" for value, text in read_choices(choice).items())
        definitions[choice.__name__]["description"] = f"{read_summary(choice)} {values}"


def _readable(schema: Any) -> Any:
    """Return ``schema`` for readers beyond Python: one-line descriptions, ECMA 262 patterns."""
    if isinstance(schema, list | tuple):
        return [_readable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _readable(value) for name, value in schema.items()}
    if isinstance(found.get("description"), str):
        found["description"] = " ".join(found["description"].split())
    for name in ("enum", "anyOf"):
        if isinstance(found.get(name), list):
            found[name].sort(key=str)  # msgspec gives them in another order each time
    if isinstance(found.get("pattern"), str):
        # Python's $ lets a line break pass, ECMA's does not.
        found["pattern"] = found["pattern"].replace(r"\Z", "$")
    return found


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def documents() -> Iterable[tuple[str, bytes]]:
    """Yield every file that ``edge-node schema`` writes: name and content."""
    for name, schema in schemas().items():
        yield f"{name}.schema.json", _pretty(schema)
    yield "asyncapi.json", _pretty(asyncapi())
    yield "node_red_flow.json", _pretty(flow())


def _pretty(document: dict[str, Any] | list[dict[str, Any]]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
