"""What is installed with the project: nothing with a known hole, and the lock files are what it asks for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement

from tests.support.lock_files import EXTRAS, FOLDER, list_environments, list_requirements, read_lock

ROOT = Path(__file__).resolve().parents[1]
# The last version with the hole, and the hole.
HOLES = {
    "starlette": ("0.49.0", "1.0.0", "1.2.1"),  # CVE-2025-62727, CVE-2026-48710, ranges beyond a file
    "h11": ("0.14.0",),  # CVE-2025-43859
    "opencv-python-headless": ("4.8.0.76", "4.10.0.84", "4.11.0.86"),  # CVE-2023-4863, CVE-2025-53644
    "cryptography": ("44.0.0", "46.0.6", "49.0.0"),  # CVE-2024-12797, CVE-2026-39892, CVE-2026-69247
    "pillow": ("10.0.0", "11.2.1", "12.1.0", "12.2.0"),  # CVE-2023-4863, CVE-2025-48379, CVE-2026-59200
    "jinja2": ("3.1.5",),  # CVE-2025-27516
    "fonttools": ("4.60.1",),  # CVE-2025-66034
    "mako": ("1.3.5",),  # CVE-2026-41205
    "scikit-learn": ("1.4.2",),  # CVE-2024-5206
    "requests": ("2.32.3",),  # CVE-2024-47081
    "urllib3": ("2.5.0",),  # CVE-2025-66418, CVE-2025-66471
    "setuptools": ("78.1.0",),  # CVE-2025-47273
}


def list_all() -> list[Requirement]:
    """Every requirement of the project: of the base, of the extras, and of the build."""
    document = msgspec.toml.decode((ROOT / "pyproject.toml").read_bytes())
    project = document["project"]
    lines = [*document["build-system"]["requires"], *project["dependencies"]]
    lines += [line for extra in project["optional-dependencies"].values() for line in extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("name", sorted(HOLES))
def test_no_version_with_a_known_hole_is_allowed(name: str) -> None:
    """Wherever the project asks for the package."""
    asked = [one for one in list_all() if one.name == name]
    assert asked
    for requirement in asked:
        for version in HOLES[name]:
            assert not requirement.specifier.contains(version), f"{requirement} allows {version}"


@pytest.mark.parametrize("name", sorted(EXTRAS))
def test_a_lock_file_holds_what_the_project_asks_for(name: str) -> None:
    """On each Python and machine: every requirement at a version that it allows, each package once, hashed.

    If it does not: ``python -m tests.support.lock_files``.
    """
    lock = read_lock(name)
    for requirement, hashes in lock:
        assert hashes, requirement
        assert all(one.startswith("sha256:") and len(one) == 71 for one in hashes)
    for environment in list_environments():
        here = [one for one, _ in lock if one.marker is None or one.marker.evaluate(environment)]
        assert max(Counter(one.name for one in here).values()) == 1
        versions = {one.name: next(iter(one.specifier)).version for one in here}
        for wanted in list_requirements(name):
            if wanted.marker is None or wanted.marker.evaluate(environment):
                assert wanted.specifier.contains(versions[wanted.name]), (wanted, versions.get(wanted.name))
        for package, bad in HOLES.items():
            assert versions.get(package) not in bad


def test_a_lock_file_names_no_place() -> None:
    """Where packages come from is the business of whoever installs them."""
    for name in EXTRAS:
        text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
        assert "://" not in text
        assert "index" not in text
