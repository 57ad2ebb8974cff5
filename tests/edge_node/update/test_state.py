"""The state of updates: what decides, what may never run again, its events and its file. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from edge_node.errors import UpdateError
from edge_node.update.release import Release
from edge_node.update.state import State, Step

AT = datetime(2026, 1, 1, tzinfo=timezone.utc)
FACTORY = ("steel", "1")


def release(version: str, **fields) -> Release:
    """Return the statement of a bundle."""
    given = {"issued_at": AT, "expires_at": AT + timedelta(days=1), "files": (), "blocks": (), **fields}
    return Release(name="steel", version=version, **given)


def installed(state: State, version: str, **fields) -> State:
    """Return the state with this version on trial, in a slot of its own."""
    return state.install(version * 16, release(version, **fields), AT, f"command-{version}")


def test_a_trial_that_ends_well_refuses_lower_versions_from_then_on() -> None:
    """And the end answers the command that announced the bundle."""
    trial = installed(State(), "2", minimum_version="2")
    assert (trial.current, trial.previous, trial.trial is None) == ("2" * 16, None, False)
    state = trial.confirm("no worse", AT)
    assert (state.trial, state.highest, state.floor) == (None, {"steel": "2"}, {"steel": "2"})
    assert [(event.seq, event.step, event.command_id) for event in state.events] == [
        (1, Step.INSTALLED, "command-2"),
        (2, Step.CONFIRMED, "command-2"),
    ]
    with pytest.raises(UpdateError, match="no bundle is on trial"):
        state.confirm("again", AT)


def test_a_trial_that_fails_gives_the_bundle_behind_it_back_and_rejects_the_version() -> None:
    """The package's own bundle is behind the first one."""
    state = installed(State(), "2").roll_back("too slow", AT, factory=FACTORY)
    assert (state.current, state.trial, state.slots) == (None, None, {})
    assert [(found.name, found.version) for found in state.rejected] == [("steel", "2")]
    assert state.events[-1].text == "too slow; the bundle in the package decides"
    assert installed(state, "2").rejected == ()  # installed again on purpose


def test_after_its_trial_two_rollbacks_change_places_twice() -> None:
    """An operator may go back, and forth again; nothing is rejected."""
    good = installed(State(), "2").confirm("good", AT)
    back = good.roll_back("by hand", AT, factory=FACTORY)
    assert (back.current, back.previous, back.rejected) == (None, "2" * 16, ())
    forth = back.roll_back("by hand", AT, factory=FACTORY)
    assert (forth.current, forth.previous) == ("2" * 16, None)


def test_what_may_not_run_any_more_is_not_rolled_back_to() -> None:
    """Nor is anything where nothing was ever installed."""
    with pytest.raises(UpdateError, match="nothing to roll back to"):
        State().roll_back("by hand", AT, factory=FACTORY)
    state = installed(State(), "3", minimum_version="2").confirm("good", AT)
    with pytest.raises(UpdateError, match=r"steel-1 may not run any more: 2 is the lowest"):
        state.roll_back("by hand", AT, factory=FACTORY)


def test_a_new_statement_is_checked_against_what_is_here() -> None:
    """The slot that decides, or the package's bundle."""
    assert State().standing("crawler", FACTORY).here == FACTORY
    standing = installed(State(), "2").standing(None, FACTORY)
    assert (standing.here, standing.robot_class) == (("steel", "2"), None)


def test_events_are_numbered_and_the_oldest_are_dropped():
    """Each event has the next number, also after the first hundred, of which the oldest are dropped."""
    state = State()
    for number in range(1, 121):
        state = state.add_event(Step.FETCHED, "steel-2", f"step {number}", AT)
    assert [event.seq for event in state.events] == list(range(21, 121))
    assert state.events[-1].text == "step 120"


def test_a_state_that_an_earlier_version_saved_is_read():
    """The number of the last event reported is ``told`` in the file, so that an update reports none twice."""
    state = msgspec.json.decode(b'{"format":1,"told":7}', type=State)
    assert state.reported == 7
    assert b'"told":7' in msgspec.json.encode(state)
