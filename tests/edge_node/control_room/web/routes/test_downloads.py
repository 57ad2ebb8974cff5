"""Files from the page, over real HTTP and by a real browser: the report, and the pictures for training."""

from __future__ import annotations

import csv
import io
import json
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("starlette")
pytest.importorskip("fpdf")

from edge_node.control_room.history.history import History
from tests.edge_node.control_room.report.test_dataset_export import Room
from tests.support.browser import browser
from tests.support.control_room import ControlRoom
from tests.support.pdf_text import text_of
from tests.support.processes import Mosquitto, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[ControlRoom]:
    """A control room with one reviewed finding and its whole picture."""
    folder: Path = tmp_path_factory.mktemp("page")
    broker = Mosquitto(folder)
    broker.start()
    started = ControlRoom(folder, broker.port)
    filled = Room(started.folder)
    sha256 = filled.picture()
    filled.verdict(3, "C", sha256, severity="mid")
    filled.said_here(filled.finding(3, 5, sha256), "confirmed")
    filled.history.close()
    with started:
        yield started
    broker.kill()


def fetched(page: ControlRoom, path: str) -> tuple[int, bytes, str]:
    """Status, body and content type."""
    try:
        with urllib.request.urlopen(page.url + path, timeout=60) as answer:  # noqa: S310  http
            return answer.status, answer.read(), answer.headers["Content-Type"]
    except urllib.error.HTTPError as err:
        return err.code, err.read(), err.headers["Content-Type"]


def test_a_report_comes_as_pdf_and_as_csv(page: ControlRoom) -> None:
    """The same mission in both; times bound it; what cannot be answered is a sentence."""
    who = "site=quay&robot=crawler-1"
    status, content, kind = fetched(page, f"api/report.pdf?{who}")
    assert (status, kind, content[:5]) == (200, "application/pdf", b"%PDF-")
    status, content, _ = fetched(page, f"api/report.csv?{who}&since=2026-03-01T00:00:00Z")
    assert status == 200
    assert b"confirmed" in content
    for path, code, said in (
        (f"api/report.pdf?{who}&since=2030-01-01T00:00:00Z", 404, "no verdict in that time"),
        ("api/report.pdf?site=quay&robot=none", 404, "never heard of it"),
        ("api/report.pdf", 400, "site"),
        (f"api/report.doc?{who}", 404, "wanted report.pdf"),
        (f"api/report.pdf?{who}&since=yesterday", 400, "since"),
    ):
        status, content, _ = fetched(page, path)
        assert (status, said in json.loads(content)["problem"]) == (code, True), path


def test_a_person_takes_the_report_from_the_page(page: ControlRoom, tmp_path: Path) -> None:
    """Menu, robot, PDF and CSV: each is downloaded under its name and holds the finding and its review."""
    with browser(tmp_path / "profile") as context:
        tab = context.new_page()
        tab.goto(page.url)
        tab.locator("summary", has_text="Report").click()
        menu = tab.locator("form.report")
        menu.get_by_label("Robot").select_option("quay/crawler-1")
        files = {}
        for kind in ("PDF", "CSV"):
            with tab.expect_download() as started:
                menu.get_by_role("button", name=kind).click()
            files[started.value.suggested_filename] = Path(started.value.path()).read_bytes()
            menu.get_by_text(f"quay-crawler-1.{kind.lower()} is downloaded").wait_for()
        menu.get_by_label("Order number").fill("2026-117")
        menu.get_by_label("Mission").select_option(index=1)
        with tab.expect_download() as started:
            menu.get_by_role("button", name="CSV").click()
        assert "2026-117" in Path(started.value.path()).read_text(encoding="utf-8")
        menu.get_by_label("Mission").select_option(index=0)
        menu.get_by_label("From").fill("2030-01-01T00:00")
        menu.get_by_role("button", name="PDF").click()
        menu.get_by_text("no verdict in that time").wait_for()
    rows = list(csv.DictReader(files["quay-crawler-1.csv"].decode().splitlines()))
    assert [(row["review"], row["severity"]) for row in rows] == [("confirmed", "mid")]
    text = text_of(files["quay-crawler-1.pdf"], tmp_path)
    assert "1 confirmed, 0 disputed, 0 not reviewed" in text
    assert "quay" in text
    assert "crawler-1" in text


def test_the_dataset_comes_as_one_file(page: ControlRoom) -> None:
    """Labels, reviews and pictures in a folder; nothing stays behind in the history's folder."""
    status, content, kind = fetched(page, "api/dataset.zip")
    assert (status, kind) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        assert archive.read("reviewed/labels.csv").count(b"\n") == 2
    assert {"reviewed/labels.csv", "reviewed/reviews.csv"} < set(names)
    assert sum(name.endswith(".jpg") for name in names) == 1
    assert not list(page.folder.glob("reviewed*"))


def test_another_site_gets_no_file_and_costs_no_time(page: ControlRoom) -> None:
    """Whatever a web page elsewhere makes the browser of an operator ask for; a link to the page works."""
    finished = {"done", "failed", "cancelled"}
    wait_for(lambda: {job["state"] for job in page.ask("/api/jobs")["jobs"]} <= finished, 30, "other files")
    before = page.ask("/api/jobs")
    foreign = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}
    for path in (
        "/api/report.pdf?site=quay&robot=crawler-1",
        "/api/dataset.zip",
        "/api/state",
        "/api/events",
    ):
        assert {page.request(path, **foreign)[0] for _ in range(15)} == {403}
    assert page.ask("/api/jobs") == before
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert page.request("/", **link)[0] == 200


def test_a_client_waits_for_three_files_at_most(page: ControlRoom) -> None:
    """Then it is told when to come again; whoever ends a job has room for another, and each is as asked."""
    order = json.dumps({"kind": "dataset"}).encode()
    as_json = {"Content_Type": "application/json"}
    taken = [page.request("/api/jobs", "POST", order, **as_json) for _ in range(3)]
    assert [status for status, _, _ in taken] == [202] * 3
    for method, path in (("POST", "/api/jobs"), ("GET", "/api/dataset.zip")):
        status, headers, body = page.request(path, method, order, **as_json)
        assert (status, headers["retry-after"]) == (429, "20")
        assert "3 files are being made for you" in json.loads(body)["problem"]
    first, second, last = (json.loads(body)["id"] for _, _, body in taken)
    assert page.ask(f"/api/jobs/{last}")["before"] >= 1
    for name in (second, last):
        assert page.request(f"/api/jobs/{name}", "DELETE")[0] == 200
        assert page.request(f"/api/jobs/{name}")[0] == 404
    wait_for(lambda: page.ask(f"/api/jobs/{first}")["state"] == "done", 30, "the file")
    status, headers, body = page.request(f"/api/jobs/{first}/file")
    assert (status, headers["content-type"], body[:2]) == (200, "application/zip", b"PK")
    assert page.request(f"/api/jobs/{first}", "DELETE")[0] == 200
    assert page.request("/api/jobs", "POST", b"{}", **as_json)[0] == 400


def test_without_a_review_there_is_no_dataset(tmp_path: Path, mosquitto) -> None:
    """Told in a sentence."""
    started = ControlRoom(tmp_path, mosquitto.port)
    History(started.folder).close()
    with started:
        status, content, _ = fetched(started, "api/dataset.zip")
    assert (status, "nothing was reviewed yet" in json.loads(content)["problem"]) == (404, True)
