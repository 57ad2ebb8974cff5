"""Build a Node-RED flow that shows verdicts, findings and states, and counts gaps and duplicates. Pure.

Import it in Node-RED, set the broker, deploy. The session is kept by the broker for a day, so a restart of
Node-RED misses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_node.messages.topics import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

_TAB, _BROKER = "corrosion-tab", "corrosion-broker"

_COUNT = """\
// A repeated id is a duplicate; a jump of seq within an epoch is a gap that a backlog may still fill.
// Another verdict under a known id is a conflict, as far as the newest are remembered.
// A robot begins an epoch at each start, and its first verdict names the end of the epoch before.
const [robot, epoch] = msg.payload.id.split(':');
const seen = context.get('seen') || {};
const seq = msg.payload.seq;
const key = `${robot}:${epoch}`;
const known = seen[key] = seen[key] || {first: seq, last: seq - 1, missing: []};
const miss = (of, from, to) => {
    for (let n = from; n < to && of.missing.length < 100000; n++) { of.missing.push(n); }
};
if (seq > known.last) {
    miss(known, known.last + 1, seq);
    known.last = seq;
} else if (seq < known.first) {
    // A backlog from before we listened, overtaken by a live verdict.
    miss(known, seq + 1, known.first);
    known.first = seq;
} else if (known.missing.includes(seq)) {
    known.missing.splice(known.missing.indexOf(seq), 1);
} else {
    msg.duplicate = true;
}
known.newest = known.newest || {};
const content = JSON.stringify(msg.payload);
msg.conflict = (known.newest[seq] || content) !== content;
known.newest[seq] = known.newest[seq] || content;
for (const old of Object.keys(known.newest).slice(0, -100)) { delete known.newest[old]; }
const before = msg.payload.previous_epoch;
const ended = before && seen[`${robot}:${before.epoch}`];
if (ended && ended.last < before.seq) {
    miss(ended, ended.last + 1, before.seq + 1);
    ended.last = before.seq;
}
for (const old of Object.keys(seen).slice(0, -1000)) { delete seen[old]; }
context.set('seen', seen);
msg.missing = 0;
for (const one in seen) {
    if (one.startsWith(`${robot}:`)) { msg.missing += seen[one].missing.length; }
}
const told = msg.conflict ? ', CONFLICT' : '';
node.status({text: `#${seq} ${msg.payload.outcome}, ${msg.missing} missing${told}`});
return msg.duplicate ? [null, msg] : [msg, null];
"""


def flow(hostname: str = "127.0.0.1", port: int = 1883) -> list[dict[str, Any]]:
    """Return the flow as Node-RED imports it."""
    return [
        {"id": _TAB, "type": "tab", "label": "Corrosion robots", "disabled": False, "info": ""},
        _broker(hostname, port),
        _reads("corrosion-verdicts", "verdict", 100, ["corrosion-count"]),
        {
            **_node("corrosion-count", "function", "count gaps", 320, 100),
            "func": _COUNT,
            "outputs": 2,
            "wires": [["corrosion-corroded", "corrosion-show"], ["corrosion-show-duplicates"]],
        },
        {
            **_node("corrosion-corroded", "switch", "corroded?", 540, 60),
            "property": "payload.outcome",
            "propertyType": "msg",
            "rules": [{"t": "eq", "v": "corroded", "vt": "str"}],
            "outputs": 1,
            "wires": [["corrosion-show-corroded"]],
        },
        _shows("corrosion-show-corroded", "corroded", 760, 60),
        _shows("corrosion-show", "verdicts", 760, 100, active=False),
        _shows("corrosion-show-duplicates", "duplicates", 760, 140),
        _reads("corrosion-findings", "finding", 200, ["corrosion-show-findings"]),
        _shows("corrosion-show-findings", "findings", 760, 200),
        _reads("corrosion-states", "status", 260, ["corrosion-show-states"]),
        _shows("corrosion-show-states", "states", 760, 260),
    ]


def _broker(hostname: str, port: int) -> dict[str, Any]:
    return {
        "id": _BROKER,
        "type": "mqtt-broker",
        "name": "corrosion broker",
        "broker": hostname,
        "port": str(port),
        "clientid": "node-red-corrosion",
        "autoConnect": True,
        "usetls": False,
        "protocolVersion": "5",
        "keepalive": "60",
        "cleansession": False,
        "sessionExpiry": "86400",
    }


def _node(identity: str, kind: str, name: str, x: int, y: int) -> dict[str, Any]:
    return {"id": identity, "type": kind, "z": _TAB, "name": name, "x": x, "y": y}


def _reads(identity: str, leaf: str, y: int, wires: Iterable[str]) -> dict[str, Any]:
    return {
        **_node(identity, "mqtt in", f"every {leaf}", 120, y),
        "topic": f"{ROOT}/+/+/{leaf}",
        "qos": "1",
        "datatype": "json",
        "broker": _BROKER,
        "nl": False,
        "rap": True,
        "rh": 0,
        "inputs": 0,
        "wires": [list(wires)],
    }


def _shows(identity: str, name: str, x: int, y: int, *, active: bool = True) -> dict[str, Any]:
    return {
        **_node(identity, "debug", name, x, y),
        "active": active,
        "tosidebar": True,
        "console": False,
        "complete": "payload",
        "targetType": "msg",
        "wires": [],
    }
