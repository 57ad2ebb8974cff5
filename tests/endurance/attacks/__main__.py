"""Attacks a real robot and a real control room in every way thought of, and prints what came of each.

    python -m tests.endurance.attacks             # all, about a quarter of an hour
    python -m tests.endurance.attacks room:       # those on the control room
    python -m tests.endurance.attacks receipt     # those whose name has this word
    python -m tests.endurance.attacks --list

Needs mosquitto; libfaketime for the clock, root for a small disk. Each attack has a robot, a broker and a
folder of its own. Exit code 1 if one succeeded; what this machine cannot try is said, and is no success.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.endurance.attacks import (
    commands,
    links,
    page,
    record,
    room,
    room_clock,
    room_people,
    room_record,
    room_shares,
    state,
)
from tests.endurance.attacks.rig import CannotTry, Succeeded

ATTACKS = (
    *state.ATTACKS,
    *record.ATTACKS,
    *commands.ATTACKS,
    *links.ATTACKS,
    *page.ATTACKS,
    *room.ATTACKS,
    *room_clock.ATTACKS,
    *room_people.ATTACKS,
    *room_record.ATTACKS,
    *room_shares.ATTACKS,
)


def main() -> int:
    """Attack, and print a line for each attack."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("word", nargs="?", default="", help="only attacks whose name has it")
    parser.add_argument("--list", action="store_true", help="print the names")
    args = parser.parse_args()
    chosen = [attack for attack in ATTACKS if args.word in attack.name]
    if args.list or not chosen:
        print(*(attack.name for attack in ATTACKS), sep="\n")
        return 0 if args.list else 1
    succeeded = 0
    for number, attack in enumerate(chosen, 1):
        began_s = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="attack-") as folder:
            try:
                outcome = f"survived: {attack.attempt(Path(folder))}"
            except CannotTry as reason:
                outcome = f"not tried: {reason}"
            except (
                Succeeded,
                AssertionError,
                OSError,
                subprocess.TimeoutExpired,
                pytest.fail.Exception,
            ) as reason:
                succeeded += 1
                outcome = f"SUCCEEDED: {reason}"
        print(
            f"{number:>2}/{len(chosen)} {attack.name:<64} {outcome} ({time.monotonic() - began_s:.0f} s)",
            flush=True,
        )
    return 1 if succeeded else 0


if __name__ == "__main__":
    sys.exit(main())
