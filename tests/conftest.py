"""What many tests share: real data where it is there, a real broker, and the order in which they are run."""

from __future__ import annotations

import os
import shutil
import signal
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

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

# How long an example takes says what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark tests that start processes, and order the modules for several workers.

    Modules with slow tests come first, so that none of them is begun last. Those that compute alternate with
    those that wait: a real daemon finds a core free while another worker converts a model.
    """
    modules: dict[Path, list[pytest.Function]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)
        if starts_processes(*_functions(item)):
            item.add_marker(pytest.mark.processes)
    slow = {
        path: sum(item.get_closest_marker("slow") is not None for item in modules[path]) for path in modules
    }
    paths = sorted(modules, key=lambda path: (-slow[path], path))
    computing = [path for path in paths if _computes(modules[path][0])]
    waiting = [path for path in paths if path not in computing]
    turns = [path for pair in zip_longest(computing, waiting) for path in pair if path is not None]
    turns.sort(key=lambda path: not slow[path])
    items[:] = [item for path in turns for item in modules[path]]


def _computes(item: pytest.Function) -> bool:
    """Whether the module of this test uses the converter, and with it TensorFlow."""
    homes = (
        getattr(part, "__module__", None) or getattr(part, "__name__", "")
        for part in vars(item.module).values()
    )
    return any(isinstance(home, str) and home.startswith(("converter", "tensorflow")) for home in homes)


def _functions(item: pytest.Function) -> list[object]:
    """Return the test's function and those of its fixtures."""
    fixtures = item._fixtureinfo.name2fixturedefs.values()  # the public `fixturenames` lead to no functions
    return [item.obj, *(fixture.func for found in fixtures for fixture in found)]


@pytest.fixture(scope="session", autouse=True)
def _signals_heeded() -> Iterator[None]:
    """A shell starts what runs in its background deaf to Ctrl-C, and the processes of tests inherit it."""
    earlier = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, earlier)


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
