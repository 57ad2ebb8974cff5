"""Reviews by keys in a real Chromium: quick, taken back, and nothing that was not meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from edge_node.control_room.history.history import History
from edge_node.messages.finding import FindingState
from edge_node.messages.verdict import encode
from tests.support.answering_robot import AnsweringRobot
from tests.support.axe import axe_script, find_faults
from tests.support.browser import browser
from tests.support.control_room import ControlRoom
from tests.support.processes import Mosquitto, wait_for
from tests.support.reviewable import add_finding, add_verdict, make_finding

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOKED = """() => [...document.querySelectorAll('#drawer .picture img')].some(
  (one) => one.naturalWidth > 0 && !one.hidden)"""
SENT: list[str] = []  # what the page posted, as JSON


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[Mosquitto]:
    """A mosquitto."""
    started = Mosquitto(tmp_path_factory.mktemp("broker"))
    started.start()
    yield started
    started.kill()


@pytest.fixture(scope="module")
def robot(broker: Mosquitto) -> Iterator[AnsweringRobot]:
    """A robot that records every review."""
    with AnsweringRobot(broker.port, "quay", "crawler-1") as answering:
        yield answering


@pytest.fixture(scope="module")
def room(tmp_path_factory, broker: Mosquitto, robot: AnsweringRobot) -> Iterator[ControlRoom]:
    """A control room with verdicts and findings, of some of which the picture, or all of it, has not come."""
    folder = tmp_path_factory.mktemp("room")
    (folder / "room").mkdir(mode=0o700)
    history = History(folder / "room")
    for number in range(1, 25):
        come = {5: "thumbnail", 6: "nothing"}.get(number, "full")
        severity = "mid" if number % 6 == 3 else "late"
        sha256 = add_verdict(history, number, come=come, severity=severity)
        if number <= 9:
            add_finding(history, number, sha256)
    add_finding(history, 10, None)
    history.close()
    with ControlRoom(folder, broker.port) as started:
        yield started


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> Iterator[Any]:
    """A browser."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(context: Any, room: ControlRoom) -> Iterator[Any]:
    """The page, opened anew at 1400 by 900 by Ada; no script and no request may fail."""
    opened = context.new_page()
    opened.set_viewport_size({"width": 1400, "height": 900})
    problems: list[str] = []
    SENT.clear()
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    opened.on(
        "response", lambda one: problems.append(f"{one.status} {one.url}") if one.status >= 400 else None
    )
    opened.on("request", lambda one: SENT.append(one.post_data) if one.method == "POST" else None)
    opened.add_init_script("localStorage.setItem('reviewer', 'Ada')")
    opened.goto(room.url)
    opened.locator(".finding").first.wait_for()
    yield opened
    opened.close()
    assert [one for one in problems if "409" not in one] == []


def open_finding(page: Any, number: int) -> Any:
    """Open a finding and wait until its picture is to be seen; return the drawer."""
    page.locator(f'[id="finding-quay/crawler-1:epoch:f{number}"]').click()
    page.locator("#drawer", has_text=f"crawler-1:epoch:f{number}").wait_for()
    page.wait_for_function(LOOKED)
    return page.locator("#drawer")


def review_of(room: ControlRoom, number: int) -> dict[str, Any] | None:
    """Return the review of a finding that counts."""
    return room.ask(f"/api/findings/quay/crawler-1:epoch:f{number}")["review"]


def test_choose_send_next_and_undo(page: Any, room: ControlRoom) -> None:
    """Disputed with what is right, confirmed, and the last taken back: stored as meant, the next one open."""
    drawer = open_finding(page, 1)
    page.keyboard.press("d")
    words = drawer.locator(".rights label").all_inner_texts()
    assert any("there is no corrosion" in word for word in words), words
    page.keyboard.press("3")
    page.keyboard.press("2")
    assert drawer.locator(".rights :checked").count() == 2
    page.keyboard.press("Enter")
    drawer.locator("#drawer-title").wait_for()
    wait_for(lambda: review_of(room, 1), 10, "the review")
    assert review_of(room, 1)["corrections"] == {
        "outcome": "corroded",
        "severity": "mid",
        "material": "aluminium",
    }
    page.wait_for_function(
        "() => !['crawler-1:epoch:f1', undefined].includes("
        "document.querySelector('#drawer .facts .mono')?.textContent)"
    )
    page.wait_for_function(LOOKED)
    following = drawer.locator(".facts .mono").first.inner_text()
    assert following != "crawler-1:epoch:f1"
    number = int(following.rpartition("f")[2])
    page.keyboard.press("c")
    page.keyboard.press("Enter")
    wait_for(lambda: review_of(room, number), 10, "the second review")
    page.wait_for_function(f"() => !document.querySelector('#drawer').textContent.includes('{following}')")
    page.keyboard.press("u")
    drawer.get_by_text("Take this review back: confirmed by Ada").wait_for()
    assert review_of(room, number) is not None  # no key alone sends
    page.keyboard.press("Enter")
    drawer.get_by_text("Taken back").wait_for()
    assert review_of(room, number) is None
    (kept,) = room.ask(f"/api/findings/quay/{following}")["reviews"]
    assert kept["withdrawn"]["reviewer"] == "Ada"
    assert len(SENT) == 3
    drawer.locator(".withdrawn", has_text="Ada took it back").wait_for()
    assert page.locator(f'[id="finding-quay/{following}"] .tag').inner_text() == "open"


def test_no_stray_key_sends_anything(page: Any) -> None:
    """Every key alone, held, with a modifier, doubled, in a field, on a button, while a word is composed."""
    drawer = open_finding(page, 3)
    letters = [*"abcdefghijklmnopqrstuvwxyz0123456789+-=?.,", "Enter", "Space", "Backspace", "Delete", "Tab"]
    for key in [*letters, *(f"Shift+{letter}" for letter in "CDU"), "Shift+Enter", "Control+Enter", "Alt+c"]:
        if not drawer.is_visible():
            page.keyboard.press("Escape")  # out of a field
            page.keyboard.press("1")
            open_finding(page, 3)
        page.keyboard.press(key)
        if drawer.locator(".right, .rights").count():
            page.keyboard.press("Escape")
        if page.locator("#keys").is_visible():
            page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    open_finding(page, 3)
    page.keyboard.press("c")
    page.keyboard.press("?")
    for key in ("d", "u", "Escape"):  # of the list of keys that lies above: the choice below stays as it is
        page.keyboard.press(key)
    assert drawer.locator(".right").inner_text().startswith("Right is:")
    page.keyboard.press("Escape")
    for opens in "dc":
        page.keyboard.press(opens)
        for refused in (
            "Shift+Enter",
            "Control+Enter",
            "Alt+Enter",
            "Meta+Enter",
            *(["Enter"] if opens == "d" else []),
        ):
            page.keyboard.press(refused)
        note = drawer.get_by_label("Note")
        note.fill("a note")
        note.press("Enter")  # ends the note
    page.evaluate(
        """() => {
          const send = (given) => document.querySelector('#drawer .review').dispatchEvent(
            new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...given }));
          send({ repeat: true });
          send({ isComposing: true });
          send({ keyCode: 229 });
          send({ modifierAltGraph: true });
        }"""
    )
    drawer.get_by_label("Close").focus()
    page.keyboard.press("Enter")  # closes: it is what has the focus
    assert not drawer.is_visible()
    page.keyboard.press("Enter")
    assert [one for one in SENT if "judgement" in one] == []


def test_a_double_press_sends_once(page: Any, room: ControlRoom) -> None:
    """The second Enter finds no choice that is open, here and on the finding that follows."""
    open_finding(page, 4)
    page.evaluate(
        """() => {
          const press = (key) => document.activeElement.dispatchEvent(
            new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
          ['c', 'c', 'Enter', 'Enter', 'Enter'].forEach(press);
        }"""
    )
    wait_for(lambda: review_of(room, 4), 10, "the review")
    page.wait_for_function(LOOKED)
    page.keyboard.press("Enter")
    assert len([one for one in SENT if "judgement" in one]) == 1


def test_nothing_is_reviewed_without_its_picture(page: Any) -> None:
    """Neither by key nor by button, and the page says why."""
    for number, why in ((6, "Its picture is not received yet"), (10, "No picture of it was kept")):
        page.locator(f'[id="finding-quay/crawler-1:epoch:f{number}"]').click()
        drawer = page.locator("#drawer")
        drawer.locator(".said", has_text=why).wait_for()
        page.keyboard.press("c")
        page.keyboard.press("Enter")
        assert drawer.get_by_role("button", name="Confirm").is_disabled()
    assert SENT == []


def test_what_changes_while_the_choice_is_open_closes_it(page: Any, context: Any, room: ControlRoom) -> None:
    """Reviewed in another tab: the choice closes here and says so; Enter then sends nothing."""
    drawer = open_finding(page, 7)
    page.keyboard.press("c")
    other = context.new_page()
    other.goto(room.url)
    other.locator(".finding").first.wait_for()
    open_finding(other, 7)
    other.keyboard.press("c")
    other.keyboard.press("Enter")
    wait_for(lambda: review_of(room, 7), 10, "the review of the other tab")
    other.close()
    page.bring_to_front()
    drawer.get_by_text("It changed while you chose").wait_for()
    page.keyboard.press("Enter")
    assert SENT == []


def test_new_labels_of_the_robot_close_the_choice(page: Any, robot: AnsweringRobot) -> None:
    """Nobody confirms what was not on the page when it was chosen."""
    drawer = open_finding(page, 8)
    page.keyboard.press("c")
    sha256 = drawer.locator("img").first.get_attribute("data-sha256")
    changed = make_finding(8, sha256, state=FindingState.CLOSED, peak_severity="mid", seq=99)
    robot.publish(robot.topics.finding, encode(changed))
    drawer.get_by_text("It changed while you chose").wait_for()
    page.keyboard.press("Enter")
    assert SENT == []


def test_the_name_is_asked_once_and_enter_works_there(page: Any, room: ControlRoom) -> None:
    """The choice that was asked for opens behind it; nothing is sent by that Enter."""
    page.evaluate("localStorage.removeItem('reviewer')")
    drawer = open_finding(page, 9)
    page.keyboard.press("d")
    page.keyboard.type("Grace Hopper")
    page.keyboard.press("Enter")
    assert SENT == []
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    wait_for(lambda: review_of(room, 9), 10, "the review")
    assert (review_of(room, 9)["reviewer"], review_of(room, 9)["corrections"]) == (
        "Grace Hopper",
        {"outcome": "uncorroded"},
    )
    page.wait_for_function(LOOKED)
    page.keyboard.press("c")
    assert drawer.get_by_label("Your name").count() == 0


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
def test_picture_and_form_are_seen_together(page: Any, width: int, height: int) -> None:
    """Without scrolling, with the choice open, in the review view too; plain and outlined, zoomed by keys."""
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate("location.hash = '#review'")
    page.locator(".queued").nth(2).wait_for()
    page.keyboard.press("j")
    page.wait_for_function(LOOKED)
    page.keyboard.press("d")
    drawer = page.locator("#drawer")
    picture, form = drawer.locator(".picture").bounding_box(), drawer.locator(".review").bounding_box()
    assert picture["y"] >= 0
    assert picture["y"] + picture["height"] <= form["y"] + 1
    assert form["y"] + form["height"] <= height
    page.keyboard.press("Escape")
    drawer.locator(".outline .line").wait_for(state="attached")
    seen = set()
    for _ in range(3):
        seen.add(tuple(pane.is_visible() for pane in drawer.locator(".pane").all()))
        page.keyboard.press("m")
    assert seen == {(True, True), (True, False), (False, True)}
    page.keyboard.press("+")
    assert "scale(1.4)" in drawer.locator(".stage").first.get_attribute("style")
    page.keyboard.press("0")
    assert "scale(1)" in drawer.locator(".stage").first.get_attribute("style")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_queue_goes_on_by_keys_and_keeps_its_order(page: Any, room: ControlRoom) -> None:
    """By severity, which is remembered; the next follows; what was taken back returns to the queue."""
    page.keyboard.press("4")
    page.locator(".queued").nth(2).wait_for()
    page.get_by_label("What comes first").select_option("severity")
    wanted = [one["id"] for one in room.ask("/api/queue?order=severity&limit=5")["pictures"]]
    page.wait_for_function(f"() => document.querySelector('.queued').dataset.id === '{wanted[0]}'")
    page.locator("#main").focus()
    page.keyboard.press("j")
    for following in wanted[1:3]:
        page.wait_for_function(LOOKED)
        page.keyboard.press("c")
        page.keyboard.press("Enter")
        page.locator(f'.queued[data-id="{following}"][aria-current="true"]').wait_for()
    page.keyboard.press("u")
    page.locator("#drawer").get_by_text("Take this review back").wait_for()
    page.keyboard.press("Enter")
    page.locator(f'.queued[data-id="{wanted[1]}"]').wait_for()
    assert page.locator(f'.queued[data-id="{wanted[0]}"]').count() == 0
    page.reload()
    page.keyboard.press("4")
    page.locator(".queued").nth(2).wait_for()
    assert page.get_by_label("What comes first").input_value() == "severity"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_view_can_be_used_by_everybody(page: Any, scheme: str) -> None:
    """No serious fault by axe in any view that has a tab, in the drawer with its choice, or in the keys."""
    script = axe_script()
    page.emulate_media(color_scheme=scheme)
    faults = {}
    for tab in page.locator("nav .tab:not([hidden])").all():
        tab.click()
        page.wait_for_timeout(150)
        faults[tab.get_attribute("data-view")] = find_faults(page, script, of_colours=scheme == "light")
    page.keyboard.press("?")
    faults["keys"] = find_faults(page, script, of_colours=scheme == "light")
    page.keyboard.press("Escape")
    page.locator("nav .tab").first.click()
    open_finding(page, 2)
    faults["finding"] = find_faults(page, script, of_colours=scheme == "light")
    page.keyboard.press("d")
    faults["choice"] = find_faults(page, script, of_colours=scheme == "light")
    page.set_viewport_size({"width": 390, "height": 844})
    faults["narrow"] = find_faults(page, script, of_colours=scheme == "light")
    assert {name: found for name, found in faults.items() if found} == {}
