"""Small data sets as COCO, YOLO, Label Studio and mask pictures hold them, of one kind of pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from converter.data.foreign.foreign_set import LeftOut
from converter.data.foreign.picture_finder import PictureFinder

if TYPE_CHECKING:
    from pathlib import Path

WIDTH_PX, HEIGHT_PX = 60, 48
_EXIF = {  # a JPEG's APP1 with nothing but an orientation
    value: b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"
    + bytes([value])
    + b"\0\0\0\0\0\0"
    for value in range(1, 9)
}


def picture(number: int) -> np.ndarray:
    """Return a picture unlike those of other numbers, also by its perceptual hash."""
    random = np.random.default_rng(number)
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)


def rust_mask(number: int) -> np.ndarray:
    """Return corroded pixels: nothing on every third, else two parts, one with a hole."""
    mask = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    if number % 3:
        cv2.ellipse(mask, (20 + number % 9, 24), (14, 10), 7 * number, 0, 360, 1, -1)
        cv2.circle(mask, (20 + number % 9, 24), 4, 0, -1)
        mask[2 : 4 + number % 5, 45:58] = 1
    return mask.astype(bool)


def write_pictures(folder: Path, count: int, suffix: str = ".png") -> list[str]:
    """Write pictures and return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"p{number:02d}{suffix}" for number in range(count)]
    for number, name in enumerate(names):
        cv2.imwrite(str(folder / name), picture(number))
    return names


def runs_of(mask: np.ndarray) -> dict[str, object]:
    """Return a mask as COCO's compressed run lengths."""
    runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(runs["size"]), "counts": runs["counts"].decode()}


def coco(names: list[str], annotations: list[dict], categories: tuple[str, ...] = ("rust",), **more) -> dict:
    """Return the content of a COCO file over pictures numbered from 1."""
    return {
        "info": {"contributor": "a yard"},
        "licenses": [{"id": 1, "name": "CC BY 4.0", "url": ""}],
        "images": [
            {"id": at, "file_name": name, "width": WIDTH_PX, "height": HEIGHT_PX, "license": 1}
            for at, name in enumerate(names, start=1)
        ],
        "categories": [{"id": at, "name": name} for at, name in enumerate(categories, start=1)],
        "annotations": [
            {"id": at, "category_id": 1, **one} if isinstance(one, dict) else one
            for at, one in enumerate(annotations, start=1)
        ],
        **more,
    }


def write_json(path: Path, content: object) -> Path:
    """Write a file of JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def write_coco_set(folder: Path, count: int = 30) -> Path:
    """Write a set with the masks as run lengths."""
    names = write_pictures(folder / "images", count)
    masks = [rust_mask(number) for number in range(count)]
    annotations = [
        {"image_id": at, "segmentation": runs_of(mask), "bbox": [0, 0, 9, 9]}
        for at, mask in enumerate(masks, start=1)
        if mask.any()
    ]
    write_json(folder / "annotations.json", coco(names, annotations))
    return folder


def write_yolo_set(folder: Path, count: int = 30) -> Path:
    """Write a set with a polygon on all but every third picture, divided into train and val."""
    for number in range(count):
        part = "val" if number % 5 == 0 else "train"
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / "images" / part / f"p{number:02d}.png"), picture(number))
        corner = 0.1 + 0.01 * number
        line = f"0 {corner} 0.2 0.8 {corner} 0.5 0.9\n" if number % 3 else ""
        (folder / "labels" / part / f"p{number:02d}.txt").write_text(line, encoding="utf-8")
    text = "path: /home/somebody/rust\ntrain: images/train\nval: ../images/val\nnames: {0: rust}\n"
    (folder / "data.yaml").write_text(text, encoding="utf-8")
    return folder


def label_studio_task(name: str, results: list[dict], **more) -> dict:
    """Return a task as an export of Label Studio has it."""
    size = {"original_width": WIDTH_PX, "original_height": HEIGHT_PX, "image_rotation": 0}
    made = [
        {"id": f"r{at}", **size, **result} if isinstance(result, dict) else result
        for at, result in enumerate(results)
    ]
    return {"data": {"image": f"/data/upload/3/0a1b2c3d-{name}"}, "annotations": [{"result": made}], **more}


def write_label_studio_set(folder: Path, count: int = 30) -> Path:
    """Write a set with a polygon and choices on all but every third picture."""
    tasks = []
    for number, name in enumerate(write_pictures(folder, count)):
        choice = "corroded" if number % 3 else "clean"
        results = [{"type": "choices", "value": {"choices": [choice]}}]
        if number % 3:
            points = [[10 + number, 20], [80, 15 + number], [40, 90]]
            results.append({"type": "polygonlabels", "value": {"points": points, "polygonlabels": ["rust"]}})
        tasks.append(label_studio_task(name, results))
    write_json(folder / "export.json", tasks)
    return folder


def with_orientation(jpeg: bytes, value: int) -> bytes:
    """Return a JPEG with EXIF data that say how it is to be turned."""
    return jpeg[:2] + _EXIF[value] + jpeg[2:]


def read_with(reader, content, folder: Path):
    """Return what a reader of JSON finds in ``content``, written into ``folder``, and what it leaves out."""
    left_out = LeftOut()
    path = write_json(folder / "annotations.json", content)
    found = reader(path, PictureFinder(folder), left_out)
    return found, {reason: len(names) for reason, names in left_out.names.items()}
