"""A real Chromium, headless, with a profile of its own."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """Return the browser's path, or skip the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("chromium is not installed (Debian package chromium)")
    return found


@contextmanager
def browser(profile: Path, **options: Any) -> Iterator[Any]:
    """Run a browser and yield its context; ``options`` are playwright's."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            str(profile),
            executable_path=chromium(),
            args=_ARGUMENTS,
            viewport={"width": 1500, "height": 900},
            **options,
        )
        context.set_default_timeout(20_000)
        try:
            yield context
        finally:
            context.close()
