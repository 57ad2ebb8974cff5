"""Make every picture of README and guides from real output: ``python -m tests.benchmarks.pictures``.

The demonstration of the control room runs with its two robots, six times as fast, until each pipe was
passed three times. A headless Chromium takes its page at twice the pixels, light and dark; so does it with
the local page of a robot on the demonstration's clip. ``edge-node classify`` outlines corrosion with the
default bundle. The mission report is the one that the page makes. Takes about three minutes on a free
machine; needs Chromium (Debian: chromium) and pdftoppm (Debian: poppler-utils). Prints each file with its
size.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from edge_node.config.sections import example_config
from edge_node.demo import __file__ as demo
from edge_node.demo.broker import embedded_broker
from edge_node.demo.run import CLIP
from tests.support.browser import browser
from tests.support.picture_files import lay_side_by_side, read_png, store_small
from tests.support.processes import free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / ".readme" / "pictures"
MOST_BYTES = 250_000
_SPEED = 6.0
_PASSES = 3
_HEALTH_MS = 13_000  # a robot counts anew each 10 s; before that the local page shows zeros
_REPORT_PAGES = (1, 3)
_THEMES = ("light", "dark")
_ASSET = "pipe L-7"
# Two of steel, two of aluminium, as they are rendered for the demonstration.
_TILES = ("steel-a-40", "steel-c-200", "aluminium-a-300", "aluminium-b-0")


@dataclass
class Camera:
    """Takes a page of the browser in both themes."""

    page: Any
    out: Path

    def take(self, name: str, size: tuple[int, int], *, ready: Callable[[], None] = lambda: None) -> None:
        """Store what the window shows as NAME-light and NAME-dark; ``ready`` waits for the moment."""
        self.page.set_viewport_size({"width": size[0], "height": size[1]})
        for theme in _THEMES:
            self.page.emulate_media(color_scheme=theme)
            self.page.wait_for_timeout(600)
            ready()
            picture = read_png(self.page.screenshot())
            store(picture, self.out / f"{name}-{theme}.jpg")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, help="folder for the pictures (default: %(default)s)"
    )
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name, _run_demo(Path(name)) as url:
        make_overlays(Path(name), given.out / "overlays.jpg")
        with browser(
            Path(name) / "profile", device_scale_factor=2, timezone_id="UTC", bypass_csp=True
        ) as context:
            page = context.new_page()
            page.on("pageerror", lambda error: print(f"error in the page: {error}"))
            camera = Camera(page, given.out)
            take_local_page(camera, Path(name))
            last = _wait_for_missions(url)[1]
            review_some(url, last)
            take_room(camera, url)
            take_report(url, last, Path(name), given.out / "report.jpg")
    print(f"{time.monotonic() - began:.0f} s")


def store(picture: Image.Image, path: Path) -> None:
    """Write a picture, and print its size."""
    size = store_small(picture, path, MOST_BYTES)
    note = "" if size <= MOST_BYTES else f"; more than {MOST_BYTES / 1000:.0f} kB"
    print(f"{path.name:<24} {picture.width} x {picture.height} px {size / 1000:6.0f} kB{note}", flush=True)


def make_overlays(folder: Path, path: Path) -> None:
    """Judge rendered plates with the default bundle, and lay their overlays beside each other."""
    source, seen = folder / "plates", folder / "seen"
    source.mkdir()
    for name in _TILES:
        with Image.open(Path(demo).parent / "tiles" / f"{name}.jpg") as tile:
            # A plate fills what a camera of 960 x 720 pixels sees, so that the outline is drawn finely.
            tile.resize((960, 720), Image.Resampling.LANCZOS).save(source / f"{name}.png")
    _edge_node("classify", "--overlay", str(seen), str(source))
    drawn = [read_png(one.read_bytes()) for one in sorted(seen.rglob("*.*"), key=lambda one: one.name)]
    rows = [lay_side_by_side(drawn[at : at + 2], 8, "#ffffff") for at in (0, 2)]
    sheet = Image.new("RGB", (rows[0].width, sum(row.height for row in rows) - 8), "#ffffff")
    sheet.paste(rows[1], (0, rows[0].height - 8))
    sheet.paste(rows[0], (0, 0))
    store(sheet, path)


def take_local_page(camera: Camera, folder: Path) -> None:
    """Take the robot's own page, on the demonstration's clip, once rust is in view."""
    state = folder / "robot"
    state.mkdir()
    port = free_port()
    with embedded_broker(folder) as broker_port:
        text = example_config(
            node={"site": "quay", "robot": "crawler-1", "asset": "pipe L-7", "state_dir": str(state)},
            camera={"source": str(CLIP), "loop": True},
            mqtt={"hostname": "127.0.0.1", "port": broker_port},
            bundle={"path": "default"},
            http={"enabled": True, "port": port},
        )
        config = folder / "node.toml"
        config.write_text(text, encoding="utf-8")
        robot = subprocess.Popen(_command("run", "--config", str(config), "--log-level", "error"))
        try:
            wait_for(lambda: _answers(f"http://127.0.0.1:{port}/"), 30, "the local page")
            camera.page.goto(f"http://127.0.0.1:{port}/")
            camera.page.wait_for_timeout(_HEALTH_MS)
            rust = camera.page.get_by_text("steel: corroded").first
            camera.take("local-page", (1100, 780), ready=lambda: rust.wait_for(timeout=60_000))
        finally:
            _stop(robot)


def take_room(camera: Camera, url: str) -> None:
    """Take the views of the control room: live, a finding, a review, defects, two missions, a drawing."""
    page, size = camera.page, (1280, 860)
    page.goto(url)
    page.evaluate("localStorage.setItem('reviewer', 'A. Meyer')")
    page.reload()
    page.get_by_text("broker connected").wait_for()
    page.locator("#which button", has_text="All").click()
    page.evaluate("document.activeElement.blur()")
    camera.take("control-room", (1440, 860), ready=lambda: _wait_for_open_finding(page))
    _find_one(page, "#findings .finding", "late", "corrosion").click()
    page.wait_for_timeout(1200)
    camera.take("finding", (1200, 800))
    page.keyboard.press("Escape")
    _go(page, "review")
    camera.take("review", (1280, 760))
    _go(page, "defects")
    _find_one(page, "#defects button", "growing", "known", "new").click()
    camera.take("defects", size)
    _go(page, "compare")
    page.locator("#compare-filters select[name=asset]").select_option(label=_ASSET)
    page.wait_for_timeout(600)
    missions = _missions(url)
    page.locator("#compare-filters select[name=later]").select_option(missions[1]["id"])
    page.locator("#compare-filters select[name=earlier]").select_option(missions[-1]["id"])
    page.wait_for_timeout(1200)
    camera.take("compare", size)
    _go(page, "drawings")
    camera.take("drawing", (1280, 660))


def take_report(url: str, mission: dict[str, Any], folder: Path, path: Path) -> None:
    """Take the first page of the mission report, and the one with the findings one by one."""
    pdf = folder / "report.pdf"
    query = f"site={mission['site']}&mission={mission['id']}&client=Quay%20authority&order=2026-117"
    with urllib.request.urlopen(f"{url}api/report.pdf?{query}", timeout=240) as answer:  # noqa: S310
        pdf.write_bytes(answer.read())
    for number in _REPORT_PAGES:
        pages = ("-r", "130", "-f", str(number), "-l", str(number), "-png", str(pdf), str(folder / "sheet"))
        subprocess.run(("pdftoppm", *pages), check=True)
    found = [read_png(one.read_bytes()) for one in sorted(folder.glob("sheet-*.png"))]
    store(lay_side_by_side(found, 24, "#d8dde2"), path)


def review_some(url: str, mission: dict[str, Any]) -> None:
    """Confirm one finding of a mission and dispute another, as a person does on the page."""
    every = _ask(f"{url}api/findings?limit=100")["findings"]
    found = [one for one in (record["finding"] for record in every) if _is_of(one, mission)]
    opinions = (
        {"judgement": "confirmed", "note": "seen by hand"},
        {"judgement": "disputed", "outcome": "uncorroded", "note": "mill scale, no rust"},
    )
    for finding, opinion in zip(found[1:], opinions, strict=False):
        address = f"{url}api/findings/{finding['site']}/{finding['id']}/review"
        body = json.dumps({"by": "A. Meyer", **opinion}).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=20):  # noqa: S310
            pass


def _is_of(finding: dict[str, Any], mission: dict[str, Any]) -> bool:
    """Tell whether a finding was seen on a mission."""
    is_there = (finding["site"], finding["robot"]) == (mission["site"], mission["robot"])
    return is_there and mission["began_at"] <= finding["first_observed_at"] <= mission["ended_at"]


@contextmanager
def _run_demo(folder: Path) -> Iterator[str]:
    """Run the control room's demonstration, and yield the address of its page."""
    port = free_port()
    command = _command("control-room", "--demo", "--demo-speed", str(_SPEED), "--port", str(port))
    with (folder / "demo.log").open("wb") as log:
        process = subprocess.Popen((*command, "--log-level", "warning"), stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            _stop(process)


def _missions(url: str) -> list[dict[str, Any]]:
    """Return the missions over the asset, the newest first."""
    return [one for one in _ask(f"{url}api/missions")["missions"] if one["asset"] == _ASSET]


def _wait_for_missions(url: str) -> list[dict[str, Any]]:
    """Return the missions once enough are over: the newest is under way."""

    def are_there() -> bool:
        time.sleep(1)
        return _answers(f"{url}livez") and len(_missions(url)) > _PASSES

    wait_for(are_there, 180, f"{_PASSES} passes over {_ASSET}")
    return _missions(url)


def _wait_for_open_finding(page: Any) -> None:
    page.wait_for_function("document.getElementById('tally-open').textContent !== '0'", timeout=40_000)


def _find_one(page: Any, selector: str, *words: str) -> Any:
    """Return the first element with the first of the words that any of them has."""
    for word in words:
        found = page.locator(selector, has_text=word)
        if found.count():
            return found.first
    return page.locator(selector).first


def _go(page: Any, view: str) -> None:
    page.locator(f'nav .tab[data-view="{view}"]').click()
    page.wait_for_timeout(900)


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "edge_node.cli", *arguments)


def _edge_node(*arguments: str) -> None:
    subprocess.run(_command(*arguments), check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=os.environ)


def _ask(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=20):  # noqa: S310
            return True
    except OSError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    main()
