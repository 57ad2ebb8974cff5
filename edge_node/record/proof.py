"""Tell up to which number a robot's record is proved, from its ranges, checkpoints and what it gave up. Pure.

A signature proves the number that its checkpoint names, and the chain all before it, as far as nothing
breaks it: across what a checkpoint names as given up, and into the epoch before, whose end the first verdict
names. ``verification.py`` says the same of a record that is there as a whole, verdict by verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from edge_node.record.chain_ranges import Break, ChainRanges, RangeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


class ProofState(str, Enum):
    """What a record is worth, from the best to the worst."""

    PROVED = "proved"  # signed, and nothing is missing that no checkpoint names
    PARTLY = "partly_proved"  # signed, but not back to the beginning
    UNPROVED = "unproved"  # the chain is unbroken, and no signature that this room trusts reaches it
    NOT_CHAINED = "not_chained"  # made by a version without the chain
    BROKEN = "broken"  # verdicts were changed, exchanged or taken out


@dataclass(frozen=True, slots=True)
class End:
    """A verdict of an epoch and its hash, as the epoch behind it or a checkpoint names it."""

    epoch: str
    seq: int
    sha256: bytes | None


@dataclass(frozen=True, slots=True)
class SignedEnd:
    """What a checkpoint says.

    Attributes:
        end: how far the epoch went.
        before: the end of the epoch before.
        is_trusted: its signature holds, by a key that the room names for the robot.
    """

    end: End
    before: End | None
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class GivenUpRange:
    """Numbers that a checkpoint says will not come; ``previous_sha256`` is of the verdict before them."""

    first: int
    last: int
    previous_sha256: bytes | None
    is_trusted: bool


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What a room holds of one epoch.

    Attributes:
        from_start: it is expected from its number 1; not so an epoch that may have begun before the room.
        before: the end of the epoch before, as its first verdict names it.
    """

    name: str
    ranges: ChainRanges
    from_start: bool = True
    before: End | None = None
    signed: Sequence[SignedEnd] = ()
    given_up: Sequence[GivenUpRange] = ()


@dataclass(frozen=True, slots=True)
class EpochProof:
    """What is proved of an epoch.

    Attributes:
        last: the highest number that came.
        proved_from: the lowest of the numbers that a signature reaches without a gap that nobody names.
        proved_to: the highest of them; 0 if none is reached.
        signed_to: the highest number that a trusted checkpoint names, whether it came or not.
        breaks: of the chain.
        unnamed: missing numbers that no checkpoint names, though the robot makes checkpoints.
        problems: sentences on what contradicts the record, without the breaks.
    """

    name: str
    state: ProofState
    last: int
    proved_from: int = 0
    proved_to: int = 0
    signed_to: int = 0
    breaks: tuple[Break, ...] = ()
    unnamed: tuple[tuple[int, int], ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(slots=True)
class _Epoch:
    record: EpochRecord
    points: list[End] = field(default_factory=list)
    followers: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def prove_epochs(
    epochs: Sequence[EpochRecord], find_hash: Callable[[str, int], bytes | None]
) -> dict[str, EpochProof]:
    """Return what is proved of each epoch of one robot, each before the one that it follows.

    Args:
        epochs: all that is known of it, the newest first as far as that is known.
        find_hash: the hash of a stored verdict by epoch and number; None if it is not there any more.
    """
    known = {one.name: _Epoch(one) for one in epochs}
    for name, epoch in known.items():
        ends = {epoch.record.before, *(one.before for one in epoch.record.signed if one.is_trusted)} - {None}
        for end in ends:
            if end is not None and end.epoch in known and end.epoch != name:
                known[end.epoch].followers.add(name)
                _check_end(known[end.epoch], end, find_hash, f"the epoch behind it, {name}, names")
        if len({(end.seq, end.sha256, end.epoch) for end in ends if end is not None}) > 1:
            epoch.problems.append(
                "its first verdict and a checkpoint name different ends of the epoch before"
            )
    found = {}
    for name in _followers_first(known):
        proof = _prove(known[name], find_hash)
        found[name] = proof
        _pass_on(known, known[name], proof)
    return found


def _followers_first(known: Mapping[str, _Epoch]) -> Iterator[str]:
    """Yield the epochs, each behind those that follow it."""
    done: set[str] = set()
    for name in known:
        path = [name]
        while path:
            at = path[-1]
            ahead = next((one for one in known[at].followers if one not in done and one not in path), None)
            if ahead is not None:
                path.append(ahead)
                continue
            path.pop()
            if at not in done:
                done.add(at)
                yield at


def _pass_on(known: Mapping[str, _Epoch], epoch: _Epoch, proof: EpochProof) -> None:
    """Prove the end of the epoch before by what this one proves."""
    ends = [one.before for one in epoch.record.signed if one.is_trusted]
    if proof.proved_to and proof.proved_from == 1:
        ends.append(epoch.record.before)
    for end in ends:
        if end is not None and end.epoch in known and end.epoch != epoch.record.name:
            known[end.epoch].points.append(end)


def _prove(epoch: _Epoch, find_hash: Callable[[str, int], bytes | None]) -> EpochProof:
    record, ranges = epoch.record, epoch.record.ranges
    trusted = [one.end for one in record.signed if one.is_trusted and one.end.seq]
    for end in trusted:
        _check_end(epoch, end, find_hash, "a signed checkpoint names")
    if len(epoch.followers) > 1:
        names = ", ".join(sorted(epoch.followers)[:4])
        epoch.problems.append(
            f"{len(epoch.followers)} epochs follow it ({names}): two histories of one robot"
        )
    last = max((one.last for one in ranges), default=0)
    low, high, passed = 0, 0, list[Break]()
    for end in sorted((*trusted, *epoch.points), key=lambda one: -one.seq):
        reached = _reach(record, end, find_hash)
        if reached is not None:
            low, high, passed = reached
            break
    breaks = (*ranges.breaks(), *passed)
    signed_to = max((end.seq for end in (*trusted, *epoch.points)), default=0)
    makes_checkpoints = bool(record.signed or epoch.points)
    unnamed = tuple(_unnamed(record, max(last, signed_to))) if makes_checkpoints else ()
    kinds = {one.kind for one in ranges}
    if breaks or epoch.problems:
        state = ProofState.BROKEN
    elif high:
        begins = min((one.first for one in ranges), default=1)
        state = ProofState.PROVED if low <= begins and not unnamed else ProofState.PARTLY
    elif kinds and not kinds & {RangeKind.LINKED, RangeKind.TANGLED}:
        state = ProofState.NOT_CHAINED
    else:
        state = ProofState.UNPROVED
    return EpochProof(
        name=record.name,
        state=state,
        last=last,
        proved_from=low,
        proved_to=high,
        signed_to=signed_to,
        breaks=breaks,
        unnamed=unnamed,
        problems=tuple(dict.fromkeys(epoch.problems)),
    )


def _check_end(epoch: _Epoch, end: End, find_hash: Callable[[str, int], bytes | None], who: str) -> None:
    """Note that the verdict which is named as an end is another one."""
    found = _hash_at(epoch.record, end.seq, find_hash)
    if found is not None and end.sha256 is not None and found != end.sha256:
        named, here = end.sha256.hex()[:16], found.hex()[:16]
        epoch.problems.append(f"number {end.seq}: {who} the hash {named}, the one that came has {here}")


def _hash_at(record: EpochRecord, seq: int, find_hash: Callable[[str, int], bytes | None]) -> bytes | None:
    held = record.ranges.find(seq)
    if held is None:
        return None
    return held.last_sha256 if held.last == seq else find_hash(record.name, seq)


def _reach(
    record: EpochRecord, end: End, find_hash: Callable[[str, int], bytes | None]
) -> tuple[int, int, list[Break]] | None:
    """Return the numbers from which to which a signed end proves verdicts, and what breaks them below.

    None if it proves none: its own verdict is not here, or is another one.
    """
    number, wanted = end.seq, end.sha256
    if record.ranges.find(number) is None:
        number, wanted = _step_over(record, number + 1)
    if number < 1 or wanted is None or _hash_at(record, number, find_hash) != wanted:
        return None
    held = record.ranges.find(number)
    low = number
    while held is not None and held.kind is RangeKind.LINKED:
        low = held.first
        before, named = _step_over(record, low)
        if before < 1:
            return 1, number, []
        if before == low - 1 or named is None:  # a break, or a gap that nobody names
            return low, number, []
        held = record.ranges.find(before)
        if held is not None and held.last_sha256 != named:
            return low, number, [Break(low, named, held.last_sha256)]
    return low, number, []


def _step_over(record: EpochRecord, seq: int) -> tuple[int, bytes | None]:
    """Return the number before ``seq`` across what was given up, and the hash that it should have."""
    before, named = seq - 1, None
    while before >= 1 and record.ranges.find(before) is None:
        one = next(
            (one for one in record.given_up if one.is_trusted and one.first <= before <= one.last), None
        )
        if one is None:
            return before + 1, None
        before, named = one.first - 1, one.previous_sha256
    return before, named


def _unnamed(record: EpochRecord, last: int) -> Iterator[tuple[int, int]]:
    """Yield the missing numbers up to ``last`` that no checkpoint names."""
    held = list(record.ranges)
    expected = 1 if record.from_start or not held else held[0].first
    given_up = sorted((one.first, one.last) for one in record.given_up)
    for first, end in (*((one.first, one.last) for one in held), (last + 1, last + 1)):
        at = expected
        for begin, stop in given_up:
            if stop < at or begin >= first:
                continue
            if begin > at:
                yield at, begin - 1
            at = max(at, stop + 1)
        if at < first:
            yield at, first - 1
        expected = end + 1
