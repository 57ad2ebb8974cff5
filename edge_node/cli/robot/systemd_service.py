"""Install the node as a systemd service: virtual environment, units, udev rule, configuration; uninstall it.

Every step changes only what differs, so that installing twice is safe. Configuration and recordings are never
overwritten, and deleted only by ``purge``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from edge_node import __version__
from edge_node.errors import CorrosionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DISTRIBUTION = "corrosion-edge-node"
UNITS = ("corrosion-edge.service", "corrosion-edge@.service")
_TEMPLATE = "corrosion-edge@"
_PIP_STEPS = ("Collecting", "Downloading", "Building", "Installing")
_LINE_WIDTH = 100
RULES = "60-corrosion-camera.rules"
DEFAULT_PREFIX = Path("/opt/corrosion-edge")
PASSWORD_NAME = "mqtt-password"  # noqa: S105  # the name of a file
_DROP_IN = f"""# The password is handed over by systemd; in node.toml write
# password_file = "$CREDENTIALS_DIRECTORY/{PASSWORD_NAME}"
[Service]
LoadCredential={PASSWORD_NAME}:/etc/corrosion-edge/{PASSWORD_NAME}
"""


class InstallError(CorrosionError):
    """The node cannot be installed or uninstalled here."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of an installation below ``root``: "/" on the robot, another folder for an image."""

    root: Path
    prefix: Path = DEFAULT_PREFIX

    def at(self, path: Path | str) -> Path:
        """Return the path below ``root`` of an absolute path on the robot."""
        return self.root / str(path).lstrip("/")

    @property
    def environment(self) -> Path:
        """The virtual environment."""
        return self.at(self.prefix)

    @property
    def program(self) -> Path:
        """The command in the virtual environment."""
        return self.environment / "bin" / "edge-node"

    @property
    def link(self) -> Path:
        """The link to the command in ``PATH``."""
        return self.at("/usr/local/bin/edge-node")

    @property
    def units(self) -> Path:
        """The folder of the administrator's units."""
        return self.at("/etc/systemd/system")

    @property
    def rules(self) -> Path:
        """The udev rule."""
        return self.at("/etc/udev/rules.d") / RULES

    @property
    def configuration(self) -> Path:
        """The folder of the configuration."""
        return self.at("/etc/corrosion-edge")

    @property
    def states(self) -> tuple[Path, ...]:
        """The folders of state and cache; with DynamicUser systemd keeps them below ``private``."""
        return tuple(
            self.at(path)
            for path in (
                "/var/lib/corrosion-edge",
                "/var/lib/private/corrosion-edge",
                "/var/cache/corrosion-edge",
                "/var/cache/private/corrosion-edge",
            )
        )

    @property
    def runs_systemd(self) -> bool:
        """Whether systemd runs here, not in an image."""
        return self.root == Path("/") and Path("/run/systemd/system").is_dir()


def install(
    layout: Layout, example: Callable[[], str], *, source: str, pip_options: Sequence[str] = ()
) -> Iterator[str]:
    """Install everything and yield a line for each step.

    Args:
        layout: the paths.
        example: returns the first configuration.
        source: for pip: a wheel, a folder or a requirement.
        pip_options: passed to pip, for robots without a network.

    Raises:
        InstallError: a step failed; those before it stay.
    """
    _check_rights(layout)
    if layout.link.exists() and not layout.link.is_symlink():
        raise InstallError(f"{layout.link}: a file that is not ours is in the way")
    try:
        yield from _install_environment(layout, source, pip_options)
        yield _link(layout.link, layout.prefix / "bin" / "edge-node")
        for name in UNITS:
            text = _read_shipped(name).replace(str(DEFAULT_PREFIX), str(layout.prefix))
            yield _write(layout.units / name, text)
        yield _write(layout.rules, _read_shipped(RULES))
        configuration = layout.configuration / "node.toml"
        if configuration.exists():
            yield f"kept     {configuration}"
        else:
            yield _write(configuration, example())
        yield from _install_password(layout)
    except (OSError, shutil.Error) as err:
        raise InstallError(f"{err}; installing on the robot itself needs sudo") from err
    if layout.runs_systemd:
        _systemctl("daemon-reload")
        _systemctl("enable", UNITS[0])
        _systemctl("try-restart", UNITS[0])
        yield f"enabled  {UNITS[0]}"


def uninstall(layout: Layout, *, purge: bool) -> Iterator[str]:
    """Uninstall everything and yield a line for each step.

    Args:
        layout: the paths.
        purge: delete configuration and recordings too.

    Raises:
        InstallError: a file cannot be deleted.
    """
    if layout.runs_systemd:
        # A missing unit is no failure. Only systemd knows the names of all instances.
        for arguments in (("disable", "--now", UNITS[0]), ("stop", f"{_TEMPLATE}*.service")):
            with suppress(InstallError):
                _systemctl(*arguments)
    paths = [*_find_enabled_links(layout), *(layout.units / name for name in UNITS)]
    paths += [layout.units / f"{name}.d" for name in UNITS]
    paths += [layout.rules, layout.link]
    if (layout.environment / "pyvenv.cfg").exists():  # only if it is a virtual environment
        paths.append(layout.environment)
    kept = [layout.configuration, *layout.states]
    try:
        for path in paths + (kept if purge else []):
            yield from _remove(path)
    except OSError as err:
        raise InstallError(
            f"{err.filename}: {err.strerror}; removing from the robot itself needs sudo"
        ) from err
    if not purge:
        yield from (f"kept     {path}" for path in kept if path.exists())
    if layout.runs_systemd:
        _systemctl("daemon-reload")


def find_own_source() -> str:
    """Return the source from which pip would install this package again: its origin, or its version."""
    text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    url = json.loads(text).get("url", "") if text else ""
    return url.removeprefix("file://") or f"{DISTRIBUTION}=={__version__}"


def _check_rights(layout: Layout) -> None:
    """Refuse before the work what this user may not write.

    Raises:
        InstallError: with the folder.
    """
    for path in (layout.environment, layout.link, layout.units, layout.rules, layout.configuration):
        try:
            folder = next(parent for parent in (path, *path.parents) if parent.is_dir())
            is_writable = os.access(folder, os.W_OK | os.X_OK, effective_ids=True)
        except PermissionError:
            folder, is_writable = path, False
        if not is_writable:
            raise InstallError(f"{folder}: this user cannot write there; installing on the robot needs sudo")


def with_own_extras(source: str) -> str:
    """Return ``source`` with the extra ``signing`` if this installation has it: the service shall too."""
    if importlib.util.find_spec("cryptography") is None:
        return source
    name, equals, version = source.partition("==")
    return f"{name}[signing]{equals}{version}"


def _install_environment(layout: Layout, source: str, pip_options: Sequence[str]) -> Iterator[str]:
    environment = layout.environment
    if not (environment / "pyvenv.cfg").exists():
        environment.parent.mkdir(parents=True, exist_ok=True)
        yield f"making   {environment} ..."
        try:
            # picamera2 comes from the system's packages.
            venv.create(environment, with_pip=True, system_site_packages=True, symlinks=True)
        except subprocess.CalledProcessError as err:
            shutil.rmtree(environment, ignore_errors=True)
            raise InstallError(
                f"{environment}: no virtual environment can be made; apt install python3-venv"
            ) from err
        yield f"made     {environment}"
    command = [
        str(environment / "bin" / "python"), "-m", "pip", "install", "--progress-bar", "off",
        "--disable-pip-version-check", "--upgrade", *pip_options, source,
    ]  # fmt: skip
    yield f"fetching {source} and what it needs ..."
    yield from _run_pip(command, source)
    yield f"installed {source}"


def _run_pip(command: list[str], source: str) -> Iterator[str]:
    """Run pip and yield a line for each package that it collects, downloads or installs.

    Raises:
        InstallError: it failed; with its last error.
    """
    last_error = "pip failed"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        for line in process.stdout or ():
            words = line.strip()
            if words.startswith("ERROR"):
                last_error = words.removeprefix("ERROR: ")
            elif words.startswith(_PIP_STEPS):
                yield f"pip      {words[:_LINE_WIDTH]}"
    if process.returncode != 0:
        raise InstallError(f"{source}: {last_error}")


def _find_enabled_links(layout: Layout) -> list[Path]:
    """Return the links that start the units at boot, for every instance of the template.

    Read from the folders: ``systemctl disable`` takes no pattern, and an image has no running systemd.
    """
    links = [path for kind in ("wants", "requires") for path in layout.units.glob(f"*.{kind}/*.service")]
    return sorted(path for path in links if path.name == UNITS[0] or path.name.startswith(_TEMPLATE))


def _install_password(layout: Layout) -> Iterator[str]:
    """Pass the password file to the service as a credential, if the operator has made one."""
    if (layout.configuration / PASSWORD_NAME).exists():
        (layout.configuration / PASSWORD_NAME).chmod(0o600)
        for name in UNITS:
            yield _write(layout.units / f"{name}.d" / f"10-{PASSWORD_NAME}.conf", _DROP_IN)


def _read_shipped(name: str) -> str:
    """Return the text of a file of the package, or of the repository that it runs from."""
    places = (
        Path(sys.prefix) / "share" / "corrosion-edge" / "systemd",
        Path(__file__).resolve().parents[3] / "systemd",
    )
    for place in places:
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8")
    raise InstallError(f"{name}: not among the installed files; install the package again")


def _write(path: Path, text: str) -> str:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return f"kept     {path}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return f"written  {path}"


def _link(path: Path, target: Path) -> str:
    if path.is_symlink() and path.readlink() == target:
        return f"kept     {path}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    return f"linked   {path}"


def _remove(path: Path) -> Iterator[str]:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        return
    yield f"removed  {path}"


def _systemctl(*arguments: str) -> None:
    found = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        raise InstallError(f"systemctl {' '.join(arguments)}: {found.stderr.strip() or 'failed'}")
