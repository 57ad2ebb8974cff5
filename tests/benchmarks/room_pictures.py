"""Take pictures of every view and state of the page: ``python -m tests.benchmarks.room_pictures OUT``.

A real room on a real mosquitto, filled with a scene of long names, robots of one name, assets, findings and
pictures, in a headless Chromium: each at 1400 and at 390 px, dark and light. Views are found by their tabs,
so a new one is taken without a change here. Beside the pictures a table: for each, whether the document
scrolls sideways, texts that are cut, and the serious faults that axe finds where it is installed.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_node.control_room.history.history import History
from edge_node.control_room.people.roles import Role
from edge_node.control_room.people.user_file import UserFile
from tests.support.axe import SCRIPT, axe_script, find_faults
from tests.support.browser import browser
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.drawings import png
from tests.support.page_layout import cut_texts, scrolls_sideways
from tests.support.processes import Mosquitto
from tests.support.room_app import PASSWORD, QUICK_HASH
from tests.support.room_scene import MANY, announce, fill_history
from tests.support.two_missions import add_two_missions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIZES = ((1400, 900), (390, 844))
_TALLEST = 4000
_THEMES = ("dark", "light")
_ALERTS = {
    "rules": {
        "worst": {"when": "finding", "severity": "late"},
        "a-robot-that-is-silent-for-long": {"when": "silent"},
    }
}


@dataclass
class Photographer:
    """Takes the page in all sizes and themes."""

    page: Any
    out: Path
    only: str

    def take(self, name: str, prepare: Callable[[], None] = lambda: None) -> None:
        """Take ``name`` in each size and theme; ``prepare`` brings the page there at each size."""
        if self.only not in name:
            return
        for width, height in _SIZES:
            self.page.set_viewport_size({"width": width, "height": height})
            prepare()
            for theme in _THEMES:
                self.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
                self.page.wait_for_timeout(150)
                path = self.out / f"{name}-{width}-{theme}.png"
                self._shoot(path, width, height)
            self._take_whole(name, width)
            sideways = "scrolls sideways" if scrolls_sideways(self.page) else "fits"
            print(
                f"{name:<24} {width:>5} px  {sideways}  cut: {cut_texts(self.page) or 'nothing'}", flush=True
            )
            self._list_faults()

    def _list_faults(self) -> None:
        """Print what axe finds, in both themes."""
        for theme in _THEMES if SCRIPT.is_file() else ():
            self.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            self.page.wait_for_timeout(150)
            for fault in find_faults(self.page, axe_script()):
                print(f"    {theme}: {fault}", flush=True)

    def _shoot(self, path: Path, width: int, height: int) -> None:
        """Take the window of a desk, and the whole document of a telephone, down to some length."""
        if width >= _SIZES[0][0]:
            self.page.screenshot(path=str(path))
            return
        tall = self.page.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": width, "height": min(max(tall, height), _TALLEST)}
        self.page.screenshot(path=str(path), clip=clip, full_page=True)

    def _take_whole(self, name: str, width: int) -> None:
        """Take what lies below the window's edge too, where the view scrolls within the window."""
        tall = self.page.evaluate("(document.getElementById('main')?.scrollHeight ?? 0) + 120")
        if width < _SIZES[0][0] or tall <= _SIZES[0][1] + 120:
            return
        self.page.set_viewport_size({"width": width, "height": min(tall, _TALLEST)})
        self.page.screenshot(path=str(self.out / f"{name}-{width}-whole.png"))


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the pictures")
    parser.add_argument("--only", default="", metavar="TEXT", help="only states with this in their name")
    parser.add_argument("--zone", default="Europe/Berlin", help="of the browser (default: %(default)s)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as name,
        browser(Path(name) / "profile", timezone_id=args.zone, bypass_csp=True) as context,
    ):
        page = context.new_page()
        page.on("pageerror", lambda error: print(f"error in the page: {error}"))
        photographer = Photographer(page, args.out, args.only)
        _take_empty(Path(name) / "empty", photographer)
        _take_many(Path(name) / "many", photographer)
        _take_full(Path(name) / "full", photographer)


@contextmanager
def _run_room(folder: Path, broker: Mosquitto, **sections: dict[str, Any]) -> Iterator[ControlRoom]:
    (folder / "room").mkdir(mode=0o700, exist_ok=True)
    users = UserFile(folder / "room" / "users.json")
    for user, role in (("ada", Role.ADMIN), ("a-reviewer-with-a-long-name", Role.REVIEWER)):
        users.add_user(user, role, QUICK_HASH)
    room = ControlRoom(folder, broker.port, **sections)
    room.start(connected=False)
    try:
        yield room
    finally:
        room.stop()


def _log_in(page: Any, room: ControlRoom, name: str = "ada") -> None:
    page.goto(room.url)
    page.get_by_label("User", exact=True).fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_text("broker connected").wait_for()
    page.wait_for_timeout(800)


def _take_empty(folder: Path, photographer: Photographer) -> None:
    """Take the login, and each view before anything came."""
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    page = photographer.page
    with _run_room(folder, broker) as room:
        page.goto(room.url)
        photographer.take("login")
        page.get_by_label("User", exact=True).fill("ada")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        photographer.take("login-wrong")
        _log_in(page, room)
        _take_views(photographer, "empty")
    broker.kill()


def _take_many(folder: Path, photographer: Photographer) -> None:
    """Take 200 robots with 600 findings and no pictures."""
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    (folder / "room").mkdir(mode=0o700)
    fill_history(folder / "room", MANY, verdicts=20, findings=3, with_pictures=False)
    with _run_room(folder, broker) as room, Collector(broker.port, "nothing", client_id="many") as client:
        announce(client, MANY)
        _log_in(photographer.page, room)
        _take_views(photographer, "many")
    broker.kill()


def _take_full(folder: Path, photographer: Photographer) -> None:
    folder.mkdir()
    broker = Mosquitto(folder)
    broker.start()
    (folder / "room").mkdir(mode=0o700)
    fill_history(folder / "room")
    history = History(folder / "room")
    add_two_missions(history)
    history.close()
    page = photographer.page
    with (
        _run_room(folder, broker, alerts=_ALERTS) as room,
        Collector(broker.port, "nothing", client_id="scene") as client,
    ):
        announce(client)
        _log_in(page, room)
        _take_views(photographer, "full")
        _take_details(photographer)
        broker.kill()
        page.get_by_text("no connection to the broker").wait_for()
        _take_views(photographer, "broker-away", ("live", "health"))
        room.kill()
        page.get_by_text("no connection to its control room").wait_for()
        _take_views(photographer, "room-away", ("live",))


def _take_views(photographer: Photographer, state: str, only: tuple[str, ...] = ()) -> None:
    page = photographer.page
    for tab in page.locator("nav .tab:not([hidden])").all():
        view = tab.get_attribute("data-view")
        if only and view not in only:
            continue
        tab.click()
        page.wait_for_timeout(900)
        photographer.take(f"{state}-{view}")


def _take_details(photographer: Photographer) -> None:
    page = photographer.page
    _go(page, "live")
    page.locator(".robot").nth(1).click()
    page.wait_for_timeout(900)
    photographer.take("one-robot")
    page.locator(".robot").nth(1).click()
    page.locator(".finding").first.click()
    page.wait_for_timeout(900)
    photographer.take("finding")
    page.keyboard.press("Escape")
    page.locator("#feed .verdict").nth(3).click()
    page.wait_for_timeout(600)
    photographer.take("verdict")
    page.keyboard.press("Escape")
    page.locator("summary", has_text="Report").click()
    photographer.take("report")
    page.locator("summary", has_text="Report").click()
    page.locator("#help").click()
    photographer.take("keys")
    page.keyboard.press("Escape")
    _take_parts(photographer)
    _go(page, "history")
    page.get_by_role("region", name="History").get_by_label("Asset").select_option("pipe L-7")
    page.wait_for_timeout(900)
    photographer.take("history-one-asset")


def _take_parts(photographer: Photographer) -> None:
    """Take one defect, its picture with the outlined twin, a drawing, a question before a command."""
    page = photographer.page
    _go(page, "defects")
    page.locator("#defect-filters [name=state]").select_option("")
    page.locator("#defects button", has_text="pass").filter(has_text="known").first.click()
    page.wait_for_timeout(900)
    photographer.take("one-defect")
    page.locator("#defect .sights button").first.click()
    page.wait_for_timeout(900)
    page.keyboard.press("d")
    photographer.take("twin-and-choice")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    _go(page, "drawings")
    page.get_by_role("button", name="Upload …").click()
    page.locator("dialog input[list=drawing-sites]").fill("quay")
    page.locator("dialog input[list=drawing-assets]").fill("pipe L-7")
    photographer.take("upload")
    drawing = {"name": "l7.png", "mimeType": "image/png", "buffer": png(960, 400)}
    page.locator("dialog input[type=file]").set_input_files(drawing)
    page.locator("dialog .primary").click()
    page.get_by_role("button", name="Place …").click()
    photographer.take("placing")
    page.get_by_role("button", name="Cancel").click()
    photographer.take("drawing")
    _go(page, "live")
    page.locator(".robot").nth(1).click()
    for name in ("Pause …", "Update …"):
        page.locator("#commands").get_by_role("button", name=name).click()
        page.wait_for_timeout(300)
        photographer.take(name.split()[0].lower())
        page.keyboard.press("Escape")
    page.locator(".robot").nth(1).click()


def _go(page: Any, view: str) -> None:
    page.locator(f'nav .tab[data-view="{view}"]').click()
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main()
