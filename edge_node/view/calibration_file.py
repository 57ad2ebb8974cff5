"""Read a camera's calibration: a file of OpenCV (YAML, XML or JSON), or ROS's camera_info.

Names differ from program to program and version to version, so they are compared without case and
underscores. What the file does not say, such as the size of its pictures, is asked for.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal

import cv2
import msgspec
import numpy as np

from edge_node.errors import ConfigError
from edge_node.messages.camera_view import Lens
from edge_node.text_file import TextFileError, decode_text, read_bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_CALIBRATION_BYTES = 4 * 1024 * 1024  # calibration programs write their corner points beside
_MAX_DEPTH = 8
_MAX_SKEW = 1e-3  # of the focal length: half a pixel at the edge; OpenCV corrects none
_MIN_FOCAL = 0.1  # of the picture's width: less is given in millimetres, or as a share
_SILENT = 0  # of OpenCV's levels of logging
_LISTED_NUMBER = re.compile(r"(?m)^([ ]*)-[ ]+([-+.\d\[])")
_WRAPPED_LIST = re.compile(r"([\[,])[ \t]*\r?\n\s*")
_MATRIX = ("cameramatrix", "k", "mtx", "intrinsicmatrix", "intrinsics", "matrix")
_COEFFICIENTS = (
    *("distortioncoefficients", "distcoeffs", "distcoeff", "distortioncoeffs", "distcoefs", "distcoef"),
    *("dist", "d", "distortion"),
)
_WIDTH, _HEIGHT = ("imagewidth", "width"), ("imageheight", "height")
_SIZE = ("imagesize", "size", "resolution", "imgsize")
_ROTATION, _PROJECTION = ("rectificationmatrix", "r"), ("projectionmatrix", "p")
_MODEL = ("distortionmodel", "cameramodel", "model", "fisheyemodel", "fisheye")
_PINHOLE = ("plumbbob", "rationalpolynomial", "pinhole", "thinprism", "brownconrady", "radtan", "opencv")
_FISHEYE = ("equidistant", "fisheye", "kannalabrandt", "kannalabrandt4", "opencvfisheye")


def read_calibration(path: Path) -> Lens:
    """Return the lens in a calibration file.

    Raises:
        ConfigError: it cannot be read, or does not say what is needed; the sentence begins with the path.
    """
    try:
        text = decode_text(read_bounded(path, MAX_CALIBRATION_BYTES))
    except TextFileError as err:
        raise ConfigError(f"{path}: {err}") from err
    try:
        return _make_lens(_flatten(_parse(text)))
    except ValueError as err:
        raise ConfigError(f"{path}: {err}") from err


def _parse(text: str) -> Mapping[str, Any]:
    """Return the document as plain tables, lists, numbers and texts."""
    start = text.lstrip()
    if not start:
        raise ValueError("empty, wanted a calibration")
    if start.startswith("{"):
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as err:
            raise ValueError(f"no JSON: {err}") from err
        if not isinstance(found, dict):
            raise ValueError("no table of keys; wanted a calibration")
        return found
    if not start.startswith(("<", "%YAML")):
        start = _as_opencv_yaml(start)
    # OpenCV 4 and 5 have it in different places; what it would print is said in the error.
    set_log_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
    level = set_log_level(_SILENT)
    try:
        storage = cv2.FileStorage(start, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
        try:
            root = storage.root()
            return _table(root, 0) if root.isMap() else {}
        finally:
            storage.release()
    except (cv2.error, SystemError, UnicodeDecodeError) as err:
        kind = "XML" if start.startswith("<") else "YAML"
        raise ValueError(f"no {kind} that OpenCV reads; export the calibration again") from err
    finally:
        set_log_level(level)


def _as_opencv_yaml(text: str) -> str:
    """Return YAML as ROS and others write it in the way that OpenCV's reader wants it.

    That is with its first line, one document, lists in brackets on one line, and the numbers of other lists
    further in than their key.
    """
    document = re.split(r"(?m)^(?:---|\.\.\.)[ \t]*\r?$", text.removeprefix("---"), maxsplit=1)[0]
    document = _WRAPPED_LIST.sub(r"\1 ", document)
    return "%YAML:1.0\n---\n" + _LISTED_NUMBER.sub(r"\1  - \2", document)


def _table(node: cv2.FileNode, depth: int) -> dict[str, Any]:
    return {key: _value(node.getNode(key), depth + 1) for key in node.keys()}  # noqa: SIM118  no dictionary


def _value(node: cv2.FileNode, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise ValueError("nested too deeply for a calibration")
    if node.isMap():
        return _table(node, depth)
    if node.isSeq():
        return [_value(node.at(at), depth + 1) for at in range(node.size())]
    return node.string() if node.isString() else node.real() if node.isReal() or node.isInt() else None


def _flatten(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by simplified name; those of tables inside, like a camera's name, where not above."""
    found: dict[str, Any] = {}
    later: list[Mapping[str, Any]] = []
    for key, value in document.items():
        found.setdefault("".join(filter(str.isalnum, key.lower())), value)
        if isinstance(value, dict) and "data" not in value:
            later.append(value)
    if sum(any(name in _flatten(table) for name in _MATRIX) for table in later) > 1:
        raise ValueError("holds several cameras; save the one of this camera alone")
    for table in later:
        found = _flatten(table) | found
    return found


def _make_lens(known: Mapping[str, Any]) -> Lens:
    if _first(known, _MATRIX) is None and any(name in known for name in ("m1", "cameramatrix1", "k1")):
        raise ValueError("a stereo calibration; save the one of this camera, with camera_matrix")
    matrix = _numbers(known, _MATRIX, "camera_matrix")
    coefficients = _numbers(known, _COEFFICIENTS, "distortion_coefficients")
    width, height = _size(known)
    if len(matrix) == 4 and "intrinsics" in known:  # of Kalibr
        matrix = (matrix[0], 0.0, matrix[2], 0.0, matrix[1], matrix[3], 0.0, 0.0, 1.0)
    if len(matrix) != 9:
        raise ValueError(f"camera_matrix has {len(matrix)} numbers, wanted 3 x 3")
    fx, fy, cx, cy = matrix[0], matrix[4], matrix[2], matrix[5]
    skews = abs(matrix[1]) > _MAX_SKEW * fx or matrix[3] != 0
    if matrix[6:] != (0.0, 0.0, 1.0) or skews or fx <= 0 or fy <= 0:
        raise ValueError("camera_matrix is none: wanted fx 0 cx, 0 fy cy, 0 0 1, with fx and fy above 0")
    if min(fx, fy) < _MIN_FOCAL * width:
        raise ValueError(
            f"camera_matrix has the focal lengths {fx:g} and {fy:g} for pictures of {width} px; wanted pixels"
        )
    if not (0 < cx < width and 0 < cy < height):
        raise ValueError(
            f"camera_matrix has its centre at {cx:g}, {cy:g}, outside of pictures of {width} x {height} px;"
            " matrix and size belong to different pictures"
        )
    return Lens(
        model=_model(known),
        width_px=width,
        height_px=height,
        fx_px=fx,
        fy_px=fy,
        cx_px=cx,
        cy_px=cy,
        coefficients=coefficients,
        rotation=_rotation(known),
        corrected=_corrected(known),
    )


def _model(known: Mapping[str, Any]) -> Literal["pinhole", "fisheye"]:
    """Return the camera's model; one with four coefficients is pinhole unless the file says fisheye."""
    for name in _MODEL:
        value = known.get(name)
        if isinstance(value, bool | int | float):
            return "fisheye" if value else "pinhole"
        if isinstance(value, str) and value:
            word = "".join(filter(str.isalnum, value.lower()))
            if word in _FISHEYE or word == "1":
                return "fisheye"
            if word in _PINHOLE or word in ("0", "none"):
                return "pinhole"
            raise ValueError(
                f"distortion_model {value[:40]!r} is not known; wanted plumb_bob, rational_polynomial,"
                " equidistant or fisheye"
            )
    return "pinhole"


def _size(known: Mapping[str, Any]) -> tuple[int, int]:
    width, height = _first(known, _WIDTH), _first(known, _HEIGHT)
    size = _first(known, _SIZE)
    if width is None and isinstance(size, list | dict) and len(both := _flat(size)) == 2:
        width, height = both
    numbers = [value for value in (width, height) if isinstance(value, int | float)]
    if len(numbers) != 2 or not all(1 <= value <= 65_535 and value == int(value) for value in numbers):
        raise ValueError(
            "does not say the size of the pictures it was made from; add image_width and image_height"
        )
    return int(numbers[0]), int(numbers[1])


def _rotation(known: Mapping[str, Any]) -> tuple[float, ...] | None:
    """Return the rectifying rotation, of a stereo pair; None for none."""
    numbers = _numbers(known, _ROTATION, "rectification_matrix") if _is_given(known, _ROTATION) else ()
    matrix = np.array(numbers).reshape(3, 3) if len(numbers) == 9 and any(numbers) else np.eye(3)
    if not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-3) or np.linalg.det(matrix) < 0:
        raise ValueError("rectification_matrix is no rotation; export the calibration again")
    return None if np.array_equal(matrix, np.eye(3)) else numbers


def _corrected(known: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Return fx, fy, cx, cy of the corrected picture, where ROS's projection matrix says so."""
    numbers = _numbers(known, _PROJECTION, "projection_matrix") if _is_given(known, _PROJECTION) else ()
    if len(numbers) != 12 or numbers[0] <= 0 or numbers[5] <= 0:
        return None
    return numbers[0], numbers[5], numbers[2], numbers[6]


def _is_given(known: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    return bool(_flat(_first(known, names) or []))


def _numbers(known: Mapping[str, Any], names: tuple[str, ...], wanted: str) -> tuple[float, ...]:
    values = _first(known, names)
    if values is None:
        raise ValueError(f"no {wanted} in it; wanted a calibration of OpenCV or camera_info of ROS")
    numbers = tuple(_flat(values))
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{wanted}: wanted numbers")
    return numbers


def _first(known: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((known[name] for name in names if known.get(name) is not None), None)


def _flat(values: Any) -> list[float]:
    """Return the numbers of a matrix, however it is nested."""
    return list(_iter_numbers(values.get("data") if isinstance(values, dict) else values))


def _iter_numbers(values: Any) -> Iterator[float]:
    if isinstance(values, list):
        for value in values:
            yield from _iter_numbers(value)
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield float(values)
    else:
        yield math.nan
