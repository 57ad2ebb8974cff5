"""The switch that pauses inspection."""

from __future__ import annotations

import time

from edge_node.commands.pause import PauseHandler, PauseSwitch, ResumeHandler
from edge_node.messages.command import Verb
from tests.support.commands import admitted


def test_the_switch_pauses_for_a_while_or_until_resume():
    """Without a duration it stays; with one it ends by itself; a later pause replaces an earlier one."""
    switch = PauseSwitch()
    pause, resume = PauseHandler(switch).handle, ResumeHandler(switch).handle
    assert not switch.is_paused
    pause(admitted(Verb.PAUSE))
    assert switch.is_paused
    resume(admitted(Verb.RESUME))
    assert not switch.is_paused
    pause(admitted(Verb.PAUSE))
    pause(admitted(Verb.PAUSE, duration_s=1))
    assert switch.is_paused
    time.sleep(1.1)
    assert not switch.is_paused


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
