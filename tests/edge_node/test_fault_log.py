"""The log of a writer that fails and recovers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from edge_node.fault_log import FaultLog

if TYPE_CHECKING:
    import pytest


def test_a_failure_is_one_line_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    """However often a writer fails, the log has its first reason and, after a calm time, that it works."""
    caplog.set_level(logging.INFO)
    now_s = [0.0]
    fault = FaultLog("evidence", calm_s=10.0, monotonic_s=lambda: now_s[0])
    fault.succeed()
    for number in range(1000):
        fault.fail("the disk is full" if number else "no folder")
        now_s[0] += 0.1
        fault.succeed()
    assert fault.text == "the disk is full"
    assert caplog.messages == ["evidence: no folder"]
    now_s[0] += 10
    fault.succeed()
    assert fault.text == ""
    assert caplog.messages[1:] == ["evidence: works again, after 1000 failures"]
    fault.fail("again")
    assert caplog.messages[2:] == ["evidence: again"]
