"""Installing into a real folder as root: everything in place, again the same, and gone again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge_node.cli.robot.systemd_service import (
    CREDENTIALS,
    RULES,
    UNITS,
    InstallError,
    Layout,
    find_own_source,
    install,
    uninstall,
    with_own_extras,
)
from edge_node.config.sections import load_config
from tests.support.processes import command

REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return a tiny wheel of the same name, whose command says that it is the installed one.

    The whole package with its dependencies would take minutes to install in every run.
    """
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "corrosion_stand_in.py").write_text("def main():\n    print('installed')\n")
    (folder / "setup.py").write_text(
        "from setuptools import setup\n"
        "setup(name='corrosion-edge-node', version='0.0.1', py_modules=['corrosion_stand_in'],\n"
        "      entry_points={'console_scripts': ['edge-node = corrosion_stand_in:main']})\n"
    )
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(folder), str(folder)],
        check=True,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


def example():
    """Return a configuration that is one."""
    return '[node]\nsite="a"\nrobot="b"\n[bundle]\npath="default"\n[mqtt]\nhostname="c"\n'


def put(layout, wheel):
    """Install without a network."""
    options = ["--no-index", "--no-deps"]
    return list(install(layout, example, source=str(wheel), pip_options=options))


@pytest.fixture(scope="module")
def installed(tmp_path_factory, wheel):
    """Return a layout in which everything was installed once, and what was said."""
    layout = Layout(tmp_path_factory.mktemp("root"))
    return layout, put(layout, wheel)


@pytest.fixture
def make_environment(installed):
    """Return what copies the environment that was made once to where a layout keeps its own.

    To make another one would cost seconds; pip installs into the copy as into any that is there.
    """

    def copy(layout):
        shutil.copytree(installed[0].environment, layout.environment, symlinks=True)
        return layout

    return copy


def test_everything_is_in_place(installed):
    """The command runs, units and rule are ours, the configuration is one."""
    layout, said = installed
    assert subprocess.run([str(layout.program)], capture_output=True, check=True).stdout == b"installed\n"
    for name in UNITS:
        assert (layout.units / name).read_text() == (REPOSITORY / "systemd" / name).read_text()
    assert (layout.rules).read_text() == (REPOSITORY / "systemd" / RULES).read_text()
    assert load_config(layout.configuration / "node.toml").node.robot == "b"
    assert layout.link.readlink() == Path("/opt/corrosion-edge/bin/edge-node")
    assert any(line.startswith("made") for line in said)


def test_again_is_the_same_as_once(installed, wheel):
    """The second time nothing is written, and an edited configuration stays as it is."""
    layout, _ = installed
    edited = layout.configuration / "node.toml"
    edited.write_text(example() + "# edited\n")
    said = put(layout, wheel)
    assert not [line for line in said if line.startswith(("made", "written", "linked"))]
    assert edited.read_text().endswith("# edited\n")


def test_passwords_and_a_signing_key_become_credentials(installed, wheel):
    """What the operator put there is closed to others and handed over by systemd."""
    layout, _ = installed
    for name in CREDENTIALS:
        (layout.configuration / name).write_text("secret")
    put(layout, wheel)
    for name, key in CREDENTIALS.items():
        assert (layout.configuration / name).stat().st_mode & 0o777 == 0o600
        drop_in = (layout.units / "corrosion-edge.service.d" / f"10-{name}.conf").read_text()
        assert f"LoadCredential={name}:/etc/corrosion-edge/{name}" in drop_in
        assert f'{key} = "$CREDENTIALS_DIRECTORY/{name}"' in drop_in
        assert "secret" not in drop_in


def test_it_goes_without_a_trace_but_what_is_the_operators(tmp_path, wheel, make_environment):
    """Uninstalling keeps configuration and recordings; purging leaves no file at all."""
    layout = make_environment(Layout(tmp_path))
    put(layout, wheel)
    layout.states[0].mkdir(parents=True)
    (layout.states[0] / "spool.sqlite").write_text("verdicts")
    list(uninstall(layout, purge=False))
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["etc/corrosion-edge/node.toml", "var/lib/corrosion-edge/spool.sqlite"]
    list(uninstall(layout, purge=True))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() or path.is_symlink()]


@pytest.mark.skipif(not shutil.which("systemctl"), reason="systemctl (apt: systemd) is not installed")
def test_instances_that_were_enabled_do_not_start_any_more(tmp_path, wheel, make_environment):
    """Uninstalling removes the links that systemctl itself made for the unit and two cameras, no other."""
    layout = make_environment(Layout(tmp_path))
    put(layout, wheel)
    (layout.units / "corrosion-edge-watcher.service").write_text("[Install]\nWantedBy=multi-user.target\n")
    names = ["corrosion-edge", "corrosion-edge@bow", "corrosion-edge@stern", "corrosion-edge-watcher"]
    enabling = ["systemctl", f"--root={tmp_path}", "enable", *(f"{name}.service" for name in names)]
    subprocess.run(enabling, check=True, capture_output=True)
    wants = layout.units / "multi-user.target.wants"
    assert len(list(wants.iterdir())) == 4
    said = list(uninstall(layout, purge=False))
    assert [path.name for path in wants.iterdir()] == ["corrosion-edge-watcher.service"]
    assert sum("multi-user.target.wants" in line for line in said) == 3


def test_another_prefix_is_in_the_units(tmp_path, wheel, make_environment):
    """The unit starts the program where it was installed."""
    layout = make_environment(Layout(tmp_path, Path("/srv/node")))
    put(layout, wheel)
    assert "ExecStart=/srv/node/bin/edge-node run" in (layout.units / UNITS[0]).read_text()


def test_a_foreign_program_is_not_overwritten(tmp_path, wheel):
    """Somebody else's /usr/local/bin/edge-node stops the installation in a sentence."""
    layout = Layout(tmp_path)
    layout.link.parent.mkdir(parents=True)
    layout.link.write_text("theirs")
    with pytest.raises(InstallError, match="not ours"):
        put(layout, wheel)
    assert layout.link.read_text() == "theirs"


def test_what_pip_refuses_is_one_sentence(tmp_path, make_environment):
    """A package that is not there ends in one line that names it."""
    layout = make_environment(Layout(tmp_path))
    with pytest.raises(InstallError, match=r"/no/such\.whl") as caught:
        list(install(layout, example, source="/no/such.whl", pip_options=["--no-index"]))
    assert "\n" not in str(caught.value)


def test_uninstalling_what_is_not_there_is_no_failure(tmp_path):
    """The command line says nothing was removed, and exits with 0."""
    found = command("edge_node.cli", "install", "--uninstall", "--root", str(tmp_path))
    assert (found.returncode, found.stdout) == (0, "")


def test_the_service_gets_what_this_installation_has():
    """Who installed signing wants it for the service too; a folder, a wheel and a version alike."""
    pytest.importorskip("cryptography")
    assert with_own_extras("/home/pi/clone") == "/home/pi/clone[signing]"
    assert with_own_extras("corrosion-edge-node==1.2") == "corrosion-edge-node[signing]==1.2"


def test_the_package_knows_where_it_came_from():
    """The default source is this repository, or the version on an index."""
    assert find_own_source() == str(REPOSITORY) or find_own_source().startswith("corrosion-edge-node==")


def test_a_user_without_rights_is_told_before_the_work(tmp_path):
    """Not after minutes of pip: the folder is named, and sudo."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    os.seteuid(65534)
    try:
        with pytest.raises(
            InstallError, match="this user cannot write there; installing on the robot needs sudo"
        ):
            next(install(Layout(tmp_path / "image"), lambda: "", source="nothing"))
    finally:
        os.seteuid(0)


def test_an_image_that_is_not_mounted_is_told(tmp_path):
    """A mistyped --root makes no folder with an installation in it."""
    told = command("edge_node.cli", "install", "--root", str(tmp_path / "image"))
    assert (told.returncode, told.stdout) == (1, "")
    assert "image: no such folder; wanted the one where the image is mounted" in told.stderr
    assert not (tmp_path / "image").exists()
