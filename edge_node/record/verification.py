"""Verify a record: that nothing in it was changed, and that nothing is missing which nobody named.

What proves what: a verdict names the hash of the one before, an epoch's first verdict the end of the epoch
before, and a signed checkpoint the newest of all. So one signature reaches back to the first verdict, as far
as nothing breaks the chain; the ranges in checkpoints carry it across what the robot itself gave up.
"""

from __future__ import annotations

from itertools import chain, groupby
from typing import TYPE_CHECKING

from edge_node.messages.plain_text import counted
from edge_node.messages.verdict import EpochEnd
from edge_node.record.epoch_numbers import NO_CHAIN, EpochNumbers
from edge_node.record.lines import CheckpointLine, LineError, parse_line
from edge_node.record.report import EpochReport, RecordReport, RobotReport

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from edge_node.messages.checkpoint import Checkpoint
    from edge_node.record.lines import Line
    from edge_node.signing import TrustedKey

_MANY = 2  # broken links, and half of all, that look like another encoding
_MOST_LINES = 1000  # unreadable lines that are listed


def verify(
    lines: Iterable[tuple[str, bytes]], keys: Sequence[TrustedKey] = (), *, is_part: bool = False
) -> RecordReport:
    """Check a record and return what was found.

    Args:
        lines: of the record, each with its place for messages.
        keys: that may have signed the checkpoints; none: signatures are not checked.
        is_part: what came before the record's beginning is not asked for.
    """
    robots: dict[str, _RobotRecord] = {}
    problems: list[str] = []
    left_out = 0
    for place, line in lines:
        if not line.strip():
            continue
        try:
            found = parse_line(line)
        except LineError as err:
            problems += [f"{place}: {err}"][: _MOST_LINES - len(problems)]
            continue
        if found is None:
            left_out += 1
        else:
            robots.setdefault(found.robot, _RobotRecord(keys)).add(found)
    homes = {epoch: name for name, robot in robots.items() for epoch in robot.epochs}
    return RecordReport(
        robots=tuple(robot.report(name, homes, is_part=is_part) for name, robot in sorted(robots.items())),
        problems=tuple(problems),
        left_out=left_out,
        signatures_checked=bool(keys),
    )


class _RobotRecord:
    """Collect the record of one robot, then check it."""

    def __init__(self, keys: Sequence[TrustedKey]) -> None:
        self._keys = {key.key_id.hex(): key for key in keys}
        self._epochs: dict[str, EpochNumbers] = {}
        self._checkpoints: list[Checkpoint] = []
        self._followers: dict[str, dict[str, list[EpochEnd]]] = {}
        self._homes: Mapping[str, str] = {}
        self._problems: list[str] = []
        self._notes: list[str] = []

    @property
    def epochs(self) -> list[str]:
        """The epochs of which anything is here."""
        return list(self._epochs)

    def add(self, line: Line) -> None:
        """Add a verdict, or a checkpoint if its signature holds or no key is there to check it."""
        if not isinstance(line, CheckpointLine):
            self._epoch(line.epoch).add(line)
            return
        found = line.checkpoint
        if self._keys:
            key = self._keys.get(found.key_id)
            if key is None or not key.holds_checkpoint(found.signature, line.head):
                why = "its signature does not hold" if key else f"another key signed it ({found.key_id[:16]})"
                self._problems.append(f"{found.epoch}: checkpoint {found.seq}: {why}")
                return
        self._checkpoints.append(found)
        for one in found.given_up:
            self._epoch(one.epoch).given_up.append(one)
        if not found.last_seq:  # a run without a verdict is no epoch that another could follow
            return
        epoch = self._epoch(found.epoch)
        epoch.is_first |= found.previous_epoch is None
        if found.previous_epoch is not None and found.previous_epoch not in epoch.before:
            epoch.before.append(found.previous_epoch)
        epoch.named += _ends(found)
        if found.final:
            epoch.final = found.last_seq

    def report(self, name: str, homes: Mapping[str, str], *, is_part: bool) -> RobotReport:
        """Check everything that was added; to be called once.

        Args:
            name: of the robot.
            homes: the robot of each epoch in the record: a robot that is renamed goes on with its chain.
            is_part: what came before the record's beginning is not asked for.
        """
        self._homes = homes
        self._link()
        order = self._order()
        beginning = self._beginning(order) if is_part else set()
        for one in order:
            self._check_gaps(one, is_beginning=one in beginning)
            self._check_before(one, is_first=one == order[0], is_beginning=one in beginning)
            self._check_contents(one)
            self._check_end(one)
        signed_up_to = self._check_signatures(order) if self._keys else ""
        return RobotReport(
            robot=name,
            epochs=tuple(self._epoch_report(one) for one in order),
            checkpoints=len(self._checkpoints),
            signed_up_to=signed_up_to,
            problems=tuple(dict.fromkeys(self._problems)),
            notes=tuple(self._notes),
        )

    def _epoch(self, name: str) -> EpochNumbers:
        return self._epochs.setdefault(name, EpochNumbers())

    def _link(self) -> None:
        """Find out which epoch follows which, by first verdicts and checkpoints."""
        for name, epoch in self._epochs.items():
            epoch.note_before()
            for end in epoch.before:
                self._followers.setdefault(end.epoch, {}).setdefault(name, []).append(end)
        for name, epoch in self._epochs.items():
            epoch.named += chain.from_iterable(self._followers.get(name, {}).values())
            epoch.prepare()

    def _order(self) -> list[str]:
        """Return the epochs' names, each behind the one that it follows."""
        order: dict[str, None] = {}
        for name in self._epochs:
            path: dict[str, None] = {}
            at = name
            while at in self._epochs and at not in order and at not in path:
                path[at] = None
                at = next((end.epoch for end in self._epochs[at].before), "")
            order.update(dict.fromkeys(reversed(path)))
        return list(order)

    def _beginning(self, order: list[str]) -> set[str]:
        """Return the epochs up to the first of which a verdict is here, and those only named as given up."""
        at = next((at for at, name in enumerate(order) if self._epochs[name].verdicts), len(order) - 1)
        return {*order[: at + 1], *(name for name in order if not self._epochs[name].highest)}

    def _check_gaps(self, name: str, *, is_beginning: bool) -> None:
        epoch = self._epochs[name]
        begins = min(epoch.verdicts, default=epoch.highest + 1)
        for first, last in epoch.gaps():
            if is_beginning and last < begins:
                self._notes.append(f"{name}: {_numbers(first, last)} before this part of the record")
            else:
                them = "it" if first == last else "them"
                self._problems.append(
                    f"{name}: {_numbers(first, last)} missing, and no checkpoint names {them}"
                )

    def _check_before(self, name: str, *, is_first: bool, is_beginning: bool) -> None:
        """Note that an epoch does not follow from what is here."""
        epoch = self._epochs[name]
        absent = [end for end in epoch.before if end.epoch not in self._homes]
        self._notes += [
            f"{name}: the epoch before it, {end.epoch}, is one of {self._homes[end.epoch]}: another name"
            for end in epoch.before
            if end.epoch in self._homes and end.epoch not in self._epochs
        ]
        if absent:
            texts = [
                f"the epoch before it, {end.epoch} with {counted(end.seq, 'verdict')}, is not here"
                for end in absent
            ]
        elif epoch.before or (is_first and (epoch.is_first or 1 in epoch.verdicts)):
            texts = []
        elif epoch.is_first or 1 in epoch.verdicts:
            texts = ["it says that nothing came before it, though other epochs are here"]
        else:
            texts = ["its first verdict, which names the epoch before, is not here"]
        if len(epoch.before) > 1:
            texts.append("its first verdict and a checkpoint name different ends of the epoch before it")
        (self._notes if is_beginning else self._problems).extend(f"{name}: {text}" for text in texts)

    def _check_contents(self, name: str) -> None:
        """Note different contents of one number, breaks of the chain, and other hashes than were named."""
        epoch = self._epochs[name]
        for seq, others in sorted(epoch.others.items()):
            self._problems.append(f"{name}: number {seq} came with {len(others) + 1} different contents")
        broken = sorted((seq, reason) for seq, reason in epoch.breaks().items() if reason)
        self._problems += [f"{name}: {seqs}: {reason}" for seqs, reason in _runs(broken)]
        broken = [(seq, reason) for seq, reason in broken if reason != NO_CHAIN]
        if len(broken) > _MANY and 2 * len(broken) > len(epoch.verdicts):
            self._notes.append(f"{name}: hardly a link fits: were payloads encoded again, not kept as sent?")
        for end in set(epoch.named):
            line = epoch.verdicts.get(end.seq)
            if line is not None and end.sha256 not in (None, line.sha256):
                self._problems.append(
                    f"{name}: number {end.seq} is not the verdict that was named as its end"
                )

    def _check_end(self, name: str) -> None:
        """Note that an epoch goes on after its end, has several followers, or may go on."""
        epoch, followers = self._epochs[name], self._followers.get(name, {})
        highest = max(epoch.verdicts, default=0)
        if len(followers) > 1:
            self._problems.append(
                f"{name}: {len(followers)} epochs follow it ({', '.join(sorted(followers))}): the state"
                " folder was copied or restored, or one of them is forged"
            )
        named = max((end.seq for end in chain.from_iterable(followers.values())), default=None)
        for last, who in ((named, "the next epoch names"), (epoch.final, "the last checkpoint names")):
            if last is not None and highest > last:
                self._problems.append(f"{name}: numbers after {last}, which {who} as its end")
        if not followers and epoch.final is None and epoch.highest:
            self._notes.append(f"{name}: whether verdicts followed number {epoch.highest} is not known")

    def _check_signatures(self, order: list[str]) -> str:
        """Note verdicts that no signature reaches; return how far the newest checkpoint goes."""
        proved: dict[str, set[EpochEnd]] = {}
        signed_up_to = ""
        for found in self._checkpoints:
            proved.setdefault(found.epoch, set()).update(_ends(found))
            if found.previous_epoch is not None:
                proved.setdefault(found.previous_epoch.epoch, set()).add(found.previous_epoch)
        for name in reversed(order):
            epoch = self._epochs[name]
            unsigned = epoch.unreached(proved.get(name, ()))
            if 1 in epoch.verdicts and 1 not in unsigned:
                for end in epoch.before:
                    proved.setdefault(end.epoch, set()).add(end)
            self._problems += [
                f"{name}: {seqs}: no signature reaches it" for seqs, _ in _runs((n, "") for n in unsigned)
            ]
            reached = epoch.verdicts.keys() - set(unsigned)
            if reached and not signed_up_to:
                signed_up_to = f"number {max(reached)} of epoch {name}"
        return signed_up_to

    def _epoch_report(self, name: str) -> EpochReport:
        epoch = self._epochs[name]
        ended = "open" if epoch.final is None else "stopped"
        return EpochReport(
            epoch=name,
            first=min(epoch.verdicts, default=0),
            last=epoch.highest,
            verdicts=len(epoch.verdicts),
            repeated=epoch.repeated,
            conflicts=sum(len(others) for others in epoch.others.values()),
            given_up=epoch.count_given_up(),
            gaps=tuple(epoch.gaps()),
            end="followed" if name in self._followers else ended,
        )


def _ends(found: Checkpoint) -> list[EpochEnd]:
    """Return the end that a checkpoint names, if its epoch has a verdict."""
    if not found.last_seq:
        return []
    return [EpochEnd(epoch=found.epoch, seq=found.last_seq, sha256=found.last_sha256)]


def _numbers(first: int, last: int) -> str:
    return f"number {first} is" if first == last else f"numbers {first} to {last} are"


def _runs(found: Iterable[tuple[int, str]]) -> Iterator[tuple[str, str]]:
    """Yield each run of consecutive numbers with the same text, as text, and that text."""
    for _, run in groupby(enumerate(found), key=lambda one: (one[1][0] - one[0], one[1][1])):
        members = [member for _, member in run]
        first, last = members[0][0], members[-1][0]
        yield f"number {first}" if first == last else f"numbers {first} to {last}", members[0][1]
