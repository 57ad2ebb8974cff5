"""Topics are those of the design, and no id changes their shape."""

from __future__ import annotations

import pytest

from edge_node.errors import ConfigError
from edge_node.messages.topics import Kind, Topics


def test_topics_are_those_of_the_design() -> None:
    """The names that other people's programs subscribe to do not change unnoticed."""
    topics = Topics("site", "robot")
    assert [topics.of(kind) for kind in Kind] == [
        "corrosion/v1/site/robot/verdict",
        "corrosion/v1/site/robot/finding",
        "corrosion/v1/site/robot/rsp",
        "corrosion/v1/site/robot/shadow",
        "corrosion/v1/site/robot/checkpoint",
    ]
    assert (topics.latest, topics.status, topics.health) == (
        "corrosion/v1/site/robot/latest",
        "corrosion/v1/site/robot/status",
        "corrosion/v1/site/robot/health",
    )
    assert topics.evidence("a" * 64) == "corrosion/v1/site/robot/evidence/" + "a" * 64
    assert topics.verb("corrosion/v1/site/robot/cmd/pause") == "pause"
    for elsewhere in ("corrosion/v1/site/robot2/cmd/pause", "x/corrosion/v1/site/robot/cmd/pause", "pause"):
        assert topics.verb(elsewhere) is None
    with pytest.raises(ValueError, match="no SHA-256"):
        topics.evidence("../x")


@pytest.mark.parametrize("name", ["+", "#", "a/b", "", "ä", "a b", "$SYS", "-a", "a" * 65, "a\n"])
def test_ids_that_would_change_the_shape_of_a_topic_are_refused(name: str) -> None:
    """Neither site nor robot may be a pattern, a level or nothing."""
    for site, robot in ((name, "r"), ("s", name)):
        with pytest.raises(ConfigError, match="wanted 1 to 64"):
            Topics(site, robot)
