"""Define the store's saved state, and the transitions from one state to the next. Pure.

The state is one file, replaced by one rename: the deciding bundle, the one behind it, the trial's counts and
the versions seen change together or not at all. Slot ``None`` is the bundle in the package, which always
exists.
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

SlotId: TypeAlias = Sha256  # of the statement, so that two bundles never share a folder
_MAX_EVENTS = 100
_MAX_REJECTED = 200


class Step(str, Enum):
    """A step of a bundle's update."""

    ANNOUNCED = "announced"  # the control room offers it; fetching began or continued
    FETCHED = "fetched"  # every byte has arrived
    REFUSED = "refused"  # differs from what was signed, or not for this robot; nothing changed
    INSTALLED = "installed"  # checked, probed and on trial
    CONFIRMED = "confirmed"  # no worse than the old one
    ROLLED_BACK = "rolled_back"  # the old one decides again


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A step with time and text; numbered, so that each is reported once."""

    seq: int
    at: datetime
    step: Step
    bundle: str
    text: str
    command_id: str | None = None


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle in the store."""

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
    """A version that was rolled back during its trial, and is refused from then on."""

    name: Identifier
    version: Version
    reason: str


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of ``state.json``.

    Attributes:
        current: the slot that decides; None: the bundle in the package.
        previous: the slot that decides after a rollback; None: the same.
        slots: the bundles in the store, by slot.
        highest: by name the highest version that was confirmed.
        floor: by name the lowest version that may still run.
        newest_issue: when the newest confirmed bundle was signed.
        rejected: the versions that were rolled back during their trial.
        trial: of ``current``, while it lasts.
        figures: of ``current``, as last saved.
        command_id: of the command that announced ``current``, for the response at the end of its trial.
        events: the last ones.
        reported: number of the last event that was appended to the spool; ``told`` in the file.
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
    reported: Count = msgspec.field(default=0, name="told")

    def standing(self, robot_class: str | None, factory: tuple[str, str]) -> RobotStanding:
        """Return what a new statement is checked against; ``factory`` is the package's name and version."""
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
        """Return the name of a slot's bundle in messages."""
        return self.slots[slot].label if slot else "the bundle in the package"

    def add_event(
        self, step: Step, bundle: str, text: str, at: datetime, *, command_id: str | None = None
    ) -> State:
        """Return the state with one more event."""
        seq = self.events[-1].seq + 1 if self.events else 1
        event = Event(seq=seq, at=at, step=step, bundle=bundle, text=text, command_id=command_id)
        return msgspec.structs.replace(self, events=(*self.events, event)[-_MAX_EVENTS:])

    def install(self, slot: SlotId, statement: Release, at: datetime, command_id: str | None) -> State:
        """Return the state in which ``slot`` decides on trial, with the old bundle behind it."""
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
            slots=self._select_slots(slot, self.current) | {slot: entry},
            trial=Trial(since=at, before=self.figures),
            figures=None,
            command_id=command_id,
            rejected=tuple(
                found for found in self.rejected if (found.name, found.version) != (entry.name, entry.version)
            ),
        )
        text = f"on trial; {self.label(self.current)} is behind it"
        return state.add_event(Step.INSTALLED, entry.label, text, at, command_id=command_id)

    def confirm(self, text: str, at: datetime) -> State:
        """Return the state after a passed trial: lower versions than this one are refused from now on."""
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
        return state.add_event(Step.CONFIRMED, slot.label, text, at, command_id=self.command_id)

    def roll_back(self, reason: str, at: datetime, *, factory: tuple[str, str]) -> State:
        """Return the state in which the bundle behind the current one decides.

        A bundle on trial is rejected for good; after its trial the two change places, and a second rollback
        changes them back.

        Raises:
            UpdateError: no bundle is behind it, or that one may not run any more.
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
            slots=self._select_slots(target) if self.trial else self.slots,
            trial=None,
            command_id=None,
            figures=self.trial.before if self.trial else None,
            rejected=self._add_rejected(reason) if self.trial else self.rejected,
        )
        text = f"{reason}; {state.label(target)} decides"
        return state.add_event(Step.ROLLED_BACK, left, text, at, command_id=self.command_id)

    def drop_damaged(self, reason: str, at: datetime) -> State:
        """Return the state without the current slot, which was found damaged outside a trial.

        The version is not rejected: it can be installed again by hand.
        """
        target = self.previous if self.previous != self.current else None
        left = self.label(self.current)
        state = msgspec.structs.replace(
            self, current=target, previous=None, slots=self._select_slots(target), trial=None, command_id=None
        )
        text = f"{reason}; {state.label(target)} decides"
        return state.add_event(Step.ROLLED_BACK, left, text, at, command_id=self.command_id)

    def _add_rejected(self, reason: str) -> tuple[RejectedVersion, ...]:
        slot = self.slots[self.current] if self.current else None
        if slot is None:
            return self.rejected
        entry = RejectedVersion(name=slot.name, version=slot.version, reason=reason)
        return (*self.rejected, entry)[-_MAX_REJECTED:]

    def _select_slots(self, *slots: SlotId | None) -> dict[SlotId, Slot]:
        return {slot: self.slots[slot] for slot in slots if slot in self.slots}


def _higher(one: str | None, other: str) -> str:
    return other if one is None else max(one, other, key=version_key)
