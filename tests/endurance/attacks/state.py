"""Attacks on the state folder and its disk: old copies, a second start, evidence that fills the disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tests.endurance.attacks.rig import (
    TOPICS,
    Attack,
    CannotTry,
    Succeeded,
    conflicts,
    rig,
    start_beside,
    stop,
)
from tests.support.processes import command, daemon, wait_for
from tests.support.releases import Maker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.endurance.attacks.rig import Rig


def old_copy_over(folder: Path) -> str:
    """Copy an old state folder over the present one, as ``cp -a`` does."""

    def restore(robot: Rig, copy: Path) -> None:
        shutil.copytree(copy, robot.state, dirs_exist_ok=True)

    return _with_old_copy(folder, restore)


def old_copy_instead(folder: Path) -> str:
    """Remove the state folder and put an old copy in its place."""

    def restore(robot: Rig, copy: Path) -> None:
        shutil.rmtree(robot.state)
        shutil.copytree(copy, robot.state)

    return _with_old_copy(folder, restore)


def spool_only(folder: Path) -> str:
    """Put back an old copy of the spool's database alone."""

    def restore(robot: Rig, copy: Path) -> None:
        for file in copy.glob("spool.sqlite*"):
            shutil.copy2(file, robot.state / file.name)

    return _with_old_copy(folder, restore)


def second_start(folder: Path) -> str:
    """Run the daemon three times more beside the running one."""
    with rig(folder) as robot, robot.running() as process:
        process.send_signal(signal.SIGSTOP)  # so that only the others could change anything
        before = _contents(robot.state)
        said = {start_beside(robot.config).stderr.strip().splitlines()[-1] for _ in range(3)}
        changed = {name for name, content in _contents(robot.state).items() if before.get(name) != content}
        process.send_signal(signal.SIGCONT)
        if changed or set(before) - set(_contents(robot.state)):
            raise Succeeded(f"the second start changed {sorted(changed)}")
        robot.must_go_on("after the second start")
        return f"refused, nothing changed: {said.pop()[:70]}"


def second_start_on_trial(folder: Path) -> str:
    """Run the daemon three times more while a bundle is on trial: the trial goes on."""
    maker = Maker(folder)
    bundle = f'path = "store"\ntrusted_keys = ["{maker.public}"]\ntrial_verdicts = 100000'
    with rig(folder, bundle=bundle) as robot:
        robot.state.mkdir(mode=0o700)
        file = maker.bundle("9999.1")
        installed = command("edge_node.cli", "bundle", "install", str(file), "--config", str(robot.config))
        if installed.returncode:
            raise CannotTry(f"no bundle to try: {installed.stderr[-200:]}")
        with robot.running():
            for _ in range(3):
                start_beside(robot.config)
            robot.must_go_on("after the second start")
        with robot.running():
            listed = command("edge_node.cli", "bundle", "list", "--json", "--config", str(robot.config))
        if "rolled_back" in listed.stdout or '"9999.1"' not in listed.stdout.replace(" ", ""):
            raise Succeeded(f"the trial ended: {listed.stdout[-300:]}")
        return "the version is still on trial"


def foreign_files(folder: Path) -> str:
    """Put links and folders where the spool's files belong: the node refuses, and touches nothing there."""
    with rig(folder) as robot:
        robot.run_for(1.0)
        victim = folder / "victim"
        victim.write_text("untouched", encoding="ascii")
        refused = 0
        for name in ("spool.sqlite", "spool.sqlite-wal", "spool.sqlite-shm", "spool.sqlite-lock"):
            for replace in (
                lambda path: path.symlink_to(victim),
                Path.mkdir,
                lambda path: path.hardlink_to(victim),
            ):
                place, aside = robot.state / name, folder / "aside"
                if place.exists():
                    place.rename(aside)
                replace(place)
                answer = start_beside(robot.config)
                if (
                    answer.returncode == 0
                    or "Traceback" in answer.stderr
                    or victim.read_text() != "untouched"
                ):
                    raise Succeeded(f"{name}: code {answer.returncode}, {answer.stderr[-200:]}")
                refused += 1
                place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
                if aside.exists():
                    aside.rename(place)
        robot.run_for(1.0)
        return f"{refused} refused in a sentence, the file behind is untouched, the spool is whole"


def lost_evidence(folder: Path) -> str:
    """Take the folder of the pictures away, then give it back: a state in status, told once each."""
    sections = "[evidence]\nsample_every = 1\nmin_interval_s = 0.0\n"
    with rig(folder, sections=sections) as robot, robot.running():
        pictures = robot.state / "evidence"
        pictures.rename(folder / "gone")
        pictures.write_text("", encoding="ascii")

        def states() -> list[str]:
            told = [json.loads(message.payload) for message in robot.room.of(TOPICS.status)]
            return [one["evidence"]["state"] for one in told if one.get("evidence")]

        wait_for(lambda: states()[-1:] == ["failing"], 30, "the loss in the status")
        robot.must_go_on("without pictures")
        time.sleep(5.0)
        pictures.unlink()
        wait_for(lambda: states()[-1:] == ["ok"], 60, "the pictures' return in the status")
        lines = [line for line in robot.log().splitlines() if "evidence" in line]
        if len(lines) > 3:
            raise Succeeded(f"{len(lines)} lines in the log")
        return f"failing and ok in the status, {len(lines)} lines in the log"


def full_of_evidence(folder: Path) -> str:
    """Let dense pictures fill a disk of 24 MB while the broker is away."""
    with _small_disk(folder / "disk", 24) as disk:
        dense = "[evidence]\nsample_every = 1\nmin_interval_s = 0.0\njpeg_quality = 95\n"
        with rig(folder, sections=dense, fps=10) as robot:
            _write_dense_pictures(folder / "pictures")
            robot.state = disk / "state"
            robot.configure()
            robot.run_for(1.0)
            robot.configure(port=1)  # where nobody listens
            _run_unheard(robot, 60.0)
            robot.configure()
            robot.run_for(5.0)
            given_up = _given_up(robot)
            used = shutil.disk_usage(disk)
            if given_up:
                raise Succeeded(f"{given_up} verdicts given up for pictures")
            return f"{len(robot.verdicts())} verdicts, none given up; disk {used.used / used.total:.0%} full"


def _with_old_copy(folder: Path, restore) -> str:
    with rig(folder) as robot:
        robot.run_for(1.0)
        copy = folder / "copy"
        shutil.copytree(robot.state, copy)
        robot.run_for(2.0)
        restore(robot, copy)
        robot.run_for(2.0)
        twice = conflicts(robot.verdicts())
        if twice:
            raise Succeeded(f"{len(twice)} ids name two different verdicts")
        return f"{len(robot.verdicts())} verdicts, no id names two"


def _contents(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Digest, time of change and mode of every file below."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (digest, status.st_mtime_ns, status.st_mode)
    return found


@contextmanager
def _small_disk(folder: Path, size_mb: int) -> Iterator[Path]:
    folder.mkdir()
    if os.geteuid() != 0:
        raise CannotTry("mounting a small disk needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        raise CannotTry(f"no small disk can be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=False)


def _write_dense_pictures(folder: Path) -> None:
    noise = np.random.default_rng(2)
    for number in range(90):  # pictures that are alike are kept once
        picture = noise.integers(0, 255, (480, 640, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / f"{number}.jpg"), picture)


def _run_unheard(robot: Rig, seconds: float) -> None:
    with daemon(robot.config) as process:
        time.sleep(seconds)
        if process.poll() is not None:
            raise Succeeded(f"the daemon ended with code {process.returncode}: {robot.log()[-300:]}")
        stop(process)


def _given_up(robot: Rig) -> int:
    """Count the numbers that never came, of each epoch."""
    numbers: dict[str, set[int]] = {}
    for payload in robot.verdicts():
        verdict = json.loads(payload)
        numbers.setdefault(verdict["id"].split(":")[1], set()).add(verdict["seq"])
    return sum(max(seqs) - len(seqs) for seqs in numbers.values())


ATTACKS = (
    Attack("an old copy of the state folder over the present one", old_copy_over),
    Attack("an old copy of the state folder instead of the present one", old_copy_instead),
    Attack("an old copy of the spool alone", spool_only),
    Attack("a second start beside the running robot, three times", second_start),
    Attack("a second start while a bundle is on trial, three times", second_start_on_trial),
    Attack("links, folders and second names where the spool's files belong", foreign_files),
    Attack("the folder of the pictures gone, and back", lost_evidence),
    Attack("evidence that fills a disk of 24 MB without a link", full_of_evidence),
)
