"""``converter bundle``: keys, signatures, and what cannot be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from converter.conversion.packing import pack
from edge_node.inference.bundle import DEFAULT_BUNDLE
from tests.support.processes import command
from tests.support.subcommands import command_here

if TYPE_CHECKING:
    from pathlib import Path

CONVERTER = "converter.cli"


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Mode 0600, never overwritten, and not used when others could have read it."""
    key = tmp_path / "key.pem"
    ran = command(CONVERTER, "bundle", "keygen", str(key))
    assert ran.returncode == 0, ran.stderr
    assert key.stat().st_mode & 0o777 == 0o600
    assert b"PUBLIC KEY" in (tmp_path / "key.public.pem").read_bytes()
    again = command_here(CONVERTER, "bundle", "keygen", str(key))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    file, _ = pack(DEFAULT_BUNDLE, tmp_path)
    key.chmod(0o644)
    ran = command_here(CONVERTER, "bundle", "sign", str(file), "--key", str(key))
    assert (ran.returncode, "lets others read" in ran.stderr) == (1, True)


def test_a_key_that_is_none_costs_no_signed_file(tmp_path: Path) -> None:
    """The file that is there stays as it is when what was to replace it cannot be signed."""
    file = tmp_path / "release.tar"
    file.write_bytes(b"signed yesterday")
    ran = command_here(
        CONVERTER, "bundle", "pack", str(DEFAULT_BUNDLE), str(file), "--key", str(tmp_path / "no")
    )
    assert (ran.returncode, "make one with `keygen`" in ran.stderr) == (1, True)
    assert file.read_bytes() == b"signed yesterday"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pack", "absent", "out.tar"), "absent: wanted a bundle folder"),
        (("pack", str(DEFAULT_BUNDLE), "out.tar", "--version", "1-rc1"), "has no order"),
        (("pack", str(DEFAULT_BUNDLE), "nowhere/out.tar"), "nowhere"),
        (("sign", "absent.tar", "--key", "absent.pem"), "absent.pem: No such file"),
        (("sign", "absent.tar", "--key", "absent.pem", "--valid-days", "0"), "wanted 1 to 3650 days"),
        (("sign", "absent.tar", "--key", "k", "--issued", "2026-11-24"), "a time zone too"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, said, tmp_path: Path, monkeypatch) -> None:
    """Packing or signing that cannot be done ends with a sentence on the cause, and no traceback."""
    monkeypatch.chdir(tmp_path)
    ran = command_here(CONVERTER, "bundle", *arguments)
    assert ran.returncode in (1, 2)
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
