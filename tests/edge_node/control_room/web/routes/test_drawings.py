"""Drawings over HTTP: who may upload and place them, and what the audit says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_node.control_room.deeds import Deed
from tests.support.drawings import png
from tests.support.room_app import RoomApp

if TYPE_CHECKING:
    from pathlib import Path

ASSET = "?site=quay&asset=pipe%207"
PLACEMENT = {"kind": "scale", "metres_per_px": 0.1, "origin_x_px": 0, "origin_y_px": 100}


def test_an_operator_uploads_places_and_removes_a_drawing(tmp_path: Path) -> None:
    """Each deed is in the audit with its person, refused ones as well; a viewer may only look."""
    with RoomApp(tmp_path) as room:
        room.add_user("olga", "operator")
        room.add_user("vera", "viewer")
        operator, viewer = (room.log_in(name).cookie for name in ("olga", "vera"))

        def ask(path: str, method: str = "GET", body: bytes = b"", cookie: str = operator):
            return room.request(f"/api/{path}", method, body, cookie=cookie)

        assert ask(f"drawing.png{ASSET}", "POST", png(), viewer).status == 403
        refused = ask(f"drawing.png{ASSET}", "POST", b"<svg onload='alert(1)'/>")
        assert (refused.status, refused.json()["problem"][:22]) == (409, "the drawing is an SVG;")
        added = ask(f"drawing.png{ASSET}", "POST", png()).json()["drawing"]
        assert (added["width_px"], added["placement"], added["added_by"]) == (200, None, "olga")
        shown = ask(f"drawing.png{ASSET}&sha256={added['sha256']}", cookie=viewer)
        assert (shown.headers["content-type"], shown.headers["x-content-type-options"]) == (
            "image/png",
            "nosniff",
        )
        posted = {"sha256": added["sha256"], "placement": PLACEMENT}
        placed = ask(f"drawing/placement{ASSET}", "POST", msgspec.json.encode(posted)).json()["drawing"]
        assert (placed["placement"], placed["placed_by"]) == ({**PLACEMENT, "y_up": True}, "olga")
        assert ask("drawings", cookie=viewer).json()["drawings"] == [placed]
        wrong = {**posted, "placement": {**PLACEMENT, "metres_per_px": 0}}
        assert ask(f"drawing/placement{ASSET}", "POST", msgspec.json.encode(wrong)).status == 400
        assert ask(f"drawing{ASSET}", "DELETE", cookie=viewer).status == 403
        assert [ask(f"drawing{ASSET}", "DELETE").status for _ in range(2)] == [200, 409]
        assert [ask(path).status for path in (f"drawing{ASSET}", f"drawing.png{ASSET}")] == [404, 404]
        entries = room.history.audit_entries(limit=9, action=Deed.DRAWING)
        assert [(one.user, one.subject, one.outcome) for one in entries] == [
            ("olga", "quay/pipe 7", outcome) for outcome in ("refused", "done", "done", "done", "refused")
        ]
        assert entries[2].text == "placed by a scale, 0.1 m per pixel"
