"""Plan what is written to a camera's controls, from what it offers and what is wished. Pure: no I/O."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_node.camera.controls.control import Control, ControlRefusedError
from edge_node.camera.controls.offer import WORDS, can_be_automatic, describe_offer, plain, to_counts
from edge_node.camera.controls.wishes import KEYS
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge_node.camera.controls.control import Setting, Value, Way
    from edge_node.camera.controls.wishes import Wish, Wishes


class Mode(str, Enum):
    """How a setting is held."""

    AUTO = "auto"  # the camera's automatic moves it
    LOCK = "lock"  # frozen at what the automatic had found
    FIXED = "fixed"  # at a number of the configuration


class Goal(PlainStruct, frozen=True):
    """What one key asks of the camera.

    Attributes:
        setting: what the camera offers for the key.
        mode: how it is held.
        way: the controls that are read back, None if there is only a switch.
        counts: to write; empty for an automatic, and for a lock before it was found.
    """

    setting: Setting
    mode: Mode
    way: Way | None = None
    counts: tuple[Value, ...] = ()

    @property
    def key(self) -> str:
        """Return the key of ``[camera]``."""
        return self.setting.key

    @property
    def settles(self) -> bool:
        """Return whether the automatic must find the values first."""
        return self.mode is Mode.LOCK and not self.counts and can_be_automatic(self.setting)

    def opening_writes(self) -> list[tuple[Control, Value]]:
        """Return what is written when the camera was opened, in order."""
        switch, setting = self.setting.switch, self.setting
        if self.mode is not Mode.AUTO and not self.settles:
            return self.holding_writes()
        writes: list[tuple[Control, Value]] = list(setting.steady) if self.mode is Mode.LOCK else []
        if switch is not None and setting.automatic is not None:
            writes.append((switch, setting.automatic))
        return writes

    def holding_writes(self) -> list[tuple[Control, Value]]:
        """Return what turns the automatic off and sets the counts, in order."""
        setting = self.setting
        writes: list[tuple[Control, Value]] = list(setting.steady)
        if setting.switch is not None and setting.manual is not None:
            writes.append((setting.switch, setting.manual))
        controls = self.way.controls if self.way is not None else ()
        return writes + list(zip(controls, self.counts, strict=False))

    def locked_at(self, counts: tuple[Value, ...]) -> Goal:
        """Return this lock with the counts that the automatic found."""
        return replace(self, counts=counts)


def plan_goals(
    settings: Mapping[str, Setting], wishes: Wishes, held: Mapping[str, tuple[Value, ...]]
) -> tuple[Goal, ...]:
    """Return a goal for each wish, in the order in which they are written.

    Args:
        settings: what the camera offers, by key.
        wishes: what is wished, by key.
        held: what an earlier opening of the camera locked, by key.

    Raises:
        ControlRefusedError: one sentence for each wish that the camera cannot do.
    """
    goals, problems = [], []
    for key in (key for key in KEYS if key in wishes):
        wish = wishes[key]
        try:
            goal = _goal(settings, key, wishes)
            if goal.mode is Mode.LOCK and _fits(goal, held.get(key, ())):
                goal = goal.locked_at(held[key])
            goals.append(goal)
        except ControlRefusedError as err:
            problems.append(f"{key} = {_show(wish)}: {err}")
    if problems:
        raise ControlRefusedError("; ".join(problems))
    return tuple(goals)


def refuse_hidden(goals: tuple[Goal, ...], settings: Mapping[str, Setting]) -> None:
    """Refuse locks that would make the picture jump; asked once the automatics are on.

    Raises:
        ControlRefusedError: the driver does not tell what an automatic found.
    """
    problems = [
        f'{goal.key} = "lock": this driver does not tell what its automatic finds, so that the picture would'
        f" jump; give a number: {describe_offer(replace(settings[goal.key], switch=None))}"
        for goal in goals
        if goal.settles and goal.key in settings and settings[goal.key].hides_automatic
    ]
    if problems:
        raise ControlRefusedError("; ".join(problems))


def _goal(settings: Mapping[str, Setting], key: str, wishes: Wishes) -> Goal:
    setting, wish = settings.get(key), wishes[key]
    if setting is None:
        offered = ", ".join(settings) or "none of the four"
        raise ControlRefusedError(f"this camera has no control of its {WORDS[key]} (it has: {offered})")
    if setting.follows:
        _refuse_split(setting, wish, wishes.get(setting.follows))
    if wish == "auto":
        if not can_be_automatic(setting) and not setting.follows:
            raise ControlRefusedError(
                f"this camera has no automatic {WORDS[key]}; it takes {describe_offer(setting)}"
            )
        return Goal(setting, Mode.AUTO)
    if setting.switch is not None and setting.manual is None:
        raise ControlRefusedError(f"the automatic {WORDS[key]} of this camera cannot be turned off")
    if not isinstance(wish, str):
        way, counts = to_counts(setting, wish)
        return Goal(setting, Mode.FIXED, way, counts)
    return Goal(setting, Mode.LOCK, setting.ways[0] if setting.ways else None)


def _refuse_split(setting: Setting, wish: Wish, leading: Wish | None) -> None:
    """Refuse to fix a setting whose automatic is another key's, while that one is left automatic."""
    key, lead, word = setting.key, setting.follows, WORDS[setting.key]
    if wish == "auto" and leading != "auto":
        raise ControlRefusedError(
            f'this camera has one automatic for {word} and {WORDS[lead]}: set {lead} = "auto" too, or remove'
            f" {key}"
        )
    if wish != "auto" and leading in {None, "auto"}:
        raise ControlRefusedError(
            f"this camera has one automatic for {word} and {WORDS[lead]}: set {lead} too, to a number or to"
            ' "lock"'
        )


def _fits(goal: Goal, counts: tuple[Value, ...]) -> bool:
    """Tell whether what was locked before can be written: after a change of cameras it may not."""
    if not counts or goal.way is None or len(counts) != len(goal.way.controls):
        return False
    pairs = zip(goal.way.controls, counts, strict=True)
    return all(
        control.minimum <= one <= control.maximum
        for control, count in pairs
        for one in (count if isinstance(count, tuple) else (count,))
    )


def _show(wish: Wish) -> str:
    if isinstance(wish, tuple):
        return f"[{', '.join(plain(number) for number in wish)}]"
    return f'"{wish}"' if isinstance(wish, str) else plain(wish)
