"""Findings without a place whose pictures look alike."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np
import pytest

from edge_node.control_room.history.defects.defect_book import DefectBook
from edge_node.control_room.history.defects.looks import count_fitting, describe_picture
from edge_node.control_room.history.records import StoredPicture
from tests.support.defect_worlds import PassOf, TruePlace, look

if TYPE_CHECKING:
    from edge_node.control_room.history.history import History

PICTURES = Path(__file__).resolve().parents[6] / "shared/data/scenes/pjsun2012_phase5"


def jpeg(pixels: np.ndarray) -> bytes:
    """A picture as a robot sends it."""
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()


def visit_again(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same place from elsewhere, in other light, with more rust."""
    height, width = pixels.shape[:2]
    turn = cv2.getRotationMatrix2D(
        (width / 2, height / 2), float(rng.uniform(-8, 8)), float(rng.uniform(0.9, 1.2))
    )
    seen = cv2.warpAffine(pixels, turn, (width, height), borderMode=cv2.BORDER_REFLECT).astype(float)
    seen = 255 * (seen / 255) ** rng.uniform(0.7, 1.4) + rng.normal(0, 5, seen.shape)
    seen = np.clip(seen, 0, 255).astype(np.uint8)
    cv2.ellipse(seen, (width // 2, height // 2), (width // 9, height // 12), 20, 0, 360, (40, 70, 120), -1)
    return seen


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """Real photographs of metal, as small as thumbnails."""
    if not PICTURES.is_dir():
        pytest.skip("the photographs of ../shared/data are not there")
    files = sorted(PICTURES.glob("*.jpg"))[::97][:4]
    return [cv2.resize(cv2.imread(str(file)), (320, 240), interpolation=cv2.INTER_AREA) for file in files]


def test_pairs_are_offered_and_joined_by_a_person_alone(
    walked: History, photographs: list[np.ndarray]
) -> None:
    """Four places, each seen twice without a pose: the pairs are right, and nothing is joined before."""
    rng = np.random.default_rng(8)
    places = [TruePlace(float(number), 300) for number in range(len(photographs))]
    names: dict[str, int] = {}
    for number in (1, 2):
        seen = look(places, PassOf(number, has_pose=False), rng)
        for index, finding in seen.findings:
            content = jpeg(photographs[index] if number == 1 else visit_again(photographs[index], rng))
            sha256 = hashlib.sha256(content).hexdigest()
            walked.add_picture(StoredPicture("quay", "crawler-1", sha256, False, content))
            walked.add_finding(msgspec.structs.replace(finding, best_evidence_sha256=sha256))
            names[finding.id] = index
    book = DefectBook(walked.database)
    book.catch_up()
    assert book.of_findings(("quay", name) for name in names) == {}
    pairs = book.pairs("quay", "pipe L-7")
    right = [pair for pair in pairs if names[pair.one.finding_id] == names[pair.other.finding_id]]
    assert len(right) == len(pairs) >= 3
    book.deeds.join_findings([("quay", pair.finding_id) for pair in (right[0].one, right[0].other)], "Ada")
    assert len(book.pairs("quay", "pipe L-7")) == len(pairs) - 1


def test_what_is_no_picture_or_shows_nothing_is_like_nothing() -> None:
    """A broken file, and a plate without a scratch."""
    assert describe_picture(b"no picture") is None
    plain = describe_picture(jpeg(np.full((200, 300, 3), 128, np.uint8)))
    assert plain is not None
    assert count_fitting(plain, plain) == 0
