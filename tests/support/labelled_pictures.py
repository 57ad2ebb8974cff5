"""Pictures of one colour each with a table of labels."""

from __future__ import annotations

import cv2
import numpy as np


def write_labelled_pictures(folder, rows, columns="file,material,corroded,severity,group,set"):
    """Write a picture for each of ``rows``, and labels.csv; the rows get the names of their files."""
    for number, text in enumerate(rows):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((40, 40, 3), 5 * number, np.uint8))
        rows[number] = f"{number}.png,{text}"
    (folder / "labels.csv").write_text("\n".join([columns, *rows]), encoding="utf-8")
