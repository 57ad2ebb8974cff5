"""Pictures are kept beside the verdicts: their names come in time, or the verdicts go without."""

from __future__ import annotations

import threading

from edge_node.evidence import thread as evidence_thread
from edge_node.evidence.thread import MAX_WAITING, EvidenceThread
from tests.support.processes import wait_for


def test_a_picture_is_kept_in_the_thread_and_rings():
    """Its name is there once ``on_change`` was called; until then it is not settled."""
    changed, go = threading.Event(), threading.Event()
    thread = EvidenceThread(changed.set)
    thread.start()
    picture = thread.keep(lambda: "a" * 64 if go.wait(5) else None)
    assert not picture.is_settled
    go.set()
    assert changed.wait(5)
    assert picture.is_settled
    assert picture.sha256 == "a" * 64
    thread.stop()


def test_a_picture_that_raises_costs_its_name_and_not_the_thread(caplog):
    """The next one is kept all the same."""
    thread = EvidenceThread(lambda: None)
    thread.start()
    bad, good = thread.keep(lambda: {}["no picture"]), thread.keep(lambda: "b" * 64)
    wait_for(lambda: good.is_settled, 5, "the second picture")
    assert (bad.sha256, good.sha256) == (None, "b" * 64)
    assert "KeyError" in caplog.text
    thread.stop()


def test_a_disk_that_hangs_costs_pictures_and_no_verdict():
    """One is waited for half a second, some wait behind it, the rest are refused at once; the end comes."""
    hanging, late = threading.Event(), []
    thread = EvidenceThread(lambda: None, on_late=lambda: late.append(None))
    thread.start()
    try:
        first = thread.keep(lambda: "c" * 64 if hanging.wait(30) else None)
        wait_for(lambda: first.is_settled, evidence_thread.LONGEST_WAIT_S + 2, "no name in time")
        assert first.sha256 is None
        waiting = [thread.keep(lambda: "d" * 64) for _ in range(MAX_WAITING)]
        assert None not in waiting
        assert late == []
        assert thread.keep(lambda: "e" * 64) is None
        assert late == [None]  # the loss is told
        thread.stop(timeout_s=0.1)
    finally:
        hanging.set()
