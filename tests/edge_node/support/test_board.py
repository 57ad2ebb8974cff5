"""What is told of software and hardware, also where a part of it cannot be read."""

from __future__ import annotations

import sys
from pathlib import Path

from edge_node import __version__
from edge_node.support.board import describe_hardware, describe_service, describe_versions


def test_versions_name_the_node_python_system_and_packages():
    """Enough to build the same again."""
    text = describe_versions()
    assert text.startswith(f"edge-node {__version__}\n")
    for word in (sys.version.split()[0], "kernel", "board", "msgspec ", "numpy "):
        assert word in text


def test_hardware_names_memory_load_and_each_disk():
    """A disk that is not there is told, and is no obstacle."""
    text = describe_hardware([Path("/"), Path("/no/such/folder")])
    assert "MB free of" in text
    assert "/no/such/folder: No such file or directory" in text
    assert "MemTotal" in text
    assert "load" in text


def test_the_service_is_told_or_why_not():
    """Without systemd, in a container, a sentence stands there."""
    assert describe_service().strip()
