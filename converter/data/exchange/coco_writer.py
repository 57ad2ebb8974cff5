"""Write samples as COCO: polygons where they are exact, run lengths where they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from converter.data.dataset import CORRODED
from converter.data.exchange.category_map import NOTHING, UNKNOWN, format_map
from converter.data.exchange.outlines import split_areas
from converter.data.foreign.coco_reader import KNOWN_KEY
from converter.data.picture_facts import turn_to_stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from converter.data.exchange.exported_picture import ExportedPicture

ANNOTATIONS_NAME = "annotations.json"
_CATEGORY_ID, _UNKNOWN_ID = 1, 2


class CocoWriter:
    """Collect pictures and return the files of a COCO data set."""

    def __init__(self) -> None:
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []
        self._licences: dict[str, int] = {}

    def add(
        self,
        picture: ExportedPicture,
        mask: NDArray[np.bool_] | None,
        unknown: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add a picture; its mask is turned to how the picture is stored, as COCO's positions are meant."""
        height, width = picture.facts.stored_size(picture.shape)
        number = len(self._images) + 1
        image: dict[str, Any] = {"id": number, "file_name": picture.file, "width": width, "height": height}
        if licence := picture.columns.get("licence"):
            image["license"] = self._licences.setdefault(licence, len(self._licences) + 1)
        image[KNOWN_KEY] = picture.columns
        self._images.append(image)
        for category, pixels in ((_CATEGORY_ID, mask), (_UNKNOWN_ID, unknown)):
            if pixels is not None:
                stored = np.ascontiguousarray(turn_to_stored(pixels, picture.facts.orientation))
                self._add_mask(number, category, stored.astype(bool))

    def files(self, source: str) -> dict[str, Any]:
        """Return what each file is to hold: a text, or an object to write as JSON."""
        has_unknown = any(one["category_id"] == _UNKNOWN_ID for one in self._annotations)
        names = {_CATEGORY_ID: CORRODED, **({_UNKNOWN_ID: UNKNOWN} if has_unknown else {})}
        content = {
            "info": {"description": "corrosion", "contributor": source},
            "licenses": [{"id": number, "name": name, "url": ""} for name, number in self._licences.items()],
            "images": self._images,
            "categories": [
                {"id": number, "name": name, "supercategory": "condition"} for number, name in names.items()
            ],
            "annotations": self._annotations,
        }
        return {
            ANNOTATIONS_NAME: content,
            "categories.toml": format_map(
                {CORRODED: {"corroded": CORRODED}}, NOTHING, has_unknown=has_unknown
            ),
        }

    def _add_mask(self, image: int, category: int, mask: NDArray[np.bool_]) -> None:
        from pycocotools import mask as coco

        height, width = mask.shape
        polygons, left = split_areas(mask)
        for polygon in polygons:
            self._add(image, category, [polygon], coco.merge(coco.frPyObjects([polygon], height, width)))
        if left.any():
            runs = coco.encode(np.asfortranarray(left.astype(np.uint8)))
            size, counts = list(runs["size"]), runs["counts"].decode("ascii")
            self._add(image, category, {"size": size, "counts": counts}, runs)

    def _add(self, image: int, category: int, segmentation: Any, runs: Any) -> None:
        from pycocotools import mask as coco

        self._annotations.append(
            {
                "id": len(self._annotations) + 1,
                "image_id": image,
                "category_id": category,
                "segmentation": segmentation,
                "bbox": [float(side) for side in coco.toBbox(runs)],
                "area": int(coco.area(runs)),
                "iscrowd": 0,
            }
        )
