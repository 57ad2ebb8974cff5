"""Light a plate and photograph it: from its reflectance and relief to a picture's pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from converter.specimens.noise import Field, Shape, blur, fractal, resize_grid, slopes, speckle, step
from converter.specimens.plate import Colours, Plate, repeat_channels
from converter.specimens.spec import Light, Picture

# JPEG qualities of phones and of cheap cameras.
_JPEG_QUALITY = (72, 96)
# Share of the S-curve in the tone curve; by eye against photographs of phones.
_CONTRAST = 0.6


@dataclass(frozen=True, slots=True)
class Lamp:
    """One kind of lighting.

    Attributes:
        colour: of the light, BGR, green = 1; what white balance leaves of it.
        ambient: share that comes from everywhere, 0 to 1; the rest has a direction.
        elevation: lowest and highest sine of the light's height over the plate.
        falloff: how quickly the light fades from its centre; 0 for the sky.
        glare: strength of its mirror image in bare metal.
        exposure: mean brightness that the camera aims at, lowest and highest, linear, 0 to 1.
        noise: deviation of sensor noise at full brightness, 0 to 1.
        shadow: probability that something throws a hard shadow across the plate.
    """

    colour: tuple[float, float, float]
    ambient: float
    elevation: tuple[float, float]
    falloff: float
    glare: float
    exposure: tuple[float, float]
    noise: float
    shadow: float


LAMPS = {
    Light.ROOM: Lamp((0.80, 1.0, 1.10), 0.55, (0.5, 0.9), 0.25, 0.5, (0.16, 0.26), 0.012, 0.05),
    Light.WINDOW: Lamp((1.06, 1.0, 0.95), 0.45, (0.25, 0.7), 0.45, 0.6, (0.16, 0.30), 0.010, 0.05),
    Light.FLASH: Lamp((1.05, 1.0, 0.96), 0.06, (0.92, 1.0), 1.1, 1.3, (0.13, 0.24), 0.018, 0.0),
    Light.SUN: Lamp((0.90, 1.0, 1.06), 0.28, (0.35, 0.8), 0.0, 0.9, (0.24, 0.36), 0.006, 0.35),
    Light.CLOUD: Lamp((1.04, 1.0, 0.97), 0.75, (0.6, 0.95), 0.05, 0.3, (0.20, 0.30), 0.008, 0.0),
}


@dataclass(frozen=True, slots=True)
class Lighting:
    """One lighting of one picture.

    Attributes:
        lamp: its kind.
        direction: unit vector from the plate to the light: x right, y down, z towards the camera.
        glare_at: where the light mirrors, in picture heights from the centre.
        tint: BGR factors: the white balance of this picture.
        exposure: mean brightness aimed at, linear.
        seed: of the surroundings that bare metal mirrors.
        shadow: whether a hard shadow crosses the plate.
    """

    lamp: Lamp
    direction: tuple[float, float, float]
    glare_at: tuple[float, float]
    tint: tuple[float, float, float]
    exposure: float
    seed: int
    shadow: bool


@dataclass(frozen=True, slots=True, eq=False)
class VirtualCamera:
    """One camera position and its faults.

    Attributes:
        view: float64 ``(3, 3)``: plate px to picture px.
        blur_px: Gaussian deviation of focus.
        motion_px: smear along x and y.
        noise: sensor noise, deviation at full brightness.
        jpeg_quality: 1 to 100.
    """

    view: npt.NDArray[np.float64]
    blur_px: float
    motion_px: tuple[float, float]
    noise: float
    jpeg_quality: int


def choose_lighting(light: Light, rng: np.random.Generator) -> Lighting:
    """Draw the lighting of one picture, of the kind ``light``."""
    lamp = LAMPS[light]
    height = float(rng.uniform(*lamp.elevation))
    azimuth = float(rng.uniform(0.0, 2.0 * np.pi))
    reach = float(np.sqrt(1.0 - height * height))
    blue, green, red = (c * float(rng.normal(1.0, 0.025)) for c in lamp.colour)
    offset = rng.normal(0.0, 0.18 if light is Light.FLASH else 0.45, 2)
    return Lighting(
        lamp=lamp,
        direction=(reach * float(np.cos(azimuth)), reach * float(np.sin(azimuth)), height),
        glare_at=(float(offset[0]), float(offset[1])),
        tint=(blue, green, red),
        exposure=float(rng.uniform(*lamp.exposure)),
        seed=int(rng.integers(2**31)),
        shadow=bool(rng.random() < lamp.shadow),
    )


def choose_camera(plate: Shape, picture: Shape, noise: float, rng: np.random.Generator) -> VirtualCamera:
    """Draw one picture's camera: a mild tilt and roll, within the plate of ``plate`` (height, width) px."""
    blur = float(rng.gamma(1.5, 0.28))
    shake = rng.normal(0.0, 0.5, 2) if rng.random() < 0.35 else np.zeros(2)
    return VirtualCamera(
        view=_choose_view(plate, picture, rng),
        blur_px=blur * picture[0] / 360.0,
        motion_px=(float(shake[0]), float(shake[1])),
        noise=noise * float(rng.uniform(0.6, 1.6)),
        jpeg_quality=int(rng.integers(*_JPEG_QUALITY)),
    )


def shade(plate: Plate, lighting: Lighting, picture_height_px: float) -> Colours:
    """Return the light that leaves the plate, linear BGR, exposed so that its mean is near the aim."""
    shape = plate.relief.shape
    slope_x, slope_y = slopes(plate.relief)
    x = _axis(shape[1], picture_height_px)[None, :]
    y = _axis(shape[0], picture_height_px)[:, None]
    lamp = lighting.lamp
    to_x, to_y, to_z = lighting.direction
    facing = np.maximum(0.0, to_z - to_x * slope_x - to_y * slope_y) / to_z
    off_x, off_y = x - lighting.glare_at[0], y - lighting.glare_at[1]
    fading = 1.0 / (1.0 + lamp.falloff * (off_x**2 + off_y**2)) ** 1.5
    beam = (1.0 - lamp.ambient) * fading
    if lighting.shadow:
        beam = beam * _shadow(x, y, lighting)
    diffuse = (lamp.ambient + beam * facing) * _occlusion(plate)
    highlight = _highlight(plate, off_x - slope_x * 1.6, off_y - slope_y * 1.6) * beam
    mirrored = _surroundings(shape, lighting)
    matte = diffuse * (1.0 - 0.45 * plate.metal * plate.gloss)
    metallic = lamp.glare * plate.metal * plate.gloss * highlight
    coat = 0.22 * lamp.glare * (1.0 - plate.metal) * plate.gloss * highlight
    mirror = np.asarray(0.42 * plate.metal * plate.gloss, dtype=np.float32)
    lit = np.asarray(matte + metallic, dtype=np.float32)
    planes = [
        tint * (reflectance * (lit + mirror * around) + coat)
        for tint, reflectance, around in zip(
            lighting.tint, cv2.split(plate.reflectance), cv2.split(mirrored), strict=True
        )
    ]
    return _expose(np.asarray(cv2.merge(planes), dtype=np.float32), lighting.exposure)


def photograph(radiance: Colours, camera: VirtualCamera, picture: Shape, rng: np.random.Generator) -> Picture:
    """Return the picture that ``camera`` takes: uint8 BGR ``(height, width, 3)`` of shape ``picture``."""
    size = (picture[1], picture[0])
    seen = cv2.warpPerspective(
        radiance, camera.view, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    if camera.blur_px > 0.25:
        seen = cv2.GaussianBlur(seen, (0, 0), camera.blur_px)
    if max(map(abs, camera.motion_px)) > 0.5:
        seen = cv2.filter2D(seen, -1, _smear(*camera.motion_px))
    noisy = _add_sensor_noise(np.asarray(seen, dtype=np.float32), camera.noise, rng)
    encoded = _develop(noisy)
    return compress_jpeg(encoded, camera.jpeg_quality)


def project_mask(coverage: Field, camera: VirtualCamera, picture: Shape) -> Picture:
    """Return 255 where the camera sees corrosion cover at least half of the metal."""
    seen = cv2.warpPerspective(
        coverage,
        camera.view,
        (picture[1], picture[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return np.where(np.asarray(seen) >= 0.5, 255, 0).astype(np.uint8)


def compress_jpeg(pixels: Picture, quality: int) -> Picture:
    """Return ``pixels`` after one pass through JPEG."""
    _, stream = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(stream, cv2.IMREAD_COLOR)
    return np.asarray(decoded, dtype=np.uint8)


def _axis(length_px: int, unit: float) -> Field:
    centred = np.arange(length_px, dtype=np.float32) - np.float32(0.5 * (length_px - 1))
    return np.asarray(centred / np.float32(unit), dtype=np.float32)


def _highlight(plate: Plate, off_x: Field, off_y: Field) -> Field:
    """Return the mirror image of the light, spread by the surface; 1 at its centre (Ward's lobe)."""
    wide_x, wide_y = plate.spread
    exponent = (off_x * np.float32(0.55 / wide_x)) ** 2 + (off_y * np.float32(0.55 / wide_y)) ** 2
    return np.asarray(cv2.exp(-exponent), dtype=np.float32)


def _occlusion(plate: Plate) -> Field:
    """Return the visible share of the sky at each point: less in pits and beside crusts."""
    buried = blur(plate.relief, 2.5 * plate.unit_px) - plate.relief
    return np.asarray(np.clip(1.0 - buried * np.float32(0.28 / plate.unit_px), 0.35, 1.12), dtype=np.float32)


def _shadow(x: Field, y: Field, lighting: Lighting) -> Field:
    """Return 1 in the light and little in the shadow of a straight edge with a narrow penumbra."""
    to_x, to_y, _ = lighting.direction
    norm = max(1e-3, float(np.hypot(to_x, to_y)))
    edge = (x * np.float32(to_x) + y * np.float32(to_y)) / np.float32(norm) + np.float32(0.28)
    return 0.12 + 0.88 * step(np.asarray(edge, dtype=np.float32), -0.02, 0.02)


def _surroundings(shape: Shape, lighting: Lighting) -> Colours:
    """Return the surroundings that the metal mirrors: large soft patches, some coloured."""
    rng = np.random.default_rng(lighting.seed)
    grid = (24, max(24, 24 * shape[1] // shape[0]))
    bright = 1.0 + 0.45 * fractal(rng, grid, float(rng.uniform(7, 14)), 2)
    warm = fractal(rng, grid, float(rng.uniform(8, 16)), 2)
    cast = rng.normal(0.0, 0.035, 3)
    channels = [
        np.maximum(0.1, bright + float(cast[i]) + k * 0.13 * warm) for i, k in enumerate((-1.0, 0.0, 1.0))
    ]
    small = np.stack(channels, axis=2).astype(np.float32)
    return resize_grid(small, shape, interpolation=cv2.INTER_LINEAR)


def _expose(radiance: Colours, aim: float) -> Colours:
    """Return ``radiance`` scaled so that its mean is near ``aim``, with a camera's inaccuracy."""
    mean = max(1e-4, float(cv2.mean(radiance)[1]))
    gain = (aim / mean) ** 0.62 * (aim / 0.30) ** 0.38
    return np.asarray(radiance * np.float32(gain), dtype=np.float32)


def _choose_view(plate: Shape, picture: Shape, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return the projection of a random quadrilateral of the plate onto the whole picture."""
    height, width = plate
    zoom = float(rng.uniform(1.0, 1.25))
    half = np.array([width, height]) * 0.425 / zoom
    corners = np.array([(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]) * half
    roll = np.deg2rad(float(rng.normal(0.0, 3.5)))
    turn = np.array([(np.cos(roll), -np.sin(roll)), (np.sin(roll), np.cos(roll))])
    tilt = rng.normal(0.0, 0.05, 2)
    depth = 1.0 + corners @ (tilt / half)
    room = np.array([width, height]) * (0.46 - 0.425 / zoom)
    source = (
        (corners @ turn.T) * depth[:, None]
        + 0.5 * np.array([width, height])
        + rng.uniform(-0.5, 0.5, 2) * room
    )
    target = np.array([(0, 0), (picture[1], 0), (picture[1], picture[0]), (0, picture[0])], dtype=np.float32)
    return np.asarray(cv2.getPerspectiveTransform(source.astype(np.float32), target), dtype=np.float64)


def _smear(along_x: float, along_y: float) -> Field:
    """Return the kernel of a straight movement of (along_x, along_y) px during exposure."""
    half = int(np.ceil(max(abs(along_x), abs(along_y)) / 2.0)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.float32)
    start = (round((half - along_x / 2) * 16), round((half - along_y / 2) * 16))
    end = (round((half + along_x / 2) * 16), round((half + along_y / 2) * 16))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_8, 4)
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


def _add_sensor_noise(radiance: Colours, noise: float, rng: np.random.Generator) -> Colours:
    """Return ``radiance`` with shot noise; its colour part is coarser, as demosaicing leaves it."""
    shape = radiance.shape[:2]
    grain = speckle(rng, (shape[0], shape[1]))
    half = ((shape[0] + 1) // 2, (shape[1] + 1) // 2, 3)
    chroma = cv2.resize(speckle(rng, half), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    chroma *= np.float32(0.7)
    deviation = cv2.sqrt(np.maximum(radiance, np.float32(1e-4)))
    return np.asarray(
        radiance + np.float32(noise) * deviation * (repeat_channels(grain) + chroma), dtype=np.float32
    )


def _develop(radiance: Colours) -> Picture:
    """Return 8-bit pixels: a shoulder for highlights, then sRGB's gamma of about 2.2."""
    light = np.maximum(radiance, np.float32(0.0))
    # Highlights bend over instead of clipping; 0.18 stays about where it was.
    bent = light * (1.0 + light * np.float32(0.18)) / (1.0 + light * np.float32(0.75)) * np.float32(1.12)
    encoded = np.asarray(cv2.pow(bent, 1.0 / 2.2)) * np.float32(255.0)
    eight_bit = np.clip(encoded, 0.0, 255.0).astype(np.uint8)
    return np.asarray(cv2.LUT(eight_bit, _contrast_curve()), dtype=np.uint8)


def _contrast_curve() -> Picture:
    """Return the S-shaped curve that cameras add: deeper shadows, firmer lights; shape ``(256,)``."""
    x = np.linspace(0.0, 1.0, 256)
    bent = (1.0 - _CONTRAST) * x + _CONTRAST * x * x * (3.0 - 2.0 * x)
    return np.asarray(np.rint(bent * 255.0), dtype=np.uint8)
