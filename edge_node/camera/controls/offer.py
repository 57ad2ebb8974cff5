"""Say in words what a camera offers for a setting, and turn numbers of the configuration into its counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edge_node.camera.controls.control import Control, ControlKind, ControlRefusedError

if TYPE_CHECKING:
    from edge_node.camera.controls.control import Setting, Value, Way

WORDS = {
    "exposure_us": "exposure",
    "gain": "gain",
    "white_balance": "white balance",
    "focus": "focus",
}
_UNIT_WORDS = {"us": "µs", "dpt": "dioptres", "x": "times"}


def describe_offer(setting: Setting) -> str:
    """Return what may be configured, such as ``"auto", "lock" or 300 to 204700 µs in steps of 100``."""
    texts = ['"auto"'] if can_be_automatic(setting) or setting.follows else []
    if setting.manual is not None or setting.switch is None:
        texts.append('"lock"')
        texts += [describe_numbers(way) for way in setting.ways if not way.refusal]
    return " or ".join([*([", ".join(texts[:-1])] if texts[:-1] else []), *texts[-1:]])


def describe_numbers(way: Way) -> str:
    """Return the numbers that a way takes, in the configuration's unit."""
    control, unit = way.controls[0], _UNIT_WORDS.get(way.unit, way.unit)
    if control.kind is ControlKind.NUMBER_MENU:
        return f"{unit} {', '.join(map(plain, choices(way)))}".strip()
    low, high, step = limits(way)
    least, most = ("" if limit is None else plain(limit) for limit in (low, high))
    span = f"{least} to {most}" if least and most else f"at least {least}" if least else "any number"
    steps = f" in steps of {plain(step)}" if step is not None and step > 1 else ""
    numbers = f"{span} {unit}".strip() + steps
    return f"[red, blue], each {numbers}" if way.width == 2 else numbers


def limits(way: Way) -> tuple[float | None, float | None, float | None]:
    """Return least, largest and step of the numbers that a way takes; None where the camera tells none."""
    control = way.controls[0]
    low, high = (
        None if math.isinf(limit) else round(limit / way.per_unit, 6)
        for limit in (control.minimum, control.maximum)
    )
    return low, high, round(control.step / way.per_unit, 6) if control.step else None


def choices(way: Way) -> tuple[float, ...]:
    """Return the numbers of a way's menu."""
    return tuple(int(text) / way.per_unit for _, text in way.controls[0].menu if int(text) > 0)


def describe_values(values: tuple[float, ...], unit: str) -> str:
    """Return values with their unit, for people."""
    numbers = " and ".join(plain(round(value, 3)) for value in values)
    return f"{numbers} {_UNIT_WORDS.get(unit, unit)}".strip()


def plain(number: float) -> str:
    """Return a number without an exponent and without idle zeros."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def can_be_automatic(setting: Setting) -> bool:
    """Tell whether the camera has an automatic of its own for the setting."""
    return setting.starts_automatic or (setting.switch is not None and setting.automatic is not None)


def to_counts(setting: Setting, wish: float | tuple[float, ...]) -> tuple[Way, tuple[Value, ...]]:
    """Return the way that takes ``wish``, and the counts to write; rounded to the control's step.

    Raises:
        ControlRefusedError: no way takes it, or it is out of range.
    """
    numbers = wish if isinstance(wish, tuple) else (wish,)
    way = next((way for way in setting.ways if way.width == len(numbers)), None)
    if way is None or way.refusal:
        what = "no [red, blue]" if len(numbers) == 2 else "no single number"
        why = way.refusal if way is not None else f"this camera takes {what}"
        raise ControlRefusedError(f"{why}; it takes {describe_offer(setting)}")
    controls = way.controls if len(way.controls) == len(numbers) else way.controls * len(numbers)
    counts = [
        _count(control, number * way.per_unit, way) for control, number in zip(controls, numbers, strict=True)
    ]
    if len(way.controls) < len(counts):
        return way, ((counts[0], counts[1]),)
    return way, tuple(counts)


def to_numbers(way: Way, values: tuple[Value, ...]) -> tuple[float, ...]:
    """Return counts that were read as numbers of the configuration's unit."""
    numbers = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
    control = way.controls[0]
    if control.kind is ControlKind.NUMBER_MENU:
        texts = dict(control.menu)
        numbers = [float(texts.get(round(number), "nan")) for number in numbers]
    return tuple(round(number / way.per_unit, 6) for number in numbers)


def _count(control: Control, count: float, way: Way) -> float:
    if control.kind is ControlKind.NUMBER_MENU:
        for number, text in control.menu:
            if int(text) == round(count):
                return number
        raise ControlRefusedError(f"this camera takes {describe_numbers(way)}")
    slack = 1e-6 * max(1.0, abs(count))
    if not control.minimum - slack <= count <= control.maximum + slack:
        raise ControlRefusedError(f"this camera takes {describe_numbers(way)}")
    if not control.step:
        return count
    least = control.minimum if math.isfinite(control.minimum) else 0.0
    rounded = least + round((count - least) / control.step) * control.step
    return rounded if rounded <= control.maximum else rounded - control.step
