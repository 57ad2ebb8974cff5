"""Match MQTT topics against topic filters. Pure.

Source: MQTT 5.0, 4.7 Topic Names and Topic Filters.
"""

from __future__ import annotations


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a subscription to ``topic_filter`` receives messages on ``topic``.

    ``+`` stands for one level, ``#`` at the end for the level above it and all levels below. A wildcard at
    the beginning does not match topics of the broker itself, which begin with ``$``.
    """
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    if wanted[-1] == "#":
        wanted.pop()
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(
        one in ("+", level) for one, level in zip(wanted, levels, strict=True)
    )
