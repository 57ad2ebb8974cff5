"""Pictures of plates, made up, and the recipe of a cascade that is trained on them."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING
from unittest.mock import patch

import cv2
import numpy as np

from tests.support.processes import command
from tests.support.subcommands import command_here

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SIZE_PX = 64


def noisy_picture(random: np.random.Generator, colour: tuple[int, int, int]) -> np.ndarray:
    """Return a picture of 80 x 80 of one colour with noise."""
    noise = random.normal(0, 25, (80, 80, 3))
    return np.clip(np.asarray(colour) + noise, 0, 255).astype(np.uint8)


def write_plates(folder: Path) -> Path:
    """Write plates of two made-up metals, grey and bluish, half of each with a brown half and its mask."""
    random = np.random.default_rng(0)
    rows = ["file,set,source,licence,group,material,corroded,severity,mask"]
    for index in range(48):
        metal = ("steel", "aluminium")[index % 2]
        pixels = noisy_picture(random, (120, 120, 120) if metal == "steel" else (190, 160, 140))
        corroded, mask = index // 2 % 2, ""
        if corroded:
            pixels[:, :40] = noisy_picture(random, (30, 70, 150))[:, :40]
            mask = f"{index}_mask.png"
            cv2.imwrite(str(folder / mask), np.repeat(np.uint8([[255, 0]]), 40, axis=1).repeat(80, axis=0))
        cv2.imwrite(str(folder / f"{index}.png"), pixels)
        licence = "CC0" if index < 40 else "none stated"
        rows.append(f"{index}.png,plates,s{index % 3},{licence},g{index // 2},{metal},{corroded},,{mask}")
    (folder / "labels.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def write_recipe(folder: Path, text: str) -> Path:
    """Write a recipe, as a rule ``CASCADE`` with a change."""
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


CASCADE = f"""
name = "plates"
root = "material"
licence = "CC0"
[training]
architecture = "efficientnet_lite0"
size_px = {SIZE_PX}
fine_tune = 3
copies = 1
steps = 60
leave_out_licences = ["none stated"]
[[stage]]
name = "material"
column = "material"
labels = ["aluminium", "steel"]
routes = {{ steel = "steel" }}
otherwise = "steel"
abstain_below = 0.6
[[stage]]
name = "steel"
column = "corroded"
labels = ["corroded", "uncorroded"]
where = {{ material = ["steel"] }}
map_from = "where"
[[stage]]
name = "where"
column = "corroded"
labels = ["corroded", "uncorroded"]
learn = "positions"
"""


def run_retrain(*arguments) -> subprocess.CompletedProcess[str]:
    """Run ``converter retrain`` in this process; its run folder is not kept."""
    with tempfile.TemporaryDirectory() as runs, patch.dict(os.environ):  # which the command changes for good
        return command_here("converter.cli", "retrain", *map(str, arguments), "--runs_dir", runs)


def retrain_apart(*arguments) -> subprocess.CompletedProcess[str]:
    """Run ``converter retrain`` in a process of its own."""
    with tempfile.TemporaryDirectory() as runs:
        words = ("retrain", *map(str, arguments), "--runs_dir", runs)
        return command("converter.cli", *words, timeout=300)
