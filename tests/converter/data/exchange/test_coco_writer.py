"""COCO as it is written."""

from __future__ import annotations

import numpy as np
from pycocotools import mask as coco_mask

from converter.data.exchange.coco_writer import ANNOTATIONS_NAME, CocoWriter
from converter.data.exchange.exported_picture import ExportedPicture
from converter.data.picture_facts import PictureFacts
from tests.support.foreign_sets import HEIGHT_PX, WIDTH_PX, rust_mask


def test_annotations_are_what_coco_tools_expect():
    """Area, box and ids agree with the mask; a picture turned by EXIF is told as it is stored."""
    writer, mask = CocoWriter(), rust_mask(1)
    shape, columns = (HEIGHT_PX, WIDTH_PX), {"licence": "CC0", "corroded": "corroded"}
    writer.add(ExportedPicture("pictures/a.jpg", shape, PictureFacts(), columns), mask)
    writer.add(ExportedPicture("pictures/b.jpg", shape, PictureFacts(orientation=6), {}), None)
    content = writer.files("a yard")[ANNOTATIONS_NAME]
    first, second = content["images"]
    assert (first["width"], first["height"], first["license"]) == (WIDTH_PX, HEIGHT_PX, 1)
    assert (second["width"], second["height"]) == (HEIGHT_PX, WIDTH_PX)
    assert content["licenses"] == [{"id": 1, "name": "CC0", "url": ""}]
    annotations = content["annotations"]
    assert [one["id"] for one in annotations] == [1, 2]
    assert {one["image_id"] for one in annotations} == {1}
    assert sum(one["area"] for one in annotations) == mask.sum()
    polygon = next(one for one in annotations if isinstance(one["segmentation"], list))
    left, top, width, height = polygon["bbox"]
    drawn = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygon["segmentation"], *shape)))
    rows, columns_ = np.nonzero(drawn)
    assert (left, top, width, height) == (columns_.min(), rows.min(), np.ptp(columns_) + 1, np.ptp(rows) + 1)
