"""What is told of an import."""

from __future__ import annotations

from pathlib import Path

from converter.data.exchange.import_report import ImportReport, iter_summary


def test_everything_that_a_person_has_to_know_is_told():
    """Labels, groups and why, boxes that are no masks, turned pictures, what is left out, and where."""
    report = ImportReport(
        tool="COCO",
        source="yard",
        pictures=7,
        masks=2,
        crops=0,
        boxes=5,
        turned=1,
        turned_by_habit=1,
        groups=3,
        joined={"their names": 4},
        conditions={"uncorroded": 3, "corroded": 4},
        categories={},
        left_out={"a copy": ("a", "b", "c", "d"), "cut off": ("e",)},
    )
    assert list(iter_summary(report, Path("out"))) == [
        "7 pictures of COCO, 2 masks: out/labels.csv",
        "  4 corroded, 3 uncorroded",
        "  3 groups (4 joined by their names)",
        "  5 boxes taken as labels of their pictures; a box is no mask, so it marks no pixel as corroded",
        "  1 pictures are turned by their EXIF data; masks are turned with them",
        (
            "  for 1 of them the sizes do not say whether positions are meant before the turn; COCO's usual"
            " way was taken. Look at their masks, and give --orientation if they are wrong"
        ),
        "left out (import.json names all 5):",
        "  4  a copy: a, b, c, ...",
        "  1  cut off: e",
    ]
