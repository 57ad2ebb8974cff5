"""A user's day at the control room, behind a real nginx with TLS below a path, in a real Chromium."""

from __future__ import annotations

import hashlib
import ssl
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from edge_node.control_room.history.history import History
from edge_node.control_room.people.roles import Role
from edge_node.control_room.people.user_file import UserFile
from edge_node.messages.verdict import encode
from tests.support.answering_robot import AnsweringRobot
from tests.support.browser import browser
from tests.support.control_room import ControlRoom
from tests.support.nginx import Nginx
from tests.support.processes import Mosquitto
from tests.support.reviewable import plate
from tests.support.room_app import PASSWORD, QUICK_HASH
from tests.support.verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Iterator


class Site:
    """A control room behind nginx, its users and its robot."""

    def __init__(self, room: ControlRoom, nginx: Nginx, robot: AnsweringRobot) -> None:
        self.room = room
        self.url = nginx.url
        self.robot = robot
        self.users = UserFile(room.folder / "users.json")

    def post(self, path: str, cookie: str) -> int:
        """Post through nginx and return the status."""
        request = urllib.request.Request(  # noqa: S310  ours
            self.url + path, b"", {"Cookie": cookie}, method="POST"
        )
        context = ssl._create_unverified_context()  # noqa: S323  its certificate is of this test
        try:
            return urllib.request.urlopen(request, timeout=20, context=context).status  # noqa: S310  ours
        except urllib.error.HTTPError as err:
            return err.code


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    """With an operator, a viewer, and one verdict."""
    folder = tmp_path_factory.mktemp("site")
    broker = Mosquitto(folder)
    broker.start()
    web = {"root_path": "/corrosion", "trusted_proxies": ["127.0.0.1"]}
    (folder / "room").mkdir(mode=0o700)
    users = UserFile(folder / "room" / "users.json")
    users.add_user("olga", Role.OPERATOR, QUICK_HASH)
    users.add_user("vera", Role.VIEWER, QUICK_HASH)
    history = History(folder / "room")
    history.add_verdict(verdict(1, "U"))
    history.close()
    room = ControlRoom(folder, broker.port, web=web)
    (folder / "nginx").mkdir()
    with Nginx(folder / "nginx", room.port, "/corrosion") as nginx:
        room.start(connected=False)
        with AnsweringRobot(broker.port, "quay", "crawler-1") as robot:
            yield Site(room, nginx, robot)
    room.stop()
    broker.kill()


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> Iterator[Any]:
    """A browser that takes the test's certificate."""
    with browser(tmp_path_factory.mktemp("profile"), ignore_https_errors=True) as opened:
        yield opened


@pytest.fixture
def page(context: Any, site: Site) -> Iterator[Any]:
    """The page, opened anew without a login; every request must stay below the path, by HTTPS."""
    context.clear_cookies()
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("request", lambda one: one.url.startswith((site.url, "blob:")) or problems.append(one.url))
    opened.goto(site.url)
    yield opened
    opened.close()
    assert problems == []


def log_in(page: Any, name: str, password: str = PASSWORD) -> None:
    """Fill in the login form."""
    page.get_by_label("User", exact=True).fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_an_operator_logs_in_reviews_commands_and_logs_out(page: Any, context: Any, site: Site) -> None:
    """All carries the login's name, also in the audit, and the cookie is worth nothing afterwards."""
    log_in(page, "olga", "wrong password")
    page.get_by_text("User or password is wrong").wait_for()
    log_in(page, "olga")
    page.locator("#who", has_text="olga").get_by_text("operator").wait_for()
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["path"]) == ("__Secure-corrosion_room", "/corrosion/")
    assert cookie["secure"]
    assert cookie["httpOnly"]
    page.get_by_text("broker connected").wait_for()
    sha256 = hashlib.sha256(plate(2)).hexdigest()
    site.robot.publish("corrosion/v1/quay/crawler-1/verdict", encode(verdict(2, "C", evidence_sha256=sha256)))
    site.robot.publish(
        f"corrosion/v1/quay/crawler-1/evidence/{sha256}", plate(2), UserProperty=[("size", "full")]
    )
    page.locator('#feed [data-id="crawler-1:epoch:2"]').click()  # the event stream came through nginx
    drawer = page.locator("#drawer")
    drawer.get_by_role("button", name="Confirm").click()  # once its picture is there
    assert drawer.get_by_label("Your name").count() == 0
    drawer.get_by_text("as olga").wait_for()
    drawer.get_by_role("button", name="Send").click()
    drawer.get_by_text("olga: confirmed").wait_for()
    page.keyboard.press("Escape")
    page.locator(".robot", has_text="crawler-1").click()
    page.locator("#commands").get_by_role("button", name="Ping").click()
    page.locator("#commands").get_by_text("ping done").wait_for()
    page.get_by_label("Log out").click()
    page.get_by_label("Password").wait_for()
    assert site.post("api/robots/quay/crawler-1/commands/ping", f"{cookie['name']}={cookie['value']}") == 401
    history = History(site.room.folder, read_only=True)
    deeds = [(one.user, one.action.value, one.outcome) for one in reversed(history.audit_entries(limit=20))]
    (review,) = history.reviews()
    history.close()
    assert (review.reviewer, review.delivery.value) == ("olga", "done")
    assert deeds == [
        ("olga", "failed_login", "failed"),
        ("olga", "login", "done"),
        ("olga", "review", "done"),
        ("olga", "command", "asked"),
        ("olga", "command", "done"),
        ("olga", "logout", "done"),
    ]


def test_a_viewer_is_offered_and_may_nothing_but_look(page: Any, context: Any, site: Site) -> None:
    """What the role may not do is not shown; the server refuses it all the same."""
    log_in(page, "vera")
    page.locator("#who", has_text="vera").wait_for()
    page.locator(".robot", has_text="crawler-1").click()
    page.locator("#feed .verdict").first.click()
    page.locator("#drawer .mono", has_text="crawler-1:epoch:").first.wait_for()
    assert page.locator("#drawer .review").count() == 0
    assert not page.locator("#commands").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.locator("#room-facts dd").first.wait_for()
    assert not page.locator("#audit-panel").is_visible()
    (cookie,) = context.cookies()
    for path in ("api/robots/quay/crawler-1/commands/ping", "api/verdicts/crawler-1:epoch:1/review"):
        assert site.post(path, f"{cookie['name']}={cookie['value']}") == 403


def test_whoever_is_revoked_in_the_middle_is_at_the_login_at_once(page: Any, site: Site) -> None:
    """Nothing is clicked: the open stream ends, and the page follows."""
    log_in(page, "olga")
    page.get_by_text("broker connected").wait_for()
    page.locator("#feed .verdict").first.wait_for()
    site.users.remove_user("olga")
    page.get_by_label("Password").wait_for()
    log_in(page, "olga")
    page.get_by_text("User or password is wrong").wait_for()
