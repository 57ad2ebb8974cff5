"""What many tests share: real data where it is there, a real broker, and the order in which they are run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.process_use import starts_processes
from tests.support.processes import Mosquitto

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).resolve().parents[2] / "shared"

if "PYTEST_XDIST_WORKER" in os.environ:
    # Each worker, with the processes that its tests start, keeps to one core for its arithmetic.
    for name in (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
    ):
        os.environ.setdefault(name, "1")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark tests that start processes; put modules with slow tests first, so that none is begun last."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    for item in items:
        if starts_processes(*_functions(item)):
            item.add_marker(pytest.mark.processes)
    items.sort(key=lambda item: item.path not in slow)


def _functions(item: pytest.Function) -> list[object]:
    """Return the test's function and those of its fixtures."""
    fixtures = item._fixtureinfo.name2fixturedefs.values()  # the public `fixturenames` lead to no functions
    return [item.obj, *(fixture.func for found in fixtures for fixture in found)]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photographs and graphs beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("the photographs and graphs (../shared) are not beside this repository")
    return SHARED


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto."""
    if not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()):
        pytest.skip("mosquitto is not installed (Debian package mosquitto)")
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()
