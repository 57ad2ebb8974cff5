"""The page in a real Chromium, on a real mosquitto, with two real robots."""

from __future__ import annotations

import csv
import re
import zipfile
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from edge_node.demo.crawlers import Crawler, run_crawlers
from edge_node.demo.pipe import PIPE_L7, PIPE_L9
from edge_node.messages.finding import Finding, FindingState
from edge_node.messages.status import Alarm, Part, PartState, SpoolDepth, Status
from edge_node.messages.verdict import Outcome, Pose, Reason, StageVerdict, encode
from tests.support.browser import browser
from tests.support.collector import Collector
from tests.support.control_room import ControlRoom
from tests.support.drawings import png
from tests.support.processes import Mosquitto, wait_for
from tests.support.verdicts import START, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FLEET = (
    Crawler("crawler-1", PIPE_L7, speed_m_per_s=0.25),
    Crawler("crawler-2", PIPE_L9, speed_m_per_s=0.2, starts_after_s=0.5),
)
EVIL = '<img src=x onerror="window.hurt=1"><script>window.hurt=1</script>'


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[Mosquitto]:
    """A mosquitto."""
    started = Mosquitto(tmp_path_factory.mktemp("broker"))
    started.start()
    yield started
    started.kill()


@pytest.fixture(scope="module")
def room(tmp_path_factory, broker: Mosquitto) -> Iterator[ControlRoom]:
    """A control room, and two robots that crawl along two pipes."""
    with (
        ControlRoom(tmp_path_factory.mktemp("room"), broker.port) as started,
        run_crawlers(tmp_path_factory.mktemp("robots"), broker.port, FLEET),
    ):
        yield started


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> Iterator[Any]:
    """A browser."""
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def page(context: Any, room: ControlRoom) -> Iterator[Any]:
    """The page, opened anew; an error of a script, or of the policy that binds it, fails the test."""
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda said: problems.append(said.text) if "Content Security" in said.text else None)
    opened.goto(room.url)
    yield opened
    opened.close()
    assert problems == []


@pytest.fixture(scope="module")
def robot(broker: Mosquitto) -> Iterator[Collector]:
    """Somebody who may publish as a robot."""
    with Collector(broker.port, "nothing", client_id="robot") as client:
        yield client


def said(robot: str, seq: int, what: str = "C", **fields: Any) -> bytes:
    """A verdict of another robot."""
    changed = msgspec.structs.replace(verdict(seq, what, **fields), robot=robot, id=f"{robot}:epoch:{seq}")
    return encode(changed)


def dispute(drawer: Any, name: str, *right: str, note: str = "") -> list[str]:
    """Dispute what is open with the pointer, under this name; return what could be chosen."""
    drawer.get_by_role("button", name="as ").or_(
        drawer.get_by_text("Nobody has reviewed it yet")
    ).first.wait_for()
    if drawer.get_by_role("button", name="as ").count():
        drawer.get_by_role("button", name="as ").click()
    drawer.get_by_role("button", name="Dispute").click()
    drawer.get_by_label("Your name").fill(name)
    drawer.get_by_role("button", name="Continue").click()
    choices = drawer.locator(".rights label span").all_inner_texts()
    for words in right:
        drawer.locator(".rights label", has_text=words).click()
    if note:
        drawer.get_by_label("Note").fill(note)
    drawer.get_by_role("button", name="Send").click()
    return choices


def test_both_robots_are_shown_and_what_they_see(page: Any) -> None:
    """Online, each part with its lamp, verdicts as they come, a strip for each."""
    for name in ("crawler-1", "crawler-2"):
        card = page.locator(".robot", has_text=name)
        card.get_by_text("online").wait_for()
        card.locator('[data-part="camera"][data-state="ok"]').wait_for()
        page.locator(".strip", has_text=name).locator("rect.seen").first.wait_for()
        page.locator("#feed .verdict", has_text=name).first.wait_for()
    page.locator("#tally-online", has_text="2 / 2").wait_for()
    assert "broker connected" in page.locator("#link").inner_text()


def test_a_verdict_is_seen_without_reload(page: Any, robot: Collector) -> None:
    """Published now, in the feed at once, with its place; a replayed one is marked as late."""
    page.locator("#feed .verdict").first.wait_for()
    robot.publish("corrosion/v1/quay/probe/verdict", said("probe", 1, pose=Pose(distance_m=12.34)))
    row = page.locator('#feed [data-id="probe:epoch:1"]')
    row.wait_for()
    assert "12.34 m" in row.inner_text()
    robot.publish("corrosion/v1/quay/probe/verdict", said("probe", 3), UserProperty=[("replayed", "true")])
    late = page.locator('#feed [data-id="probe:epoch:3"]')
    late.wait_for()
    assert "↺" in late.inner_text()
    page.locator(".robot", has_text="probe").get_by_text("1 missing").wait_for()


def test_a_finding_is_shown_with_picture_and_path_and_can_be_disputed(page: Any, room: ControlRoom) -> None:
    """Its picture is loaded, its stages have probabilities; what is said of it reaches the robot's audit."""
    picture = page.locator(".finding.closed").locator("img").first  # an open one may change meanwhile
    wait_for(
        lambda: picture.is_visible() and picture.evaluate("one => one.naturalWidth") > 100, 30, "picture"
    )
    picture.click()
    drawer = page.locator("#drawer")
    drawer.locator(".path li .probabilities").first.wait_for()
    assert "%" in drawer.locator(".path").inner_text()
    assert " m" in drawer.locator(".figures").inner_text()
    dispute(drawer, "Ada", "there is no corrosion", note=f"looks like a stain {EVIL}")
    page.locator(".finding", has=page.locator(".tag", has_text="disputed")).click()
    drawer.get_by_text("robot: done").wait_for()
    assert EVIL in drawer.inner_text()
    # Its robot is asked for the whole picture, which comes; what is corroded is outlined beside it.
    page.keyboard.press("f")
    drawer.locator("#map-toggle", has_text="Side by side").wait_for()
    drawer.locator(".outline .line").wait_for(state="attached")
    page.keyboard.press("m")
    page.keyboard.press("m")
    assert not drawer.locator(".outlined-pane").is_visible()
    (review,) = [one["review"] for one in room.ask("/api/findings")["findings"] if one["review"]]
    assert (review["opinion"], review["reviewer"], review["delivery"]) == ("disputed", "Ada", "done")


def test_a_verdict_is_disputed_and_becomes_a_label(page: Any, room: ControlRoom, tmp_path: Path) -> None:
    """What is right is said, kept, in the robot's audit, and in the data set that the page gives away."""
    sought = "/api/verdicts?outcome=uncorroded&with_picture=true"  # of whatever metal the models say
    wait_for(lambda: room.ask(sought)["total"], 60, "a clean plate with its picture")
    clean = room.ask(sought)["verdicts"][0]
    verdict_id, metal = clean["id"], "steel" if clean["material"] == "aluminium" else "aluminium"
    page.keyboard.press("2")
    page.get_by_label("with picture").check()
    page.get_by_label("Outcome").select_option("uncorroded")
    page.locator(f'#results [data-id="{verdict_id}"]').click()
    drawer = page.locator("#drawer")
    choices = dispute(drawer, "Grace", "it is corroded, mid", f"the metal is {metal}")
    assert "there is no corrosion" not in choices  # the robot said so itself
    drawer.get_by_text("robot: done").wait_for()
    found = room.ask(f"/api/verdicts/{verdict_id}")
    (review,) = found["reviews"]
    assert (review["opinion"], review["reviewer"], review["delivery"]) == ("disputed", "Grace", "done")
    picture = found["verdict"]["evidence_sha256"]
    where = f"/api/pictures/demo/{found['verdict']['robot']}/{picture}"
    wait_for(lambda: room.request(where)[1].get("x-picture-size") == "full", 60, "the whole picture")
    page.locator("#drawer").get_by_label("Close").click()
    page.keyboard.press("1")
    page.locator("summary", has_text="Report").click()
    with page.expect_download() as started:
        page.get_by_role("link", name="Dataset").click()
    with zipfile.ZipFile(started.value.path()) as archive:
        rows = list(csv.DictReader(archive.read("reviewed/labels.csv").decode().splitlines()))
        (row,) = [row for row in rows if picture[:12] in row["file"]]
        assert archive.read(f"reviewed/{row['file']}")[:2] == b"\xff\xd8"
    assert (row["corroded"], row["severity"], row["material"]) == ("1", "mid", metal)


def test_pictures_are_reviewed_by_what_they_teach(page: Any, room: ControlRoom) -> None:
    """One is opened by a key, says why it was kept, and leaves the queue once reviewed; the next follows."""
    page.locator(".finding").first.wait_for()
    page.keyboard.press("4")
    page.locator(".queued").nth(2).wait_for()
    second = page.locator(".queued").nth(1).get_attribute("data-id")
    page.keyboard.press("j")
    page.keyboard.press("j")
    chosen = page.locator('.queued[aria-current="true"]')
    drawer = page.locator("#drawer")
    drawer.get_by_text("Kept because").wait_for()
    assert chosen.get_attribute("data-id") == second
    assert chosen.locator(".tag").all_inner_texts() == drawer.locator(".reasons .tag").all_inner_texts()
    drawer.get_by_role("button", name="Confirm").click()
    drawer.get_by_role("button", name="Send").or_(drawer.get_by_label("Your name")).wait_for()
    if drawer.get_by_label("Your name").count():  # unless a test before has given it
        drawer.get_by_label("Your name").fill("Ada")
        drawer.get_by_role("button", name="Continue").click()
    # Pictures that come meanwhile take their place in the queue.
    third = page.locator(f'li:has([data-id="{second}"]) + li .queued').get_attribute("data-id")
    drawer.get_by_role("button", name="Send").click()
    page.locator(f'.queued[data-id="{second}"]').wait_for(state="detached")
    assert second not in [one["id"] for one in room.ask("/api/queue?limit=1000")["pictures"]]
    page.locator(f'.queued[data-id="{third}"][aria-current="true"]').wait_for()


def test_a_verdict_that_cannot_be_reviewed_is_refused(room: ControlRoom) -> None:
    """One that nobody knows, what cannot be true of one that is there: a sentence, and nothing is kept."""
    known = room.ask("/api/queue?robot=crawler-1&limit=1")["pictures"][0]["id"]
    clean_but_late = b'{"judgement": "disputed", "by": "Ada", "outcome": "uncorroded", "severity": "late"}'
    for verdict_id, body, status, said in (
        ("crawler-1:none:1", b'{"judgement": "confirmed", "by": "Ada"}', 409, "no such verdict"),
        (known, clean_but_late, 409, "uncorroded has neither"),
        (known, b'{"judgement": "maybe", "by": "Ada"}', 400, "maybe"),
        (known, b"{", 400, "truncated"),
    ):
        answer = room.request(
            f"/api/verdicts/{verdict_id}/review", "POST", body, content_type="application/json"
        )
        assert (answer[0], said in answer[2].decode()) == (status, True), answer
    assert room.ask(f"/api/verdicts/{known}")["reviews"] == []


def test_text_from_robots_stays_text(page: Any, robot: Collector) -> None:
    """Whatever a robot writes where it may write anything is shown, and never run."""
    evil = msgspec.structs.replace(
        verdict(1, "?", asset=EVIL, pose=Pose(distance_m=1.0), material=EVIL, severity=EVIL),
        robot="evil",
        id="evil:epoch:1",
        source=EVIL,
        reasons=(Reason(code=EVIL, text=EVIL),),
        stages=(
            StageVerdict(
                name=EVIL, label=EVIL, probabilities={EVIL: 1.0}, decision_threshold=0.5, abstain_below=0.5
            ),
        ),
    )  # fmt: skip
    robot.publish("corrosion/v1/quay/evil/verdict", encode(evil))
    part = Part(state=PartState.FAILING, text=EVIL)
    depth = SpoolDepth(
        waiting=0, in_memory=0, oldest_age_s=None, disk_bytes=0, dropped=0, refused=0, quarantined=0,
        alarms=(Alarm(code=EVIL, text=EVIL),),
    )  # fmt: skip
    status = Status(
        site="quay",
        robot="evil",
        since=START,
        camera=part,
        model=part,
        version=EVIL,
        bundle=EVIL,
        spool=depth,
    )
    robot.publish("corrosion/v1/quay/evil/status", encode(status))
    finding = Finding(
        id="evil:epoch:f1", state=FindingState.OPENED, site="quay", robot="evil", asset=EVIL, material=EVIL,
        form=EVIL,
        first_observed_at=START, last_observed_at=START, first_verdict="evil:epoch:1",
        last_verdict="evil:epoch:1",
        best_verdict="evil:epoch:1", frames=1, peak_confidence=1.0, peak_severity=EVIL,
    )  # fmt: skip
    robot.publish("corrosion/v1/quay/evil/finding", encode(finding))
    robot.publish("corrosion/v1/quay/evil/verdict", EVIL.encode())
    page.locator(".robot .alarm", has_text=EVIL).wait_for()
    page.locator(".finding", has_text=EVIL).click()
    page.locator("#drawer .path", has_text=EVIL).wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    page.get_by_role("region", name="History").get_by_label("Robot", exact=True).select_option("quay/evil")
    page.locator("#results tr", has_text=EVIL).click()
    page.locator("#drawer", has_text="evil:epoch:1").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    page.locator("#fleet tr", has_text=EVIL).first.wait_for()
    page.locator("#fleet tr.alarms", has_text=EVIL).wait_for()
    page.locator("#refused tr").first.wait_for()
    assert page.evaluate("window.hurt") is None
    assert page.locator("img[src='x']").count() == 0


def test_the_history_is_filtered(page: Any, room: ControlRoom, robot: Collector) -> None:
    """By robot, outcome and stretch; the address of nothing is needed, the form does it."""
    for seq in range(1, 21):
        what = "CU"[seq % 2]
        robot.publish(
            "corrosion/v1/quay/filtered/verdict", said("filtered", seq, what, pose=Pose(distance_m=seq / 2))
        )
    wait_for(lambda: room.ask("/api/verdicts?robot=filtered")["total"] == 20, what="verdicts stored")
    page.locator(".robot", has_text="filtered").wait_for()
    page.keyboard.press("2")
    page.locator("#results tr").first.wait_for()
    page.get_by_role("region", name="History").get_by_label("Robot", exact=True).select_option(
        "quay/filtered"
    )
    page.locator("#results-title", has_text=re.compile("^20 verdicts", re.IGNORECASE)).wait_for()
    page.get_by_label("Outcome").select_option("corroded")
    page.locator("#results-title", has_text=re.compile("^10 verdicts", re.IGNORECASE)).wait_for()
    page.get_by_label("From m").fill("5")
    page.get_by_label("To m").fill("8")
    page.get_by_role("button", name="Search").click()
    page.locator("#results-title", has_text=re.compile("^4 verdicts", re.IGNORECASE)).wait_for()
    assert page.locator("#results tr").first.locator("td").nth(1).inner_text() == "filtered"
    page.locator("#results tr").first.click()
    page.locator("#drawer", has_text="filtered:epoch:16").wait_for()


def test_all_can_be_reached_by_keys(page: Any) -> None:
    """Next finding, open, close, views, help: without a pointer, with the focus to be seen."""
    page.locator(".finding").first.wait_for()
    page.keyboard.press("j")
    page.locator('.finding[aria-selected="true"]').wait_for()
    page.keyboard.press("Enter")
    page.locator("#drawer .figures").wait_for()
    assert page.evaluate("document.activeElement.id") == "drawer"
    page.keyboard.press("Escape")
    assert not page.locator("#drawer").is_visible()
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    assert page.locator("#view-health").is_visible()
    page.keyboard.press("1")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_two_tabs_and_a_room_that_is_killed(
    context: Any, page: Any, room: ControlRoom, robot: Collector
) -> None:
    """Each says that it is cut off, comes back by itself, and then shows what it missed."""
    other = context.new_page()
    other.goto(room.url)
    tabs = (page, other)
    for tab in tabs:
        tab.locator("#feed .verdict").first.wait_for()
    room.kill()
    for tab in tabs:
        tab.get_by_text("no connection to its control room").wait_for()
    robot.publish("corrosion/v1/quay/probe/verdict", said("probe", 900, observed_at=START))
    room.start()
    for tab in tabs:
        tab.locator("#notice").wait_for(state="hidden")
        tab.locator(".robot", has_text="probe").wait_for()
    assert room.ask("/api/verdicts/probe:epoch:900")["verdict"]["outcome"] == Outcome.CORRODED.value
    other.close()


def test_people_log_in_with_the_token(tmp_path, context: Any, broker: Mosquitto, room: ControlRoom) -> None:
    """A wrong one is told; the right one leads to the page; logging out leads back."""
    token = "a token of this test"  # noqa: S105
    (tmp_path / "token").write_text(token, encoding="utf-8")
    locked = ControlRoom(tmp_path, broker.port, web={"token_file": str(tmp_path / "token")})
    locked.start(connected=False)
    try:
        page = context.new_page()
        page.goto(locked.url)
        page.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        page.get_by_text("The token is wrong").wait_for()
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        page.locator(".robot").first.wait_for()
        page.get_by_role("button", name="Log out").click()
        page.get_by_label("Token").wait_for()
        page.close()
    finally:
        locked.stop()


def test_a_command_is_asked_for_first_and_its_answer_is_shown(page: Any) -> None:
    """Ping is answered; a pause asks, neither Enter nor another key sends it; agreed, the robot pauses."""
    page.locator(".robot", has_text="crawler-2").click()
    commands = page.locator("#commands")
    commands.get_by_role("button", name="Ping").click()
    sent = commands.locator(".sent > li")
    sent.filter(has_text="ping").filter(has_text="done").first.wait_for()
    before = sent.count()
    for keys in (("Enter",), ("2", "c", "d", "Escape")):
        commands.get_by_role("button", name="Pause").click()
        for key in keys:
            page.keyboard.press(key)
        page.locator("dialog.question").wait_for(state="detached")
    assert sent.count() == before
    assert page.locator("#view-live").is_visible()
    commands.get_by_role("button", name="Pause").click()
    page.locator("dialog.question select").select_option("300")
    page.get_by_role("button", name="Pause it").click()
    sent.filter(has_text="pause · duration_s 300").filter(has_text="done").wait_for()
    commands.get_by_role("button", name="Resume").click()
    sent.filter(has_text="resume").filter(has_text="done").wait_for()


def test_a_drawing_is_uploaded_and_placed_by_clicks(page: Any, tmp_path: Path) -> None:
    """An SVG is refused in a sentence; a PNG is placed by two clicks, and shows what lies where."""
    page.locator(".robot", has_text="crawler-1").wait_for()
    page.get_by_role("button", name="Drawings").click()
    for content, name, said_of in (
        (b"<svg/>", "deck.png", "is an SVG"),
        (png(480, 200), "l7.png", "uploaded"),
    ):
        (tmp_path / name).write_bytes(content)
        page.get_by_role("button", name="Upload …").click()
        page.locator("dialog input[list=drawing-sites]").fill("demo")
        page.locator("dialog input[list=drawing-assets]").fill("pipe L-7")
        page.locator("dialog input[type=file]").set_input_files(tmp_path / name)
        page.locator("dialog .primary").click()
        page.locator("#view-drawings [role=status]", has_text=said_of).first.wait_for()
    page.locator(".facts, .beside", has_text="not placed yet").first.wait_for()
    page.get_by_role("button", name="Place …").click()
    drawing = page.locator("svg.drawing")
    box = drawing.bounding_box()
    for share, distance_m in ((0.0, "0"), (1.0, "24")):
        drawing.click(position={"x": 2 + share * (box["width"] - 4), "y": box["height"] / 2})
        page.locator(".points input[aria-label^=distance]").last.fill(distance_m)
    page.get_by_role("button", name="Save the placement").click()
    page.locator(".beside", has_text="placed by").wait_for()
    page.locator("svg.drawing .here text", has_text="crawler-1").wait_for()
    page.locator("svg.drawing .mark circle").first.wait_for(state="attached")
    page.locator(".beside .mark-row").first.click()
