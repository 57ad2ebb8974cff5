"""Decide whether a picture can be judged: in colour, sharp, lit, no glare, not uniform, not frozen. Pure.

A model predicts "uncorroded" for a dark picture: of 320 photographs, about half of them corroded, a bundle
finds ever fewer corroded as light is removed, and none at a 64th. So such frames are not judged.

**How the thresholds were chosen.** 320 real photographs (close-ups of steel and aluminium, aircraft skin,
whole objects) were scaled to a camera's 480 lines and degraded in steps: less light with sensor noise,
defocus, motion, over-exposure, haze, a glare spot. The measures below are those, of eleven tried, that
best part the steps at which the default bundle contradicts its verdict on the undegraded picture in a
fifth of the pictures or more; each threshold refuses about 1 % of the undegraded pictures or fewer.
``tests/benchmarks/inspectability_thresholds.py`` prints the table, on pictures that were not used to choose.

**Pictures without colour** (infrared at night, monochrome cameras, grey scans) are refused apart from that:
in grey, the default bundle calls every third corroded steel sound. ``tests/benchmarks/colourless.py`` prints
how many colour photographs are taken for one, and how many grey ones are not.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_node.messages.verdict import Reason
from edge_node.plain_struct import PlainStruct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_node.config.sections import InspectConfig
    from edge_node.view.counted_pixels import CountedPixels

# Height at which pictures are measured: near the models' input, and 640 x 480 halves exactly, which is quick.
GREY_LINES = 240
# Pictures are searched for colour at points of a grid: means would hide the noise of colour sensors.
COLOUR_LINES = 64
NEUTRAL_LEVELS = 2  # red, green and blue of a grey picture differ by no more after JPEG and video coding
# Greatest spread of red - green and of blue - green between points that are equally bright: the colour of a
# monochrome camera's picture follows from its brightness, also where a constant cast lies over it.
TINT_SPREAD_LEVELS = 0.36
_TINT_MIN_CONTRAST = 4.0  # standard deviation of the brightness, below which its colour says nothing
_CLIPPED_BELOW, _CLIPPED_ABOVE = 12, 250  # brightest of the three; beyond these a cast changes the other way
_STRAY_LEVELS = 8
_COLOURED_SHARE = 0.001  # so many points may differ: a defective pixel
BLOWN_OUT = 250  # grey levels from here on show no texture: JPEG and gamma compress the top of the scale
_WITHOUT_EDGES = 0.999  # share of a picture that has no edges, even if it is sharp
_LOW_BITS_BELOW = 64  # 14 bits in 16 fill a quarter of the scale


class Thresholds(PlainStruct, frozen=True):
    """Bounds beyond which a picture is not judged; see ``[inspect]`` in the configuration."""

    dark_below: float = 64.0
    glare_above: float = 0.5
    contrast_below: float = 20.0  # 28 would catch more haze but refuse smooth aluminium (contrast 22)
    sharpness_below: float = 11.0
    motion_below: float = 5.0


class Light(PlainStruct, frozen=True):
    """The light in a picture, measured on a grey copy of ``GREY_LINES`` lines.

    Attributes:
        brightness: grey level that 5 % of the picture exceeds, 0 to 255.
        brightest: grey level that nothing but 0.1 % of the picture exceeds.
        glare: share of the picture at ``BLOWN_OUT`` or above.
        contrast: grey levels between the darkest and the brightest percent.
    """

    brightness: float
    brightest: float
    glare: float
    contrast: float


class Sharpness(PlainStruct, frozen=True):
    """The edges in a picture, measured on a grey copy of ``GREY_LINES`` lines.

    Attributes:
        overall: Laplacian that 0.1 % of the picture exceeds: a smooth surface has few edges, but a picture in
            focus is sharp somewhere.
        along: the lesser of the same for second differences along the lines and along the columns: motion
            leaves the edges parallel to it sharp.
    """

    overall: float
    along: float


def inspect(
    pixels: NDArray[np.uint8],
    thresholds: Thresholds,
    *,
    frozen: bool = False,
    counted: CountedPixels | None = None,
) -> tuple[Reason, ...]:
    """Return why the picture cannot be judged; empty when it can.

    Darkness, glare and haze remove edges too, so sharpness is checked only without them.

    Args:
        pixels: uint8 ``(height, width, 3)``, blue, green, red; 0.3 ms at 640 x 480.
        thresholds: the bounds.
        frozen: the camera repeats this picture: ``Frame.frozen``.
        counted: the pixels that count; None for all.
    """
    grey = to_grey(pixels)
    mask = None if counted is None else counted.inner(*grey.shape[:2])
    found = _list_light_faults(measure_light(grey, mask), thresholds)
    if not found and not is_surely_sharp(grey, thresholds, mask):
        found = _list_blur(measure_sharpness(grey, mask), thresholds)
    return (*_frozen(frozen=frozen), *found)


def find_colourless(pixels: NDArray[np.uint8], counted: CountedPixels | None = None) -> tuple[Reason, ...]:
    """Return the reason why a picture without colour cannot be judged; empty when it has colour.

    Args:
        pixels: uint8 ``(height, width, 3)``, blue, green, red; 0.1 ms at 640 x 480.
        counted: the pixels that count; None for all.
    """
    if has_colour(pixels, counted):
        return ()
    text = "without colour: a grey or infrared picture, in which the bundle's models miss corrosion"
    return (Reason(code="colourless", text=text),)


def has_colour(pixels: NDArray[np.uint8], counted: CountedPixels | None = None) -> bool:
    """Return whether colour says more than brightness does, somewhere in the picture.

    The upper and the lower tenth do not count: cameras write name and time there, in colour also by night.
    """
    step = max(1, min(pixels.shape[:2]) // COLOUR_LINES)
    margin = pixels.shape[0] // 10
    points = pixels[margin : pixels.shape[0] - margin][step // 2 :: step, step // 2 :: step]
    if counted is not None:
        points = _choose_counted(points, pixels, counted, step)
    # One channel after the other, and in 16 bits: half the time of copying the points first.
    blue, green, red = (points[..., at].astype(np.int16).ravel() for at in range(3))
    colours = (red - green, blue - green)
    coloured = (np.abs(colours[0]) > NEUTRAL_LEVELS) | (np.abs(colours[1]) > NEUTRAL_LEVELS)
    if np.count_nonzero(coloured) <= _COLOURED_SHARE * len(green):
        return False
    brightest = np.maximum(np.maximum(blue, green), red)
    inside = (brightest > _CLIPPED_BELOW) & (brightest < _CLIPPED_ABOVE)
    brightness = (blue + green + red)[inside]
    if len(brightness) < len(green) / 4:
        return True
    from_mean = brightness - brightness.mean()
    squares = float(from_mean @ from_mean)
    if math.sqrt(squares / len(brightness)) < 3 * _TINT_MIN_CONTRAST:
        return True
    return any(
        _strays(from_mean, squares, colour[inside].astype(np.float64))
        or _spread_at_equal(brightness, colour[inside]) > TINT_SPREAD_LEVELS
        for colour in colours
    )


def _choose_counted(
    points: NDArray[np.uint8], pixels: NDArray[np.uint8], counted: CountedPixels, step: int
) -> NDArray[np.uint8]:
    """Return those of the ``points`` that count; where none does, whatever counts in the whole picture."""
    margin = pixels.shape[0] // 10
    mask = counted.whole(*pixels.shape[:2])
    found = points[mask[margin : pixels.shape[0] - margin][step // 2 :: step, step // 2 :: step] > 0]
    return found if len(found) else pixels[mask > 0]


def _strays(from_mean: NDArray[np.float64], squares: float, colour: NDArray[np.float64]) -> bool:
    """Return whether a spot has a colour of its own, apart from the straight line that a cast makes."""
    slope = float(from_mean @ colour) / squares
    stray = np.abs(colour - colour.mean() - slope * from_mean) > _STRAY_LEVELS
    return bool(np.count_nonzero(stray) > _COLOURED_SHARE * len(colour))


def _spread_at_equal(brightness: NDArray[np.int16], colour: NDArray[np.int16]) -> float:
    """Return the standard deviation of ``colour`` between points of equal brightness, 0 to 765."""
    step = max(1, -(-765 * 4 // len(colour)))  # at least four points a step, on average
    group = brightness // step
    counts = np.bincount(group)
    means = np.bincount(group, colour) / np.maximum(counts, 1)
    freedom = max(len(colour) - np.count_nonzero(counts), 1)
    return float(np.sqrt(np.sum((colour - means[group]) ** 2) / freedom))


def thresholds_of(config: InspectConfig) -> Thresholds:
    """Return the thresholds in the configuration."""
    return Thresholds(
        dark_below=config.dark_below,
        glare_above=config.glare_above,
        contrast_below=config.contrast_below,
        sharpness_below=config.sharpness_below,
        motion_below=config.motion_below,
    )


def to_grey(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a grey copy whose shorter side is ``GREY_LINES``; smaller pictures keep their size."""
    height, width = pixels.shape[:2]
    scale = GREY_LINES / min(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def measure_light(grey: NDArray[np.uint8], mask: NDArray[np.uint8] | None = None) -> Light:
    """Measure the light in a grey copy of a picture, where ``mask`` is not 0."""
    levels = _cumulative(grey, mask)
    dark, bright, brightness, brightest = np.searchsorted(levels, (0.01, 0.99, 0.95, 0.999)).tolist()
    return Light(
        brightness=float(brightness),
        brightest=float(brightest),
        glare=float(1.0 - levels[BLOWN_OUT - 1]),
        contrast=float(bright - dark),
    )


def measure_sharpness(grey: NDArray[np.uint8], mask: NDArray[np.uint8] | None = None) -> Sharpness:
    """Measure the edges in a grey copy of a picture, where ``mask`` is not 0."""
    overall, *each = (
        float(np.searchsorted(_cumulative(edges, mask), _WITHOUT_EDGES))
        for edges in _second_differences(grey)
    )
    return Sharpness(overall, min(each))


def is_surely_sharp(
    grey: NDArray[np.uint8], thresholds: Thresholds, mask: NDArray[np.uint8] | None = None
) -> bool:
    """Return whether the middle lines alone have so many edges that the whole picture cannot be blurred.

    Only where ``mask`` is not 0.

    False says nothing. Of 148 photographs that are sharp, 143 are found so, in a sixth of the time that
    ``measure_sharpness`` takes.
    """
    middle, reach = grey.shape[0] // 2, grey.shape[0] // 8
    band = slice(max(0, middle - reach - 1), middle + reach + 1)
    bounds = (thresholds.sharpness_below, thresholds.motion_below, thresholds.motion_below)
    inside = None if mask is None else mask[band][1:-1] > 0
    size = grey.size if mask is None else max(1, cv2.countNonZero(mask))
    for edges, bound in zip(_second_differences(grey[band]), bounds, strict=True):
        found = edges[1:-1] >= math.ceil(bound)
        sharp = np.count_nonzero(found if inside is None else found & inside)
        if (size - sharp) / size >= _WITHOUT_EDGES:
            return False
    return True


def _second_differences(grey: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    """Return the Laplacian and the second differences along the lines and the columns, without sign."""
    along_x = cv2.Sobel(grey, cv2.CV_16S, 2, 0, ksize=1)  # kernel 1, -2, 1
    along_y = cv2.Sobel(grey, cv2.CV_16S, 0, 2, ksize=1)
    found = (cv2.add(along_x, along_y), along_x, along_y)
    return tuple(np.asarray(cv2.convertScaleAbs(edges), dtype=np.uint8) for edges in found)


def _list_light_faults(found: Light, thresholds: Thresholds) -> tuple[Reason, ...]:
    light = []
    if found.brightness < thresholds.dark_below:
        light.append(_describe_darkness(found, thresholds.dark_below))
    if found.glare > thresholds.glare_above:
        light.append(
            Reason(
                code="glare",
                text=f"{found.glare:.0%} of the picture is blown out, at most"
                f" {thresholds.glare_above:.0%} is judged",
            )
        )
    if not light and found.contrast < thresholds.contrast_below:
        light.append(
            _reason("uniform", "near-uniform", "contrast", found.contrast, thresholds.contrast_below)
        )
    return tuple(light)


def _list_blur(found: Sharpness, thresholds: Thresholds) -> tuple[Reason, ...]:
    if found.overall < thresholds.sharpness_below:
        return (_reason("blurred", "blurred", "sharpness", found.overall, thresholds.sharpness_below),)
    if found.along < thresholds.motion_below:
        text = "blurred by motion"
        return (_reason("motion_blur", text, "sharpness", found.along, thresholds.motion_below),)
    return ()


def _frozen(*, frozen: bool) -> tuple[Reason, ...]:
    return (Reason(code="frozen", text="the camera repeats one picture"),) if frozen else ()


def _reason(code: str, what: str, quantity: str, found: float, wanted: float) -> Reason:
    return Reason(code=code, text=f"{what}: {quantity} {found:.0f} of 255, at least {wanted:.0f} is judged")


def _describe_darkness(found: Light, wanted: float) -> Reason:
    """Return the reason "dark"; a camera whose values do not fill their range looks dark too."""
    reason = _reason("dark", "too dark", "brightness", found.brightness, wanted)
    if found.brightest >= _LOW_BITS_BELOW:
        return reason
    hint = f"nothing is above {found.brightest:.0f}: no light, or a camera of 10 to 14 bits that sends 16"
    return Reason(code=reason.code, text=f"{reason.text}; {hint}")


def _cumulative(
    values: NDArray[np.uint8] | cv2.typing.MatLike, mask: NDArray[np.uint8] | None
) -> NDArray[np.float64]:
    """Return for each of the 256 values the share of what counts in the picture at or below it."""
    counts = cv2.calcHist([values], [0], mask, [256], [0, 256])  # a quarter of numpy's time
    size = values.size if mask is None else cv2.countNonZero(mask)
    return np.asarray(np.cumsum(counts.ravel(), dtype=np.float64) / max(size, 1))
