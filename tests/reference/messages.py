"""Describe the topics and payloads of a robot, with examples made of the message classes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from edge_node.integrations.message_schema import Channel, channels
from edge_node.messages.command import COMMANDS, MAX_COMMAND_BYTES
from edge_node.messages.field_texts import list_choices, list_structs, read_choices
from edge_node.messages.receipt import Receipt
from edge_node.messages.topics import Topics
from edge_node.messages.verdict import EvidenceReason, encode
from tests.reference.examples import EXAMPLES
from tests.reference.tables import describe_fields, describe_keys, link_here, make_table, sentence, summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SITE, _ROBOT = "SITE", "ROBOT"
# Which page describes which payload; a part of several is described by the first that needs it.
PAYLOAD_PAGES = {
    "verdict.md": ("verdict",),
    "finding.md": ("finding",),
    "status.md": ("status", "health"),
    "other.md": ("response", "pose", "receipt", "checkpoint", "shadow", "bundle_request"),
}
_PAGE_OF = {name: page for page, names in PAYLOAD_PAGES.items() for name in names}


def describe_topics() -> str:
    """Return all topics of a robot as two tables: what it sends, what it takes."""
    base = Topics(_SITE, _ROBOT).base
    found = [*channels(), _receipt()]
    parts = []
    for title, sends in (("What a robot sends", True), ("What a robot takes", False)):
        rows = [_topic_row(channel, base) for channel in found if channel.sends == sends]
        parts += [f"### {title}", make_table(("topic", "payload", "QoS", "retained", "what"), rows)]
    return "\n\n".join(parts)


def describe_commands() -> str:
    """Return each command with its own fields and an example."""
    parts = [f"Fields of every command; a payload has at most {MAX_COMMAND_BYTES} bytes."]
    common = {field.name for field in msgspec.structs.fields(COMMANDS[next(iter(COMMANDS))])}
    parts.append(describe_keys(COMMANDS[next(iter(COMMANDS))]))
    for verb, kind in COMMANDS.items():
        parts += [f"### `cmd/{verb.value}`", summary(kind)]
        if len(kind.__struct_fields__) > len(common):
            parts.append(describe_keys(kind, without=common))
        parts.append(_example(f"command_{verb.value}"))
    return "\n\n".join(parts)


def describe_payloads(page: str) -> str:
    """Return the fields of each message of a page, with an example, then the parts that it describes."""
    parts = []
    for name in PAYLOAD_PAGES[page]:
        kind = _messages()[name]
        parts += [f"## `{name}`", summary(kind), describe_fields(kind, _link_from(page)), _example(name)]
    own = [kind for kind, place in _places().items() if place == page and kind not in _messages().values()]
    if own:
        parts.append("## Parts of these messages")
    for kind in own:
        parts += [f"### {kind.__name__}", summary(kind), describe_fields(kind, _link_from(page))]
    return "\n\n".join(parts)


def describe_words() -> str:
    """Return every enumeration of the messages with what its values mean."""
    top = [channel.message for channel in channels() if channel.message is not None]
    rows = [
        (summary(kind).partition("\n")[0] if not at else "", f"`{value}`", sentence(text))
        for kind in (*list_choices(top), EvidenceReason)
        for at, (value, text) in enumerate(read_choices(kind).items())
        if text
    ]
    return make_table(("what", "value", "meaning"), rows)


def _messages() -> dict[str, type[msgspec.Struct]]:
    """Return the class of each payload by the name of its channel."""
    found = {channel.name: channel.message for channel in channels() if channel.message is not None}
    return {name: kind for name, kind in found.items() if name in _PAGE_OF} | {"receipt": Receipt}


def _places() -> dict[type, str]:
    """Return for each struct the first page that needs it."""
    return {
        kind: page
        for page, names in reversed(PAYLOAD_PAGES.items())
        for kind in list_structs([_messages()[name] for name in names])
    }


def _link_from(page: str) -> Callable[[type], str]:
    places = _places()
    return lambda kind: (
        link_here(kind)
        if places[kind] == page
        else f"[{kind.__name__}]({places[kind]}#{kind.__name__.lower()})"
    )


def _topic_row(channel: Channel, base: str) -> tuple[str, ...]:
    name = channel.topic.removeprefix(f"{base}/").replace("SHA256", "{sha256}")
    return (
        f"`{name}`",
        _payload(channel),
        str(channel.qos),
        "yes" if channel.retain else "no",
        channel.summary.replace("``", "`"),
    )


def _payload(channel: Channel) -> str:
    if channel.message is None:
        return channel.content_type
    if channel.name.startswith("command_"):
        return f"[command](commands.md#cmd{channel.name.removeprefix('command_')})"
    name = "verdict" if channel.name == "latest" else channel.name
    return f"[{channel.message.__name__}]({_PAGE_OF[name]}#{name})"


def _receipt() -> Channel:
    topic = Topics(_SITE, _ROBOT).receipt("NAME")
    return Channel(
        "receipt",
        topic,
        "How far the consumer NAME has stored verdicts; with [mqtt] receipts_from.",
        Receipt,
        sends=False,
        retain=True,
    )


def _example(name: str) -> str:
    document = json.loads(encode(EXAMPLES[name]))
    return "```json\n" + "\n".join(_lines(document)) + "\n```"


def _lines(document: dict[str, object]) -> Iterator[str]:
    """Yield an object with one field a line, long lists with one element a line."""
    yield "{"
    fields = list(document.items())
    for name, value in fields:
        comma = "," if name != fields[-1][0] else ""
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and len(text) > 100:
            yield f'  "{name}": ['
            for one in value:
                yield f"    {json.dumps(one, ensure_ascii=False)}{',' if one is not value[-1] else ''}"
            yield f"  ]{comma}"
        else:
            yield f'  "{name}": {text}{comma}'
    yield "}"
