"""The start of the daemon: what is done before its parts are imported."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from edge_node.config.sections import load_config
from edge_node.daemon.assembly import run_daemon
from edge_node.daemon.start import begin
from edge_node.errors import BundleError, ConfigError
from tests.scenarios.test_daemon_field import write_config
from tests.support.releases import Maker, Robot

if TYPE_CHECKING:
    from pathlib import Path

# What only some configurations need, and what takes a start as long as the daemon's own modules.
NOT_IMPORTED = (
    "cryptography",
    "dataclasses",
    "edge_node.camera.backends.",
    "edge_node.camera.controls.session",
    "edge_node.integrations.sparkplug",
    "edge_node.monitoring.http",
    "edge_node.monitoring.local_page",
    "edge_node.view.calibration_file",
    "importlib.metadata",
    "numpy.random",
)
# Of our packages no others; of the modules beside them the few that these use.
IMPORTED = """
    camera cli commands config daemon delivery evidence findings inference inspection integrations messages
    monitoring mqtt spool view
"""


def test_the_models_are_loaded_beside_and_what_is_wrong_with_them_comes_later(tmp_path: Path) -> None:
    """`begin` returns at once with a lock; the fault of a bundle that is not there is raised by `result`."""
    config = load_config(write_config(tmp_path, tmp_path, 1, bundle={"path": str(tmp_path / "absent")}))
    with ExitStack() as stack:
        begun = begin(config, stack)
        with pytest.raises(BundleError, match="absent"):
            begun.loading.result()
        with pytest.raises(BundleError, match="absent"):  # whoever asks again is told again
            begun.loading.result()
    stop = threading.Event()
    stop.set()
    with pytest.raises(ConfigError, match="absent"):
        run_daemon(config, stop)


@pytest.mark.parametrize("camera", [{"source": "ftp://camera"}, {"mask": "no-such-mask.png"}])
def test_a_start_that_the_camera_ends_is_not_counted_against_a_bundle_on_trial(
    tmp_path: Path, camera: dict[str, str]
) -> None:
    """A wrong source or mask is found before the models are touched."""
    robot = Robot(tmp_path / "state", maker := Maker(tmp_path))
    robot.install(maker.bundle("2"))
    before = robot.contents()
    changes = {
        "camera": camera,
        "bundle": {"path": "store", "trusted_keys": [maker.public]},
    }
    config = load_config(write_config(tmp_path, tmp_path, 1, **changes))
    with ExitStack() as stack, pytest.raises(ConfigError, match="camera"):
        begin(config, stack)
    assert robot.contents() == before


def test_a_start_imports_nothing_that_its_configuration_does_not_need() -> None:
    """Cameras, updates, the shadow and the page are imported where they are used, the control room never."""
    modules = "edge_node.cli.robot.run, edge_node.daemon.assembly"
    script = (
        f"import json, sys, {modules};"
        " print(json.dumps([[*sys.modules], [n for n, m in sys.modules.items() if hasattr(m, '__path__')]]))"
    )
    found, packages = json.loads(
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True).stdout
    )
    ours = {name.split(".")[1] for name in packages if name.startswith("edge_node.")}
    assert ours <= {*IMPORTED.split()}
    assert [name for name in found if name.startswith(NOT_IMPORTED)] == []
