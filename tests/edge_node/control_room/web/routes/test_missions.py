"""The addresses of missions and of two of them side by side."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.room_app import RoomApp
from tests.support.two_missions import ASSET, EARLIER, LATER, open_two_missions

JSON = {"content_type": "application/json", "sec_fetch_site": "same-origin"}


@pytest.fixture
def room(tmp_path):
    """A room with two missions, and no logins."""
    open_two_missions(tmp_path).close()
    with RoomApp(tmp_path) as app:
        yield app


def test_missions_are_listed_the_newest_first_and_compared(room):
    """By asset; what is not an asset of the site has none."""
    told = room.request(f"/api/missions?asset={ASSET.replace(' ', '%20')}").json()["missions"]
    assert [one["id"] for one in told] == [LATER, EARLIER]
    assert told[0]["coverage"] == pytest.approx(0.9, abs=0.01)
    assert told[0]["began_at"].endswith("Z")
    assert room.request("/api/missions?asset=hull").json() == {"missions": []}
    found = room.request(f"/api/compare?site=quay&later={LATER}").json()
    assert found["earlier"]["id"] == EARLIER
    assert found["counts"]["unseen"] == 2


def test_what_cannot_be_compared_is_said_in_a_sentence(room):
    """Unknown, the same twice, no earlier one, a wrong address."""
    for query, code, words in (
        ("site=quay&later=x", 404, "no mission 'x' at quay"),
        (f"site=quay&later={LATER}&earlier={LATER}", 404, "with itself"),
        (f"site=quay&later={EARLIER}", 404, "no earlier mission over pipe L-7"),
        ("later=x", 400, "site"),
        (f"site=quay&later={LATER}&lager=1", 400, "lager"),
    ):
        answer = room.request(f"/api/compare?{query}")
        assert (answer.status, words in answer.json()["problem"]) == (code, True), query
    assert room.request(f"/api/compare.exe?site=quay&later={LATER}").status == 404


def test_a_person_names_a_mission(room):
    """It is in the audit, with who it was; without a login somebody must say a name."""
    path = f"/api/missions/quay/{LATER}/name"
    body = msgspec.json.encode({"name": " spring survey "})
    answer = room.request(path, "POST", body, **JSON)
    assert (answer.status, "by: wanted the name" in answer.json()["problem"]) == (400, True)
    signed = msgspec.json.encode({"name": " spring survey ", "by": "Anna"})
    assert room.request(path, "POST", signed, **JSON).json() == {"name": "spring survey"}
    assert room.request("/api/missions").json()["missions"][0]["name"] == "spring survey"
    (entry,) = room.history.audit_entries(limit=1)
    assert (entry.action.value, entry.subject) == ("mission", f"quay/{LATER}")
    assert entry.text == "named 'spring survey' by Anna"
    for code, given, where in (
        (404, signed, "/api/missions/quay/crawler-1:zz:m1/name"),
        (400, msgspec.json.encode({"name": "x" * 81, "by": "Anna"}), path),
        (400, b"{", path),
    ):
        assert room.request(where, "POST", given, **JSON).status == code
    assert room.request(path, "POST", signed, sec_fetch_site="same-origin").status == 415


def test_a_viewer_may_compare_and_not_name(room):
    """Naming is for reviewers."""
    room.add_user("Vic", "viewer")
    room.add_user("Rob", "reviewer")
    path = f"/api/missions/quay/{LATER}/name"
    body = msgspec.json.encode({"name": "mine", "by": "somebody else"})
    cookie = room.log_in("Vic").cookie
    assert room.request(f"/api/compare?site=quay&later={LATER}", cookie=cookie).status == 200
    assert room.request(path, "POST", body, cookie=cookie, **JSON).status == 403
    cookie = room.log_in("Rob").cookie
    assert room.request(path, "POST", body, cookie=cookie, **JSON).status == 200
    (entry,) = [one for one in room.history.audit_entries(limit=5) if one.action.value == "mission"]
    assert (entry.user, entry.text) == ("Rob", "named 'mine' by Rob")
