"""A history with three robots, and what disks do to files."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

from edge_node.control_room.history.database import NAME
from edge_node.control_room.history.history import History
from edge_node.control_room.history.records import StoredPicture
from tests.support.room_records import disagreement, finding, review
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from pathlib import Path

ROBOTS, VERDICTS, FINDINGS, PICTURES = 3, 300, 30, 6
PAGE_BYTES = 4096


def fill(folder: Path) -> None:
    """Store what three robots sent and people said."""
    chance = random.Random(7)  # noqa: S311  pictures, no secrets
    history = History(folder)
    with history.transaction():
        for number in range(ROBOTS):
            robot = f"crawler-{number}"
            for seq in range(1, VERDICTS + 1):
                history.add_verdict(
                    verdict(
                        seq,
                        "C" if seq % 3 else "U",
                        robot=robot,
                        id=f"{robot}:epoch{number}:{seq}",
                        asset="pier",
                    )
                )
            for seq in range(FINDINGS):
                history.add_finding(finding(id=f"{robot}:epoch{number}:f{seq}", robot=robot))
                history.add_review(
                    review(f"{robot}-{seq}", robot=robot, finding_id=f"{robot}:epoch{number}:f{seq}")
                )
            for _ in range(PICTURES):
                content = chance.randbytes(9000)
                sha256 = hashlib.sha256(content).hexdigest()
                history.add_picture(
                    StoredPicture(
                        site="quay", robot=robot, sha256=sha256, content=content, is_thumbnail=False
                    )
                )
    history.add_disagreement(disagreement(5))
    history.close()


def damage(folder: Path, *, pages: int, seed: int) -> None:
    """Overwrite so many pages of a history by noise."""
    chance = random.Random(seed)  # noqa: S311  noise, no secrets
    content = bytearray((folder / NAME).read_bytes())
    for page in chance.sample(range(1, len(content) // PAGE_BYTES), pages):
        content[page * PAGE_BYTES : (page + 1) * PAGE_BYTES] = chance.randbytes(PAGE_BYTES)
    (folder / NAME).write_bytes(content)
