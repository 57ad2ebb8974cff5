"""Build a row's CloudEvents 1.0 attributes for MQTT's binary mode: user properties beside the payload. Pure.

Source: CloudEvents MQTT protocol binding 1.0.2, section 3.1.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.messages.topics import Kind

if TYPE_CHECKING:
    from edge_node.messages.topics import Topics
    from edge_node.spool.rows import Row


def attributes(row: Row, topics: Topics) -> list[tuple[str, str]]:
    """Return the required attributes and ``time``; source and id together are unique.

    A verdict's id is the one in its payload; the data's type is MQTT's content type.
    """
    infix = "" if row.kind is Kind.VERDICT else f"{row.kind.value}:"
    at = datetime.fromtimestamp(row.appended_at_s, timezone.utc)
    return [
        ("specversion", "1.0"),
        ("type", f"corrosion.{row.kind.value}.v1"),
        ("source", f"/{topics.base}"),
        ("id", f"{topics.robot}:{row.epoch}:{infix}{row.seq}"),
        ("time", at.isoformat(timespec="milliseconds").replace("+00:00", "Z")),
    ]
