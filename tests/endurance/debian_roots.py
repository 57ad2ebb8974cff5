"""Runs the lines of the operator's guide in Debian roots, with their own Python, as an ordinary user.

    apt-get install debootstrap mosquitto
    python -m tests.endurance.debian_roots [--roots /tmp/roots] [--suite bookworm] [--suite trixie]

Needs root and a network. For each suite a root is made by debootstrap, once. In it a new user copies the
working tree and runs every line of the blocks in `SECTIONS` as it stands. Then the unit that
`edge-node install` wrote is verified and judged by the root's own systemd, and its ExecStart runs as a user
of its own, with the state folder and the credential that systemd would prepare, until its verdicts reach a
broker that wants the password. At the end it is uninstalled by the guide's line.

No systemd runs in a root: `systemctl` lines are left out, and the unit's sandbox is not imitated. Settings of
pip and proxies are taken from the environment; certificates that they name are copied into the root.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.endurance.unit_run import run_exec_start

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
GUIDE = REPOSITORY / ".readme" / "operator.md"
SECTIONS = ("## Install", "## First start", "## Run as a service")
LAST_SECTION = "## Uninstall"
PACKAGES = "python3,python3-venv,ca-certificates,procps,systemd,sudo"  # beside what is essential
USER, CLONE = "pi", "/home/pi/clone"
UNIT = "/etc/systemd/system/corrosion-edge.service"
RUN_S = 8.0  # how long `edge-node run` may look for its camera before Ctrl-C
STEP_S = 1800.0  # of a slow network
HANDED_ON = (
    *("PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)
EXPOSURE_TENTHS = 15


@dataclass
class Root:
    """A Debian root and what failed in it."""

    path: Path
    failures: list[str] = field(default_factory=list)

    def run(self, line: str, *, user: str = "root") -> subprocess.CompletedProcess[str]:
        """Run a shell line in the root, in a name space whose mounts end with it."""
        mounts = f'mount -t proc proc {self.path}/proc && mount --rbind /dev {self.path}/dev && exec "$@"'
        unshared = ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts, "sh"]
        login = ["chroot", str(self.path), "su", "-", user, "-s", "/bin/bash", "-c", line]
        return subprocess.run(
            [*unshared, *login], capture_output=True, text=True, errors="replace", timeout=STEP_S, check=False
        )

    def step(self, line: str, *, begin: str = "", user: str = "root", wanted: tuple[int, ...] = (0,)) -> str:
        """Run ``begin`` and ``line``, report the latter with its time and last words; return what it said."""
        began_s = time.monotonic()
        found = self.run(begin + line, user=user)
        output = (found.stdout + found.stderr).strip()
        is_good = found.returncode in wanted and "Traceback" not in output
        self.report(line, began_s, output.splitlines()[-1] if output else "", is_good=is_good)
        if not is_good:
            self.failures.append(f"{line}: exit code {found.returncode}\n{output[-3000:]}")
        return output

    def report(self, what: str, began_s: float, said: str, *, is_good: bool) -> None:
        """Print a step's fate, its time and what it said."""
        took_s = time.monotonic() - began_s
        print(f"{'ok  ' if is_good else 'FAIL'} {took_s:6.1f} s  {what.partition('  #')[0].strip()}")
        print(f"               {said[:140]}")


def main() -> int:
    """Run everything in each root; 1 if anything failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--roots", type=Path, default=Path("/tmp/roots"))  # noqa: S108  # may be deleted
    parser.add_argument("--suite", action="append", help="bookworm and trixie if none is given")
    parser.add_argument("--mirror", default="http://deb.debian.org/debian")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("needs root: it makes roots and changes into them", file=sys.stderr)
        return 2
    failures = []
    for suite in args.suite or ["bookworm", "trixie"]:
        print(f"== {suite}")
        root = Root(args.roots / suite)
        prepare_root(root, suite, args.mirror)
        begin = _run_guide(root)
        _check_unit(root)
        _uninstall(root, begin)
        failures += [f"{suite}: {failure}" for failure in root.failures]
    print("\n".join(failures) or "every line ran")
    return 1 if failures else 0


def shell_lines(guide: str, sections: Sequence[str]) -> list[str]:
    """Return the shell lines of a guide's sections, in order."""
    texts = [guide.partition(f"\n{section}\n")[2].partition("\n## ")[0] for section in sections]
    blocks = [block for text in texts for block in re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)]
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def prepare_root(root: Root, suite: str, mirror: str) -> None:
    """Make the root if it is not there, a new user in it, and that user's copy of the working tree."""
    if not (root.path / "usr/bin/python3").exists():
        make = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root.path), mirror]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
    shutil.copy("/etc/resolv.conf", root.path / "etc/resolv.conf")
    _copy_certificates(root)
    if not all((root.path / program).exists() for program in ("usr/bin/sudo", "usr/bin/kill")):
        names = PACKAGES.replace(",", " ")
        root.step(f"apt-get update -qq && apt-get install -qq -y --no-install-recommends {names}")
    gone = f"/opt/corrosion-edge /etc/corrosion-edge /var/lib/corrosion-edge {UNIT}*"
    root.run(f"userdel --remove {USER}; rm -rf {gone}")
    root.step(f"useradd --create-home --shell /bin/bash {USER}")
    rule = f'Defaults env_keep += "{" ".join(HANDED_ON)}"\n{USER} ALL=(ALL) NOPASSWD: ALL\n'
    (root.path / "etc/sudoers.d/robot").write_text(rule, encoding="utf-8")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    clone = root.path / CLONE.lstrip("/")
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, clone / name)
    root.run(f"chown -R {USER}:{USER} {CLONE}")


def shell_start() -> str:
    """Return what each shell of the user begins with: settings of pip, and the clone's folder."""
    exports = [f"export {name}='{os.environ[name]}'" for name in HANDED_ON if name in os.environ]
    return "; ".join([*exports, f"cd {CLONE}"]) + "; "


def run_unit(root: Root) -> None:
    """Run the ExecStart of the installed unit as its user, until a verdict arrives; report it as a step."""
    began_s = time.monotonic()
    try:
        said, is_good = run_exec_start(root.path, root.path / UNIT.lstrip("/")), True
    except (OSError, RuntimeError) as err:
        said, is_good = str(err), False
        root.failures.append(f"ExecStart: {err}")
    root.report("ExecStart of the unit, as a user of its own", began_s, said, is_good=is_good)


def _copy_certificates(root: Root) -> None:
    for name in HANDED_ON:
        file = Path(os.environ.get(name, ""))
        if file.is_absolute() and file.is_file():
            target = root.path / str(file).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)


def _run_guide(root: Root) -> str:
    """Run the guide's lines as the new user, a shell for each; return what each shell begins with."""
    begin = shell_start()
    for line in shell_lines(GUIDE.read_text(encoding="utf-8"), SECTIONS):
        if "systemctl" in line:
            print(f"--             {line}   (no systemd runs here)")
        elif line.startswith("edge-node run"):
            until = f"{begin}timeout --signal=INT {RUN_S:g} "
            output = root.step(
                line, begin=until, user=USER, wanted=(0, 124)
            )  # 124: it was ended by the signal
            if "SIGINT: stopping" not in output:
                root.failures.append(f"{line}: did not run until Ctrl-C\n{output[-2000:]}")
        else:
            root.step(line, begin=begin, user=USER)
            if line.startswith(". "):  # goes on in every later shell
                begin += line.partition("#")[0].strip() + "; "
    return begin


def _check_unit(root: Root) -> None:
    """Let the root's systemd judge the unit, then run its ExecStart as its user."""
    root.step(f"systemd-analyze verify {UNIT}")
    root.step(f"systemd-analyze security --offline=true --threshold={EXPOSURE_TENTHS} --no-pager {UNIT}")
    run_unit(root)


def _uninstall(root: Root, begin: str) -> None:
    """Uninstall by the guide's line, and see that only configuration and recordings are left."""
    for line in shell_lines(GUIDE.read_text(encoding="utf-8"), [LAST_SECTION]):
        if "--uninstall" in line:
            root.step(line, begin=begin, user=USER)
    gone = ("opt/corrosion-edge", "usr/local/bin/edge-node", UNIT.lstrip("/"))
    if left := [name for name in gone if (root.path / name).exists()]:
        root.failures.append(f"uninstalled, and still there: {', '.join(left)}")
    if not (root.path / "etc/corrosion-edge/node.toml").exists():
        root.failures.append("uninstalled without --purge, and the configuration is gone")


if __name__ == "__main__":
    sys.exit(main())
