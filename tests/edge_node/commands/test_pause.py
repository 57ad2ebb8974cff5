"""The switch that pauses inspection."""

from __future__ import annotations

import time

from edge_node.commands.pause import PauseSwitch


def test_a_pause_ends_by_itself_or_by_resume():
    """A pause with a duration ends after it, one without at ``resume``; the last command counts."""
    switch = PauseSwitch()
    assert not switch.is_paused
    switch.pause(0.05)
    assert switch.is_paused
    time.sleep(0.06)
    assert not switch.is_paused
    switch.pause(0.05)
    switch.pause(None)
    time.sleep(0.06)
    assert switch.is_paused
    switch.resume()
    assert not switch.is_paused
