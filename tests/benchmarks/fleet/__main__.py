"""How many robots does one broker and one room carry, and what gives way first?

    python -m tests.benchmarks.fleet [--robots 10,25,50,100,200] [--rates 1,10] [--seconds 20] [--profile]

Every robot is the node from the spool on (``robots.py``), the broker a mosquitto that queues without a bound,
the room a subscriber that decodes and counts (``room.py``), or the real control room with its history on disk
(``--room control-room``; ages are until it begins to write, and nobody looks at its page). A row for each
fleet: what was wanted, what the room had, its age from capture to the room, lost, doubled, and the share of a
core, the processor time per verdict and the memory of broker, room and robots, each apart. The line below
names what is full first, broker or room, and at how many verdicts a second, from the processor time per
verdict of the largest fleet.

Ages are only good on a quiet machine; processor times per verdict also on a busy one.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import product

from tests.benchmarks.fleet.measure import Fleet, measure

PARTS = ("broker", "room", "robots")
HEADER = (
    f"{'robots':>6} {'Hz':>4} {'wanted/s':>9} {'had/s':>8} {'lost':>5} {'twice':>5}"
    f" {'age p50':>8} {'p95':>8} {'p99 ms':>8}"
    + "".join(f" | {part:>7} {'ms/verdict':>10} {'MB':>6}" for part in PARTS)
)


def main() -> None:
    """Measure each fleet and print its row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--robots", type=_numbers, default=[10, 25, 50, 100, 200], metavar="N,N,...")
    parser.add_argument("--rates", type=_numbers, default=[1, 10], metavar="HZ,HZ,...")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument(
        "--room",
        choices=("counter", "control-room"),
        default="counter",
        help="who listens: a subscriber that decodes and counts, or the real `edge-node control-room`",
    )
    parser.add_argument(
        "--profile", action="store_true", help="say where the room's time goes (wants py-spy)"
    )
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    fleets = []
    sizes = list(product(args.rates, args.robots))
    if not args.json:
        print(HEADER)
    for rate_hz, robots in sizes:
        fleets.append(measure(int(robots), rate_hz, args.seconds, room_kind=args.room, profile=args.profile))
        if args.json:
            print(f"{len(fleets)} of {len(sizes)} fleets", file=sys.stderr)
        else:
            print(row(fleets[-1]), flush=True)
            for step, share in fleets[-1].room_shares:
                print(f"{share:>10.1%}  {step}", flush=True)
    if args.json:
        print(json.dumps([fleet.as_dict() for fleet in fleets], indent=2))
    else:
        print(bottleneck(fleets[-1]))


def row(fleet: Fleet) -> str:
    """Return a fleet as a line of the table."""
    figures = fleet.as_dict()
    line = (
        f"{fleet.robots:>6} {fleet.rate_hz:>4g} {fleet.wanted_per_s:>9.0f} {fleet.delivered_per_s:>8.1f}"
        f" {fleet.lost:>5} {fleet.twice:>5}"
        f" {fleet.age_p50_ms:>8.1f} {fleet.age_p95_ms:>8.1f} {fleet.age_p99_ms:>8.1f}"
    )
    for part in PARTS:
        busy, cost, size = (figures[f"{name}_{part}"] for name in ("busy", "cpu_ms", "mb"))
        line += f" | {busy:>7.1%} {cost:>10.3f} {size:>6.0f}"
    return line


def bottleneck(fleet: Fleet) -> str:
    """Return which part is full first; broker and room have one thread that counts, robots are many."""
    full_per_s = {"broker": 1000 / fleet.cpu_ms_broker, "room": 1000 / fleet.cpu_ms_room}
    first = min(full_per_s, key=full_per_s.__getitem__)
    return (
        f"full first: the {first}, at about {full_per_s[first]:.0f} verdicts/s on one core like this one's"
        f" (broker {full_per_s['broker']:.0f}, room {full_per_s['room']:.0f});"
        f" a robot costs its own board {fleet.cpu_ms_robots:.2f} ms per verdict"
    )


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


if __name__ == "__main__":
    main()
