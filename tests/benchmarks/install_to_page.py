"""From a fresh clone to the control room's page with the demo's robots on it, as a newcomer does it.

Clones this repository's last commit into a temporary folder, takes the command from its README, and times
each part: the virtual environment, pip (with an empty cache: everything is fetched), and from the start until
a real Chromium shows the first robot online, with verdicts and a strip.

    python -m tests.benchmarks.install_to_page [--json]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.browser import browser

if TYPE_CHECKING:
    from collections.abc import Iterator

_REPOSITORY = Path(__file__).resolve().parents[2]
_COMMAND = re.compile(r"^python3 -m venv .*control-room --demo$", re.MULTILINE)
_URL = re.compile(r"control room: (http://\S+)")
_PAGE_S = 120  # a page that is not there by then will not come


def main() -> int:
    """Print the seconds of each part and of all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="install-to-page-") as name:
        took = measure(Path(name), quiet=args.json)
    took["all"] = sum(took.values())
    if args.json:
        print(json.dumps({part: round(seconds, 1) for part, seconds in took.items()}))
        return 0
    for part, seconds in took.items():
        print(f"{part:<48} {seconds:7.1f} s")
    print(f"wanted: 180 s; load average here {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    return 0


def measure(folder: Path, *, quiet: bool) -> dict[str, float]:
    """Return the seconds of each part, in their order."""
    clone, took = folder / "clone", {}
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    environment |= {"PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(["git", "clone", "--quiet", str(_REPOSITORY), str(clone)], check=True)
    found = _COMMAND.search((clone / "README.md").read_text(encoding="utf-8"))
    if found is None:
        raise SystemExit("README.md: no line from venv to control-room --demo")
    *preparations, start = found.group().split(" && ")
    for command in preparations:
        began = time.monotonic()
        subprocess.run(
            shlex.split(command),
            check=True,
            cwd=clone,
            env=environment,
            stdout=subprocess.DEVNULL if quiet else sys.stderr,
        )
        took[command] = time.monotonic() - began
    began = time.monotonic()
    with _started(start, clone, environment) as url, browser(folder / "profile") as context:
        page = context.new_page()
        page.set_default_timeout(_PAGE_S * 1000)
        page.goto(url)
        page.locator(".robot").get_by_text("online").first.wait_for()
        page.locator("#feed .verdict").first.wait_for()
        page.locator(".strip rect.seen").first.wait_for()
        took[f"{start.rpartition('/')[2]}, first robot on the page"] = time.monotonic() - began
    return took


@contextlib.contextmanager
def _started(command: str, clone: Path, environment: dict[str, str]) -> Iterator[str]:
    """Run the control room; yields where its page is."""
    with (clone / "said.txt").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            shlex.split(command), cwd=clone, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            until = time.monotonic() + _PAGE_S
            while not (found := _URL.search((clone / "said.txt").read_text(encoding="utf-8"))):
                if process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"no page: {(clone / 'said.txt').read_text(encoding='utf-8')}")
                time.sleep(0.05)
            yield found.group(1)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


if __name__ == "__main__":
    raise SystemExit(main())
