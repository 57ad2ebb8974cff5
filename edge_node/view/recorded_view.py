"""Embed the view in a JPEG of the camera's own pixels, so that the picture can be judged again alike. Pure.

The numbers and the mask go into APP9 segments, which other readers skip.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import msgspec

from edge_node.errors import ConfigError
from edge_node.messages.camera_view import CameraView
from edge_node.view.jpeg_segments import insert_segments, iter_segments
from edge_node.view.mask_file import decode_mask, pack_mask
from edge_node.view.settings import ViewSettings
from edge_node.view.view import View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAME = b"corrosion/v1 view\0"
_packed: deque[tuple[NDArray[np.uint8], bytes]] = deque(maxlen=1)


class RecordedView(CameraView, frozen=True, kw_only=True, omit_defaults=True):
    """The view of one picture, whole: with its mask as a PNG of the camera's picture."""

    mask_png: bytes | None = None

    @property
    def numbers(self) -> CameraView:
        """The view without its mask."""
        return CameraView(**{name: getattr(self, name) for name in CameraView.__struct_fields__})


def record_view(numbers: CameraView, mask: NDArray[np.uint8] | None) -> RecordedView:
    """Return the numbers of a view with its mask."""
    fields = msgspec.structs.asdict(numbers)
    return RecordedView(**fields, mask_png=None if mask is None else _pack_once(mask))


def _pack_once(mask: NDArray[np.uint8]) -> bytes:
    """Return the mask as a PNG; every picture of a camera has the same one."""
    if not (_packed and _packed[-1][0] is mask):
        _packed.append((mask, pack_mask(mask)))
    return _packed[-1][1]


def restore_view(recorded: RecordedView) -> View:
    """Return the view that was in force.

    Raises:
        ConfigError: it cannot be restored.
    """
    mask = None if recorded.mask_png is None else decode_mask(recorded.mask_png, "the picture's mask")
    if recorded.has_mask != (mask is not None):
        raise ConfigError("the picture's mask is missing")
    size = (recorded.camera_width_px, recorded.camera_height_px)
    return View(ViewSettings(recorded.rotate_deg, recorded.flip, recorded.crop, recorded.lens, mask, size))


def embed_view(jpeg: bytes, recorded: RecordedView) -> bytes:
    """Return ``jpeg`` with the view in it."""
    return insert_segments(jpeg, _NAME, msgspec.json.encode(recorded))


def read_view(jpeg: bytes) -> RecordedView | None:
    """Return the view in a JPEG, None if there is none.

    Raises:
        ConfigError: it is damaged: judged as it is, the picture would show something else.
    """
    content = b"".join(iter_segments(jpeg, _NAME))
    if not content:
        return None
    try:
        return msgspec.json.decode(content, type=RecordedView)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise ConfigError(f"the view recorded in the picture is damaged ({err}); copy it again") from err
