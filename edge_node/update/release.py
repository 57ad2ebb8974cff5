"""Define the signed statement of a bundle, and decide whether a robot may install it. Pure.

The statement lists every file with size and hash, and the hash of every block of the transport file, so that
only signed content is written and unpacked. The rules are those of The Update Framework: no version below
the highest seen (against rollback), none issued before the confirmed one (mix and match), an expiry (freeze),
and a lowest version that may still run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone  # msgspec resolves annotations at run time
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec

from edge_node.errors import UpdateError
from edge_node.inference.manifest import Sha256
from edge_node.messages.identifiers import Identifier, Ordered
from edge_node.validation import describe_invalid, name_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FORMAT = 1
BLOCK_BYTES = 65_536
MAX_STATEMENT_BYTES = 1024 * 1024  # 1 GiB in blocks of 64 KiB; the default bundle's has 6 kB
MAX_FILES = 64
MAX_FILE_BYTES = 512 * 1024 * 1024
RESERVED_NAMES = frozenset({"release.json", "release.sig"})  # stand beside the files in the transport file

EntryName = Annotated[
    str,
    name_rule(
        "A-Za-z0-9",
        "A-Za-z0-9._-",
        (1, 100),
        "1 to 100 letters (a-z, A-Z), digits, dots, _ and -, the first a letter or digit",
    ),
]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
VersionKey: TypeAlias = tuple[int, ...]


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the bundle's folder."""

    name: EntryName
    size_bytes: Annotated[int, msgspec.Meta(ge=0, le=MAX_FILE_BYTES)]
    sha256: Sha256


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signed statement, ``release.json``.

    Attributes:
        version: orders bundles of one name; equal to the version in ``bundle.json``.
        robot_classes: of robots that may install it; empty: all.
        issued_at: time of signing.
        expires_at: later it cannot be installed any more; an installed one stays.
        minimum_version: once this is confirmed, no lower version of this name may run or return.
        files: sorted by name, each once.
        blocks: SHA-256 of each ``BLOCK_BYTES`` of the transport file after its head; the last is shorter.
    """

    format: Literal[1] = 1
    name: Identifier
    version: Ordered
    robot_classes: tuple[Identifier, ...] = ()
    issued_at: Moment
    expires_at: Moment
    minimum_version: Ordered = "0"
    files: Annotated[tuple[FileEntry, ...], msgspec.Meta(min_length=1, max_length=MAX_FILES)]
    blocks: tuple[Sha256, ...]

    @property
    def label(self) -> str:
        """Name and version as messages show them."""
        return f"{self.name}-{self.version}"


class _Format(msgspec.Struct):
    """The format number, which is read first, whatever the rest of the statement is."""

    format: int


@dataclass(frozen=True, slots=True)
class RobotStanding:
    """A robot's class and update history, against which a statement is checked.

    Attributes:
        robot_class: this robot's, if it has one.
        highest: by name the highest version that was ever confirmed here.
        floor: by name the lowest version that may still run.
        newest_issue: when the newest confirmed release was signed.
        rejected: by name and version the reason for which a bundle was rolled back.
        here: name and version of the bundle that decides now.
    """

    robot_class: str | None = None
    highest: Mapping[str, str] = field(default_factory=dict)
    floor: Mapping[str, str] = field(default_factory=dict)
    newest_issue: datetime | None = None
    rejected: Mapping[tuple[str, str], str] = field(default_factory=dict)
    here: tuple[str, str] | None = None


def version_key(version: str) -> VersionKey:
    """Return the key by which versions are compared: 1, 1.0 and 1.0.0 are equal, 1.10 comes after 1.9.

    Raises:
        UpdateError: it is no dotted number.
    """
    try:
        numbers = [int(part) for part in msgspec.convert(version, Ordered).split(".")]
    except msgspec.ValidationError:
        raise UpdateError(
            f"version {version!r} has no order; wanted one to four whole numbers with dots between, like 1.10"
        ) from None
    return tuple(numbers + [0] * (4 - len(numbers)))


def is_older(version: str, than: str) -> bool:
    """Tell whether ``version`` comes before ``than``."""
    return version_key(version) < version_key(than)


def encode_release(statement: Release) -> bytes:
    """Return the bytes that are signed; equal statements give equal bytes."""
    return msgspec.json.format(msgspec.json.encode(statement), indent=1) + b"\n"


def decode_release(text: bytes, where: str) -> Release:
    """Return the statement in ``text``; its signature is not checked here.

    Raises:
        UpdateError: it is none, contradicts itself, or has a format that this version does not know.
    """
    try:
        found = msgspec.json.decode(text, type=_Format).format
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise UpdateError(f"{where}: its list of contents cannot be read ({err}); pack it again") from err
    if found != FORMAT:
        raise UpdateError(f"{where}: is of format {found}, this robot knows {FORMAT}; update the node first")
    try:
        statement = msgspec.json.decode(text, type=Release)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        problem = describe_invalid(err, kind=Release)
        raise UpdateError(f"{where}: its list of contents is not valid ({problem}); pack it again") from err
    names = [entry.name for entry in statement.files]
    if names != sorted(set(names)):
        raise UpdateError(f"{where}: its files are not sorted, or one is listed twice; pack it again")
    if taken := RESERVED_NAMES.intersection(names):
        raise UpdateError(f"{where}: no file of a bundle may be called {min(taken)}")
    if is_older(statement.version, statement.minimum_version):
        raise UpdateError(
            f"{where}: version {statement.version} is below its own minimum {statement.minimum_version}"
        )
    return statement


def find_refusals(
    statement: Release, standing: RobotStanding, now: datetime, *, again: bool = False
) -> Iterator[str]:
    """Yield a sentence for each reason for which a robot refuses a statement.

    Args:
        statement: with a valid signature.
        standing: the robot's class and history.
        now: the wall clock; if it is earlier than the newest signature seen, that time counts.
        again: accept a version that was here before; lower ones are still refused.
    """
    label, version = statement.label, statement.version
    clock = max(now, standing.newest_issue or datetime.fromtimestamp(0, timezone.utc))
    if statement.expires_at <= clock:
        expired_at = _format_time(statement.expires_at)
        yield f"{label} expired at {expired_at}, it is {_format_time(clock)}; sign it again"
    if statement.robot_classes and standing.robot_class not in statement.robot_classes:
        found = standing.robot_class or "none ([bundle] robot_class)"
        wanted = ", ".join(statement.robot_classes)
        yield f"{label} is for robots of class {wanted}, this one's class is {found}"
    yield from _version_refusals(statement, standing, again=again)
    newest = standing.newest_issue
    if newest is not None and statement.issued_at < newest:
        yield (
            f"{label} was signed at {_format_time(statement.issued_at)}, before what was last confirmed here"
            f" ({_format_time(newest)}); sign it again if it is still wanted"
        )
    reason = standing.rejected.get((statement.name, version))
    if reason is not None and not again:
        yield f"{label} was tried here and given up ({reason}); mend it and give it a higher version"


def _version_refusals(statement: Release, standing: RobotStanding, *, again: bool) -> Iterator[str]:
    name, version = statement.name, statement.version
    highest, floor = standing.highest.get(name), standing.floor.get(name)
    if standing.here is not None and standing.here[0] == name and is_ordered(standing.here[1]):
        highest = max(filter(None, (highest, standing.here[1])), key=version_key)
    if highest is not None and version_key(version) == version_key(highest):
        if not again:
            yield f"{statement.label}: version {version} of {name} was here already; wanted a higher one"
    elif highest is not None and is_older(version, highest):
        yield f"{statement.label} is older than version {highest}, the highest seen here; wanted a higher one"
    if floor is not None and is_older(version, floor):
        yield f"{statement.label} is below version {floor}, the lowest that may still run"


def is_ordered(version: str) -> bool:
    """Tell whether ``version`` can be compared; that of a bundle that was never packed may be any text."""
    try:
        version_key(version)
    except UpdateError:
        return False
    return True


def _format_time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
