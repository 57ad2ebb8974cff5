"""Defects and two missions side by side in a real browser, by keys alone where a person would."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest

from edge_node.control_room.history.defects.defect_book import DefectBook
from tests.support.browser import browser
from tests.support.page_layout import scrolls_sideways
from tests.support.processes import free_port
from tests.support.room_app import RoomApp
from tests.support.two_missions import open_two_missions


@contextmanager
def served(room: RoomApp):
    """Serve a room's application and yield its address."""
    uvicorn = pytest.importorskip("uvicorn")
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(room.app, host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join()


def test_a_person_looks_through_defects_and_compares_missions(tmp_path):
    """Lists, history, trend, a signed note, both missions with what changed; nothing leaves a phone."""
    open_two_missions(tmp_path / "room").close()
    with (
        RoomApp(tmp_path / "room") as room,
        served(room) as url,
        browser(tmp_path / "profile", timezone_id="Europe/Berlin") as context,
    ):
        tab = context.new_page()
        errors = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(url)
        tab.locator("#title").wait_for()
        tab.keyboard.press("5")
        tab.get_by_role("heading", name="10 defects").wait_for()
        tab.locator("#defects button").first.focus()
        tab.keyboard.press("ArrowDown")
        tab.keyboard.press("Enter")
        panel = tab.locator("#defect")
        panel.get_by_role("heading", name="D2").wait_for()
        assert "Two passes are no trend" in panel.inner_text()
        places = "[...document.querySelectorAll('.trend .tick')].map((tick) => tick.getBBox().x)"
        assert all(place >= 0 for place in panel.page.evaluate(places))  # no number is cut at the left
        assert panel.locator(".sights img").count() == 2
        assert "2026-05-30 14:00:20 +02:00" in panel.inner_text()
        panel.get_by_label("Your name").fill("Anna")
        panel.get_by_label("Note").fill("<b>look</b> again in spring")
        panel.get_by_role("button", name="Keep the note").click()
        panel.locator(".log").get_by_text("<b>look</b> again in spring").wait_for()
        panel.get_by_role("heading", name="D2").click()
        tab.keyboard.press("Escape")
        panel.wait_for(state="hidden")

        tab.keyboard.press("6")
        tab.get_by_text("10 defects: 1 new, 2 grown, 1 gone, 2 unseen this time, 4 unchanged.").wait_for()
        changes = tab.locator("#changes > li")
        assert changes.count() == 6
        assert "its place was not judged this time" in tab.locator("#changes").inner_text()
        tab.get_by_role("button", name="4 unchanged").click()
        assert changes.count() == 10
        assert tab.locator(".pair-strip .change").count() == 10
        for width in (1400, 390):
            tab.set_viewport_size({"width": width, "height": 900})
            assert not scrolls_sideways(tab)
        changes.first.get_by_role("button", name="D10").click()
        panel.get_by_role("heading", name="D10").wait_for()
        assert not scrolls_sideways(tab)
        assert errors == []
        (entry,) = DefectBook(room.history.database).log(2)
    assert (entry.by, entry.text) == ("Anna", "<b>look</b> again in spring")
