"""What the store remembers over a power cut, and how one state follows from another. Pure.

The whole of it is one file that is replaced by one rename: which bundle decides, which is behind it, how the
trial stands and what was ever seen change together or not at all. ``None`` as a slot is the bundle in the
package, which is always there.
"""

from __future__ import annotations

from datetime import datetime  # msgspec resolves annotations at run time
from enum import Enum
from typing import Literal, TypeAlias

import msgspec

from edge_node.errors import UpdateError
from edge_node.inference.manifest import Sha256, Version
from edge_node.messages.identifiers import Count, Identifier
from edge_node.update.release import Release, RobotStanding, is_older, version_key
from edge_node.update.trial import BundleFigures, Trial

SlotId: TypeAlias = Sha256  # of the statement: two bundles never share a folder
_MAX_EVENTS = 100
_MAX_REJECTED = 200


class Step(str, Enum):
    """What happened to a bundle."""

    ANNOUNCED = "announced"  # the control room offers it; fetching began, or went on
    FETCHED = "fetched"  # every byte is here
    REFUSED = "refused"  # not what was signed, or not for this robot; nothing changed
    INSTALLED = "installed"  # checked, probed and on trial
    CONFIRMED = "confirmed"  # did no worse than the old one
    ROLLED_BACK = "rolled_back"  # the old one decides again


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One step; numbered, so that each is told once the link is there."""

    seq: int
    at: datetime
    step: Step
    bundle: str
    text: str
    command_id: str | None = None


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle that lies in the store."""

    name: Identifier
    version: Version
    issued_at: datetime
    minimum_version: Version
    installed_at: datetime

    @property
    def label(self) -> str:
        """Name and version as messages show them."""
        return f"{self.name}-{self.version}"


class RejectedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version that was tried and given up: it does not come back by itself."""

    name: Identifier
    version: Version
    reason: str


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``state.json``.

    Attributes:
        current: the slot that decides; None: the bundle in the package.
        previous: what decides after a rollback; the same.
        slots: what lies in the store, by slot.
        highest: per name the highest version that was confirmed.
        floor: per name the lowest version that may still run.
        newest_issue: when the newest confirmed one was signed.
        trial: of ``current``, while it lasts.
        figures: of ``current``, when the node last wrote them down.
        command_id: of the command that brought ``current``, to tell how its trial ended.
        events: the last of them.
        told: number of the last event that was handed to the spool.
    """

    format: Literal[1] = 1
    current: SlotId | None = None
    previous: SlotId | None = None
    slots: dict[SlotId, Slot] = {}
    highest: dict[Identifier, Version] = {}
    floor: dict[Identifier, Version] = {}
    newest_issue: datetime | None = None
    rejected: tuple[RejectedVersion, ...] = ()
    trial: Trial | None = None
    figures: BundleFigures | None = None
    command_id: str | None = None
    events: tuple[Event, ...] = ()
    told: Count = 0

    def standing(self, robot_class: str | None, factory: tuple[str, str]) -> RobotStanding:
        """Return what a new statement is held against; ``factory`` is the package's name and version."""
        slot = self.slots[self.current] if self.current else None
        return RobotStanding(
            robot_class=robot_class,
            highest=self.highest,
            floor=self.floor,
            newest_issue=self.newest_issue,
            rejected={(entry.name, entry.version): entry.reason for entry in self.rejected},
            here=(slot.name, slot.version) if slot else factory,
        )

    def label(self, slot: SlotId | None) -> str:
        """Return what messages call a slot."""
        return self.slots[slot].label if slot else "the bundle in the package"

    def noted(
        self, step: Step, bundle: str, text: str, at: datetime, *, command_id: str | None = None
    ) -> State:
        """Return the state with one more event."""
        seq = self.events[-1].seq + 1 if self.events else 1
        event = Event(seq=seq, at=at, step=step, bundle=bundle, text=text, command_id=command_id)
        return msgspec.structs.replace(self, events=(*self.events, event)[-_MAX_EVENTS:])

    def installed(self, slot: SlotId, statement: Release, at: datetime, command_id: str | None) -> State:
        """Return the state in which ``slot`` decides on trial, with what decided before behind it."""
        entry = Slot(
            name=statement.name,
            version=statement.version,
            issued_at=statement.issued_at,
            minimum_version=statement.minimum_version,
            installed_at=at,
        )
        state = msgspec.structs.replace(
            self,
            current=slot,
            previous=self.current,
            slots=self._kept(slot, self.current) | {slot: entry},
            trial=Trial(since=at, before=self.figures),
            figures=None,
            command_id=command_id,
            rejected=tuple(
                found for found in self.rejected if (found.name, found.version) != (entry.name, entry.version)
            ),
        )
        text = f"on trial; {self.label(self.current)} is behind it"
        return state.noted(Step.INSTALLED, entry.label, text, at, command_id=command_id)

    def confirmed(self, text: str, at: datetime) -> State:
        """Return the state in which the trial is over and no version below this one comes in any more."""
        if self.trial is None or self.current is None:
            raise UpdateError("no bundle is on trial")
        slot = self.slots[self.current]
        floor = dict(self.floor)
        if slot.name not in floor or is_older(floor[slot.name], slot.minimum_version):
            floor[slot.name] = slot.minimum_version
        state = msgspec.structs.replace(
            self,
            trial=None,
            command_id=None,
            highest={**self.highest, slot.name: _higher(self.highest.get(slot.name), slot.version)},
            floor=floor,
            newest_issue=max(filter(None, (self.newest_issue, slot.issued_at))),
        )
        return state.noted(Step.CONFIRMED, slot.label, text, at, command_id=self.command_id)

    def rolled_back(self, reason: str, at: datetime, *, factory: tuple[str, str]) -> State:
        """Return the state in which what is behind the current bundle decides.

        A bundle on trial is given up and does not come back by itself; after its trial the two change
        places, and a second rollback changes them back.

        Raises:
            UpdateError: nothing is behind it, or it may not run any more.
        """
        target = self.previous
        if target == self.current:
            raise UpdateError("there is nothing to roll back to: no bundle was ever installed")
        name, version = (self.slots[target].name, self.slots[target].version) if target else factory
        floor = self.floor.get(name)
        if floor is not None and is_older(version, floor):
            raise UpdateError(f"{name}-{version} may not run any more: {floor} is the lowest version allowed")
        left = self.label(self.current)
        state = msgspec.structs.replace(
            self,
            current=target,
            previous=None if self.trial else self.current,
            slots=self._kept(target) if self.trial else self.slots,
            trial=None,
            command_id=None,
            figures=self.trial.before if self.trial else None,
            rejected=self._given_up(reason) if self.trial else self.rejected,
        )
        text = f"{reason}; {state.label(target)} decides"
        return state.noted(Step.ROLLED_BACK, left, text, at, command_id=self.command_id)

    def damaged(self, reason: str, at: datetime) -> State:
        """Return the state after the current slot was found damaged, outside a trial: it is dropped.

        The version is not given up: whoever has the file may install it again by hand.
        """
        target = self.previous if self.previous != self.current else None
        left = self.label(self.current)
        state = msgspec.structs.replace(
            self, current=target, previous=None, slots=self._kept(target), trial=None, command_id=None
        )
        text = f"{reason}; {state.label(target)} decides"
        return state.noted(Step.ROLLED_BACK, left, text, at, command_id=self.command_id)

    def _given_up(self, reason: str) -> tuple[RejectedVersion, ...]:
        slot = self.slots[self.current] if self.current else None
        if slot is None:
            return self.rejected
        entry = RejectedVersion(name=slot.name, version=slot.version, reason=reason)
        return (*self.rejected, entry)[-_MAX_REJECTED:]

    def _kept(self, *slots: SlotId | None) -> dict[SlotId, Slot]:
        return {slot: self.slots[slot] for slot in slots if slot in self.slots}


def _higher(one: str | None, other: str) -> str:
    return other if one is None else max(one, other, key=version_key)
