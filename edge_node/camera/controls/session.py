"""Hold a camera's controls as configured: write them at each opening, lock, read back, and watch them.

A lock is found once: the automatic runs for ``SETTLE_S``, then its values are frozen, and the same values are
written at every later opening of the camera. Frames from before the values are in force are not judged.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edge_node.camera.controls.control import ControlFlag, ControlKind, ControlRefusedError, Value
from edge_node.camera.controls.offer import describe_values, to_numbers
from edge_node.camera.controls.picture_jump import describe_jump, measure_colour
from edge_node.camera.controls.plan import Goal, Mode, plan_goals, refuse_hidden
from edge_node.camera.controls.report import ControlInForce, ControlReport

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_node.camera.controls.control import Control, ControlDevice, ControlId, Setting
    from edge_node.camera.controls.wishes import Wishes

SETTLE_S = 3.0  # automatic exposure takes 1 to 2 s, white balance and focus up to 3
# What was written shows after some frames: 2 to 5 of them, at 10 a second.
EFFECT_S = 0.5
CHECK_S = 5.0  # between two readings: each costs a USB webcam a millisecond
# A sensor counts in lines and gain in steps: so much off is what was asked for.
_TOLERANCE = 0.05

_log = logging.getLogger(__name__)


class CameraControls:
    """Keep the wishes of the configuration and what was locked, over every reopening of the camera.

    Attributes:
        report: what is in force; None while the camera was not opened.
    """

    def __init__(self, wishes: Wishes) -> None:
        """Wait for a camera that is to be set to ``wishes``."""
        self._wishes = wishes
        self._held: dict[str, tuple[Value, ...]] = {}
        self._newest: ControlSession | None = None
        self._is_proved = False
        self.report: ControlReport | None = None

    def open(self, device: ControlDevice) -> ControlSession:
        """Write what can be written at once to a camera that was opened.

        The node goes on with a camera that was exchanged for one that cannot do it, and reports that.

        Raises:
            ControlRefusedError: the camera answered that it cannot do what is wished, and none could before.
        """
        try:
            goals = plan_goals(device.settings(), self._wishes, self._held)
            session = self._newest = ControlSession(self, device, goals)
            session.begin()
            refuse_hidden(goals, device.settings())
        except ControlRefusedError as err:
            refusal = f"{device.name}: {err}"
            if device.answered and not self._is_proved:
                raise ControlRefusedError(refusal) from None
            session = self._newest = ControlSession(self, device, ())
            self.publish(session, ControlReport(faults=(refusal,)))
        return session

    def publish(self, session: ControlSession, report: ControlReport) -> None:
        """Take the report of a session, unless the camera was opened again since."""
        if session is not self._newest:
            return
        was_wrong = self.report is not None and bool(self.report.problems)
        if bool(report.problems) is not was_wrong:
            _log.warning("camera controls: %s", report.problems or "as configured again")
        self.report = report

    def hold(self, goal: Goal) -> None:
        """Remember what was locked."""
        self._held[goal.key] = goal.counts

    def prove(self) -> None:
        """Note that a camera could do what is wished."""
        self._is_proved = True


class ControlSession:
    """Set the controls of one opened camera, and watch them; used by the thread that reads it."""

    def __init__(self, owner: CameraControls, device: ControlDevice, goals: tuple[Goal, ...]) -> None:
        """Prepare to bring ``device`` to ``goals``."""
        self._owner = owner
        self._device = device
        self._goals = goals
        self._settles = any(goal.settles for goal in goals)
        self._may_retry = True
        self._first_s: float | None = None
        self._due_s = 0.0
        self._failures: tuple[str, ...] = ()
        self._baseline: dict[ControlId, Value] = {}
        self._colour: tuple[float, ...] | None = None
        self._notes: list[str] = []
        self._in_force: dict[str, tuple[Value, ...]] | None = None
        self._inactive: frozenset[ControlId] = frozenset()

    def begin(self) -> None:
        """Write what does not have to be found first."""
        self._failures = self._write([write for goal in self._goals for write in goal.opening_writes()])

    def look(self, pixels: NDArray[np.uint8] | None, now_s: float) -> bool:
        """Go on with settling, locking and watching; return whether frames may be judged.

        Args:
            pixels: of a frame that has just arrived; None if it was skipped.
            now_s: monotonic time.
        """
        if not self._goals:
            return True
        if self._first_s is None:
            self._start(now_s)
        if now_s < self._due_s:
            return self._in_force is not None
        if self._settles:
            self._lock(pixels, now_s)
        elif self._in_force is None:
            self._due_s = now_s + (CHECK_S if self._take_stock(pixels) else EFFECT_S)
        else:
            self._check()
            self._due_s = now_s + CHECK_S
        return self._in_force is not None

    def _start(self, now_s: float) -> None:
        self._first_s = now_s
        self._due_s = now_s + (SETTLE_S if self._settles else EFFECT_S)
        self._baseline = self._device.read(_ids(self._goals))
        waiting = [goal.key for goal in self._goals if goal.settles]
        notes = [f"settling for {SETTLE_S:g} s, then locked: {', '.join(waiting)}"] if waiting else []
        for note in notes:
            _log.info("camera %s: %s", self._device.name, note)
        self._owner.publish(self, ControlReport(notes=tuple(notes)))

    def _lock(self, pixels: NDArray[np.uint8] | None, now_s: float) -> None:
        """Turn the automatics off that have settled, and write what they found where that is known."""
        self._settles = False
        found = self._device.read(_ids(self._goals))
        self._goals = tuple(self._with_found(goal, found) if goal.settles else goal for goal in self._goals)
        locked = [goal for goal in self._goals if goal.mode is Mode.LOCK]
        self._failures += self._write([write for goal in locked for write in goal.holding_writes()])
        self._colour = measure_colour(pixels) if pixels is not None else None
        self._due_s = now_s + EFFECT_S

    def _with_found(self, goal: Goal, found: dict[ControlId, Value]) -> Goal:
        """Return a lock with the values to write: those that the camera moved while it was automatic.

        Some cameras tell an old value as long as they are automatic. Written, it would move the picture.
        """
        controls = goal.way.controls if goal.way is not None else ()
        is_told = any(
            ControlFlag.VOLATILE in one.flags or found.get(one.id) != self._baseline.get(one.id)
            for one in controls
        )
        is_read = all(control.id in found for control in controls)
        counts = tuple(found[control.id] for control in controls) if is_read and is_told else ()
        setting = replace(goal.setting, automatic=None, starts_automatic=False)
        return replace(goal, setting=setting, counts=counts)

    def _take_stock(self, pixels: NDArray[np.uint8] | None) -> bool:
        """Read back what is in force now, hold it, and say where it is not what was asked for.

        Some cameras forget what was written before they began to stream: once it is written again, and False
        is returned.
        """
        values = self._device.read(_ids(self._goals))
        self._inactive = _inactive(self._device.settings())
        found = [self._compare(goal, goal.counts, values) for goal in self._goals]
        if self._may_retry and any(control.fault for control, _ in found):
            self._may_retry = False
            self._failures = self._write([one for goal in self._goals for one in goal.opening_writes()])
            return False
        self._in_force = {}
        for goal, (control, counts) in zip(self._goals, found, strict=True):
            if goal.mode is Mode.LOCK and counts:
                self._owner.hold(goal.locked_at(counts))
            self._in_force[goal.key] = counts
            _log.info("camera %s: %s %s", self._device.name, goal.key, _describe(control))
        controls = [control for control, _ in found]
        self._owner.prove()
        if self._colour is not None and pixels is not None:
            self._notes += describe_jump(self._colour, measure_colour(pixels))
            self._colour = None
        self._notes += self._frame_rate_notes()
        self._publish(controls)
        return True

    def _check(self) -> None:
        """Read back again; what is not, or no longer, as configured is told and written again."""
        values = self._device.read(_ids(self._goals))
        if self._inactive:
            self._inactive = _inactive(self._device.settings())
        self._failures = ()
        controls = []
        for goal in self._goals:
            held = (self._in_force or {}).get(goal.key, ())
            aim = goal if goal.counts or goal.mode is Mode.AUTO else goal.locked_at(held)
            control, _ = self._compare(aim, aim.counts, values, held)
            controls.append(control)
            if control.fault:
                self._failures += self._write(aim.opening_writes())
        self._publish(controls)

    def _compare(
        self,
        goal: Goal,
        wanted: tuple[Value, ...],
        values: dict[ControlId, Value],
        held: tuple[Value, ...] = (),
    ) -> tuple[ControlInForce, tuple[Value, ...]]:
        """Return what is in force for a goal, and the counts that were read.

        Args:
            goal: what one key asks for.
            wanted: the counts that should be read; empty if they are not known.
            values: what was read.
            held: what was in force before; empty at the first time.
        """
        switch = goal.setting.switch
        is_auto = goal.mode is Mode.AUTO
        right = goal.setting.automatic if is_auto else goal.setting.manual
        if switch is not None and right is not None and values.get(switch.id, right) != right:
            fault = (
                f"the camera keeps it {'fixed' if is_auto else 'automatic'} ({switch.name} is not {right})"
            )
            return ControlInForce(goal.key, goal.mode, fault=fault), ()
        if is_auto or goal.way is None:
            return ControlInForce(goal.key, goal.mode), ()
        controls, unit = goal.way.controls, goal.way.unit
        if any(ControlFlag.WRITE_ONLY in control.flags for control in controls):
            return ControlInForce(goal.key, goal.mode, unit=unit), ()
        if any(control.id not in values for control in controls):
            return ControlInForce(goal.key, goal.mode, unit=unit, fault="cannot be read back"), ()
        counts = tuple(values[control.id] for control in controls)
        numbers = to_numbers(goal.way, counts)
        fault = "has no effect: the driver calls it inactive" if self._inactive & set(_ids((goal,))) else ""
        if wanted and not all(map(_is_near, counts, wanted, controls)):
            asked = describe_values(to_numbers(goal.way, wanted), unit)
            what = "moved by itself to" if held and not all(map(_is_near, counts, held, controls)) else "is"
            fault = f"{what} {describe_values(numbers, unit)} instead of {asked}"
        return ControlInForce(goal.key, goal.mode, numbers, unit, fault), counts

    def _frame_rate_notes(self) -> list[str]:
        """Say that an exposure is longer than a frame: what was asked for, or what was locked."""
        interval_us = self._device.frame_interval_us
        goal = next((goal for goal in self._goals if goal.key == "exposure_us"), None)
        if interval_us is None or goal is None or goal.way is None or goal.way.unit != "us":
            return []
        counts = goal.counts or (self._in_force or {}).get(goal.key, ())
        (exposure_us,) = to_numbers(goal.way, counts) or (0.0,)
        if exposure_us <= 1.01 * interval_us:
            return []
        longer = f"is longer than the {interval_us:.0f} µs from frame to frame"
        return [
            f"an exposure of {exposure_us:.0f} µs {longer}: wanted fps of at most {1e6 / exposure_us:.3g}"
        ]

    def _publish(self, controls: list[ControlInForce]) -> None:
        self._owner.publish(self, ControlReport(tuple(controls), tuple(self._notes), self._failures))

    def _write(self, writes: list[tuple[Control, Value]]) -> tuple[str, ...]:
        return self._device.write({control.id: value for control, value in writes}) if writes else ()


def _ids(goals: tuple[Goal, ...]) -> list[ControlId]:
    """Return the controls that are read back."""
    read = [goal.setting.switch for goal in goals if goal.setting.switch is not None]
    read += [control for goal in goals if goal.way is not None for control in goal.way.controls]
    return list(dict.fromkeys(control.id for control in read))


def _inactive(settings: dict[str, Setting]) -> frozenset[ControlId]:
    """Return the values that have no effect now."""
    controls = (control for setting in settings.values() for way in setting.ways for control in way.controls)
    return frozenset(control.id for control in controls if ControlFlag.INACTIVE in control.flags)


def _is_near(found: Value, wanted: Value, control: Control) -> bool:
    """Tell whether a value is the wanted one, but for the steps in which a sensor counts."""
    pairs = zip(
        found if isinstance(found, tuple) else (found,),
        wanted if isinstance(wanted, tuple) else (wanted,),
        strict=False,
    )
    share = 0.0 if control.kind is ControlKind.NUMBER_MENU else _TOLERANCE
    return all(
        abs(one - other) <= max(control.step, control.tolerance, share * abs(other)) for one, other in pairs
    )


def _describe(control: ControlInForce) -> str:
    value = describe_values(control.values, control.unit) if control.values else ""
    return " ".join(filter(None, [control.mode.value, value, control.fault and f"({control.fault})"]))
