"""Run a bundle's golden probe in the robot's TFLite runtime, in a Python environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import converter
import edge_node
from converter.conversion.bundle_writer import write_bundle
from converter.quantize.request import Target
from converter.work_folder import work_folder
from edge_node.errors import ConversionError
from edge_node.inference.interpreter import RUNTIME_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_node.inference.bundle import Bundle

# The runtime, and what the node imports to load a bundle, preprocess a picture and run the probe.
_REQUIREMENTS = {
    Target.TFLITE_RUNTIME_2_14: (
        "tflite-runtime==2.14.0",
        "numpy>=1.26,<2",
        "opencv-python-headless>=4.8,<4.12",
        "msgspec>=0.19,<1",
    )
}
RUNTIME_NAMES = {Target.TFLITE_RUNTIME_2_14: "tflite-runtime"}
_PYTHONS = ("python3.11", "python3.10")  # tflite-runtime 2.14 has wheels for these and older
_LAST_MINOR = 11
_INSTALL_TIMEOUT_S, _PROBE_TIMEOUT_S = 900, 300
_PROBE = """
import sys
from pathlib import Path
from converter.child_process import end_with_parent
end_with_parent(int(sys.argv[2]))
from edge_node.inference.bundle import load_bundle
from edge_node.inference.engine import Engine
from edge_node.errors import CorrosionError
from edge_node.inference.golden_probe import run_probe
try:
    run_probe(Engine(load_bundle(Path(sys.argv[1]))))
except CorrosionError as err:
    sys.exit(str(err).replace(sys.argv[1], "the bundle"))
"""


def probe_in_target(bundle: Bundle, target: Target) -> None:
    """Run a bundle's golden probe in the target's runtime.

    Raises:
        ConversionError: the runtime computes it differently, does not load it, or cannot be installed here.
    """
    python = prepare_environment(target)
    with work_folder() as folder:
        path = folder / "bundle"
        write_bundle(bundle, path, {})
        variables = {
            **os.environ,
            RUNTIME_VARIABLE: RUNTIME_NAMES[target],
            "PYTHONPATH": str(_link_packages(folder / "packages")),
        }
        done = subprocess.run(
            [python, "-c", _PROBE, str(path), str(os.getpid())],
            env=variables,
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ConversionError(f"{target.value}: {reason[0]}; no bundle was written")


def _link_packages(folder: Path) -> Path:
    """Make a folder with links to the packages that the probe imports, and to nothing else.

    The folder that they are installed in also holds the libraries of this Python, which is another version.
    """
    folder.mkdir()
    for package in (converter, edge_node):
        place = Path(package.__path__[0])
        (folder / place.name).symlink_to(place, target_is_directory=True)
    return folder


def prepare_environment(target: Target) -> str:
    """Return the Python of an environment with the target's runtime; make it once, and keep it.

    Raises:
        ConversionError: no fitting Python is here, or the installation fails.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "corrosion-edge-node"
    folder = root / target.value
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return str(python)
    base = next(_find_pythons(), None)
    if base is None:
        raise ConversionError(
            f"{target.value} runs on Python 3.11 or older, found {sys.version_info[0]}.{sys.version_info[1]};"
            f" install one of {', '.join(_PYTHONS)} for its golden probe"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    for command in (
        [base, "-m", "venv", str(folder)],
        [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *_REQUIREMENTS[target],
        ],
    ):
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ConversionError(f"{target.value}: its environment cannot be made in {folder}: {reason}")
    (folder / "complete").touch()
    return str(python)


def _find_pythons() -> Iterator[str]:
    if sys.version_info[1] <= _LAST_MINOR:
        yield sys.executable
    yield from filter(None, map(shutil.which, _PYTHONS))
