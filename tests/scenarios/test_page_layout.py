"""The page in a real Chromium at the sizes of a desk and a telephone: nothing is cut, grey is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import browser
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.page_layout import cut_texts, scrolls_sideways
from tests.support.processes import Mosquitto
from tests.support.room_scene import LONG_ASSET, LONG_NAME, RTL_ASSET, announce, fill_history

if TYPE_CHECKING:
    from collections.abc import Iterator

DASH = "\N{EN DASH}"
DESK, TELEPHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[tuple[Mosquitto, ControlRoom, Any]]:
    """A broker, a room full of long names, and a browser whose zone is not UTC."""
    folder = tmp_path_factory.mktemp("site")
    broker = Mosquitto(folder)
    broker.start()
    (folder / "room").mkdir(mode=0o700)
    fill_history(folder / "room", verdicts=60, findings=4, with_pictures=False)
    with (
        ControlRoom(folder, broker.port) as room,
        Collector(broker.port, "nothing", client_id="scene") as client,
        browser(folder / "profile", timezone_id="Asia/Kolkata") as context,
    ):
        announce(client)
        page = context.new_page()
        page.goto(room.url)
        page.locator(".robot", has_text=LONG_NAME).get_by_text("online").wait_for()
        yield broker, room, page
    broker.kill()


def show(page: Any, view: str, size: dict[str, int]) -> None:
    """Show a view at a size."""
    page.set_viewport_size(size)
    page.locator(f'nav .tab[data-view="{view}"]').click()
    page.locator(f"#view-{view}").wait_for()


def shown_views(page: Any) -> list[str]:
    """Return the names of all views."""
    return [tab.get_attribute("data-view") for tab in page.locator("nav .tab:not([hidden])").all()]


def test_nothing_is_cut_and_nothing_scrolls_sideways(site: tuple[Mosquitto, ControlRoom, Any]) -> None:
    """In every view, at both sizes: names of 40 characters, long words, dates, the table of health."""
    page = site[2]
    for size in (DESK, TELEPHONE):
        for view in shown_views(page):
            show(page, view, size)
            page.wait_for_timeout(400)  # until its tables are filled: each view has others
            assert (view, size["width"], cut_texts(page), scrolls_sideways(page)) == (
                view,
                size["width"],
                [],
                False,
            )
    show(page, "live", DESK)
    for text in (LONG_NAME, "crawler-1 (dock)", "crawler-1 (quay)", "+05:30"):
        assert (
            text in page.locator(".findings, .feed").all_inner_texts()[0] + page.locator("#feed").inner_text()
        )
    assert page.locator("#feed-zone").inner_text() == "times +05:30"


def test_each_asset_has_its_own_strip(site: tuple[Mosquitto, ControlRoom, Any]) -> None:
    """Two sites' pipes of one name are two; two robots on one pipe are one; its findings are on it."""
    page = site[2]
    show(page, "history", DESK)
    strips = page.locator("#history-strip .strip")
    strips.nth(5).wait_for()
    titles = [" ".join(strip.locator("h3").inner_text().split()) for strip in strips.all()]
    assert titles == [
        "pipe L-7 (dock) crawler-1 (dock)",
        "mast-camera no asset named · over time: the robot sends no pose",
        f"{LONG_ASSET} (quay) {LONG_NAME}",
        "pipe L-7 (quay) crawler-1 (quay), crawler-7",
        f"{RTL_ASSET} (quay) walker-2",
        "arm-3 no asset named",
    ]
    assert [strip.locator(".bar-finding").count() for strip in strips.all()] == [4, 4, 4, 8, 4, 0]
    strips.nth(3).locator("svg").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.locator("#results-title", has_text="verdict").wait_for()
    filters = page.locator("#filters")
    chosen = {
        name: filters.locator(f"[name={name}]").input_value() for name in ("site", "asset", "robot", "to_m")
    }
    assert chosen == {"site": "quay", "asset": "pipe L-7", "robot": "", "to_m": "1.5"}


def test_times_are_typed_and_shown_with_their_zone(site: tuple[Mosquitto, ControlRoom, Any]) -> None:
    """In ISO form whatever the browser's language; what is no time is said, and asks for nothing."""
    page = site[2]
    show(page, "history", DESK)
    since = page.locator("#filters").get_by_label("Since")
    for typed, meant in (
        ("2026-07-01 12:00", "2026-07-01 12:00:00 +05:30"),
        ("2026-07-01T12:00:00Z", "2026-07-01 17:30:00 +05:30"),
        ("2026-07-01", "2026-07-01 00:00:00 +05:30"),
        ("01/07/2026", "01/07/2026"),
    ):
        since.fill(typed)
        since.blur()
        assert since.input_value() == meant
    assert not since.evaluate("field => field.checkValidity()")
    page.locator("#filters").get_by_role("button", name="Clear").click()


def test_on_a_telephone_findings_come_first_and_the_head_scrolls_away(
    site: tuple[Mosquitto, ControlRoom, Any],
) -> None:
    """Findings, strips, robots, verdicts; the head is no part of the window's height."""
    page = site[2]
    show(page, "live", TELEPHONE)
    tops = [
        page.locator(f"#view-live > .{part}").bounding_box()["y"]
        for part in ("findings", "strips", "robots", "feed")
    ]
    assert tops == sorted(tops)
    page.locator("#view-live > .robots").scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, 600)")
    assert page.locator("header.bar").bounding_box()["y"] <= -600 + 1


def test_one_wording_for_clocks_and_no_time_of_models_that_did_not_run(
    site: tuple[Mosquitto, ControlRoom, Any],
) -> None:
    """Of robots of any version; a robot that judged nothing yet has no 0.0 ms."""
    page = site[2]
    show(page, "health", DESK)
    rows = {
        row.locator("td b").first.inner_text(): row for row in page.locator("#fleet tr:not(.alarms)").all()
    }
    clocks = [
        row.locator("td").nth(7).inner_text().split(";")[0]
        for row in page.locator("#fleet tr:not(.alarms)").all()
    ]
    assert set(clocks) == {"not synchronized", "synchronized", "not known whether synchronized", "not known"}
    assert rows["walker-2"].locator("td").nth(5).inner_text().split("\n")[1] == f"models {DASH}"


def test_lamps_are_grey_while_nothing_is_known(site: tuple[Mosquitto, ControlRoom, Any]) -> None:
    """Broker away, then the room: every robot says since when, no tally counts any as online."""
    broker, room, page = site
    show(page, "live", DESK)
    page.locator("#tally-online", has_text="5 / 7").wait_for()
    broker.kill()
    page.get_by_text("no connection to the broker").wait_for()
    _assert_not_known(page)
    assert "The page shows the robots as they were at 20" in page.locator("#notice").inner_text()
    broker.start()
    page.locator("#tally-online", has_text="5 / 7").wait_for(timeout=40_000)
    room.kill()
    page.get_by_text("This page has had no connection to its control room since 20").wait_for()
    _assert_not_known(page)


def _assert_not_known(page: Any) -> None:
    lamps = {lamp.get_attribute("data-state") for lamp in page.locator(".robot .lamp").all()}
    assert lamps == {"off"}
    words = page.locator(".robot .word").all_inner_texts()
    assert all(word.startswith("not known since 20") and word.endswith("+05:30") for word in words), words
    assert page.locator("#tally-online").inner_text() == "7"
    assert page.locator("#tally-online-name").inner_text() == "robots not known"
    assert page.locator("#tally-rate").inner_text() == DASH
