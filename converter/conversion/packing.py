"""Pack a bundle folder into one transport file and sign it. Equal folders give equal bytes."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import TYPE_CHECKING

import msgspec

from edge_node.durable_file import replace_file
from edge_node.errors import UpdateError
from edge_node.inference.bundle import MANIFEST_NAME, load_bundle
from edge_node.inference.manifest import encode_manifest
from edge_node.update.release import (
    BLOCK_BYTES,
    MAX_FILES,
    RESERVED_NAMES,
    FileEntry,
    Release,
    version_key,
)
from edge_node.update.transport_file import (
    SUFFIX,
    TransportHeader,
    check_size,
    encode_body,
    encode_head,
    hash_blocks,
    make_head,
    read_head,
    unpack,
)
from edge_node.validation import describe_invalid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

    from edge_node.signing import Signer

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def pack(folder: Path, out: Path, *, version: str | None = None) -> tuple[Path, Release]:
    """Write the bundle in ``folder`` as one unsigned transport file.

    Args:
        folder: a whole bundle; every hash is checked first.
        out: the file, or a folder in which it is called ``NAME-VERSION.bundle.tar``.
        version: replaces the version in ``bundle.json``.

    Raises:
        BundleError: the bundle is not whole, its version has no order, or the disk refuses.
    """
    manifest = load_bundle(folder).manifest
    if version is not None:
        manifest = msgspec.structs.replace(manifest, version=version)
    version_key(manifest.version)
    target = out / f"{manifest.name}-{manifest.version}{SUFFIX}" if out.is_dir() else out
    with ExitStack() as closing, tempfile.TemporaryFile() as changed:
        files: list[tuple[str, BinaryIO]] = []
        for name in _list_files(folder):
            if name == MANIFEST_NAME and version is not None:
                changed.write(encode_manifest(manifest))
                files.append((name, changed))
            else:
                files.append((name, closing.enter_context((folder / name).open("rb"))))
        entries = [(_describe_file(name, file), file) for name, file in files]
        created = _parse_created(manifest.created, folder)
        statement = Release(
            name=manifest.name,
            version=manifest.version,
            issued_at=created,
            expires_at=created,
            files=tuple(entry for entry, _ in entries),
            blocks=hash_blocks(encode_body(_rewind(entries))),
        )
        _write_durably(target, make_head(statement), encode_body(_rewind(entries)))
    return target, statement


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms under which robots may install a signed bundle.

    Attributes:
        issued_at: now; robots refuse a bundle issued before the one that they have confirmed.
        valid_for: how long it may be installed.
        minimum_version: the lowest version that may still run once this one is confirmed.
        robot_classes: classes of robots that may take it; empty means all.
    """

    issued_at: datetime
    valid_for: timedelta
    minimum_version: str = "0"
    robot_classes: tuple[str, ...] = ()


def sign(file: Path, signer: Signer, terms: Terms) -> Release:
    """Sign a transport file in place, after every byte of it was checked.

    Args:
        file: written by ``pack``; may be signed already.
        signer: holds the private key.
        terms: for how long, and for which robots.

    Raises:
        UpdateError: the file is not whole, or the disk refuses.
    """
    where = str(file)
    try:
        with file.open("rb") as source:
            head = read_head(source, where)
            check_size(head, os.fstat(source.fileno()).st_size, where)
            for _entry_of, pieces in unpack(source, head, where):
                for _piece in pieces:
                    pass  # unpack checks the hashes
            statement = _check_release(
                msgspec.structs.replace(
                    head.statement,
                    issued_at=terms.issued_at,
                    expires_at=terms.issued_at + terms.valid_for,
                    minimum_version=terms.minimum_version,
                    robot_classes=terms.robot_classes,
                ),
                where,
            )
            unsigned = make_head(statement)
            source.seek(head.size_bytes)
            signed = make_head(statement, signer.sign_statement(unsigned.text))
            _write_durably(file, signed, iter(lambda: source.read(BLOCK_BYTES), b""))
    except OSError as err:
        raise UpdateError(f"{file}: {err.strerror or err}") from err
    return statement


def _check_release(statement: Release, where: str) -> Release:
    """Return ``statement`` as robots will read it.

    Raises:
        UpdateError: they would refuse it.
    """
    try:
        statement = msgspec.convert(msgspec.to_builtins(statement), Release)
    except msgspec.ValidationError as err:
        raise UpdateError(f"{where}: {describe_invalid(err, kind=Release)}") from err
    if version_key(statement.minimum_version) > version_key(statement.version):
        raise UpdateError(
            f"{where}: minimum version {statement.minimum_version} is above its own, {statement.version}"
        )
    return statement


def _list_files(folder: Path) -> list[str]:
    """Return the names of the bundle's files, sorted.

    Raises:
        UpdateError: the folder holds anything else, which the transport file would not carry.
    """
    names = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if not entry.is_file(follow_symlinks=False):
            raise UpdateError(f"{folder / entry.name}: is no plain file; a bundle holds nothing else")
        if not _NAME.fullmatch(entry.name) or entry.name in RESERVED_NAMES:
            raise UpdateError(
                f"{folder / entry.name}: wanted a name of 1 to 100 letters, digits, dots, - and _,"
                f" and none of {', '.join(sorted(RESERVED_NAMES))}"
            )
        names.append(entry.name)
    if len(names) > MAX_FILES:
        raise UpdateError(f"{folder}: {len(names)} files, a bundle has at most {MAX_FILES}")
    return names


def _describe_file(name: str, file: BinaryIO) -> FileEntry:
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while piece := file.read(BLOCK_BYTES):
        digest.update(piece)
        size += len(piece)
    return FileEntry(name=name, size_bytes=size, sha256=digest.hexdigest())


def _rewind(entries: list[tuple[FileEntry, BinaryIO]]) -> Iterable[tuple[FileEntry, BinaryIO]]:
    for entry, file in entries:
        file.seek(0)
        yield entry, file


def _parse_created(text: str, folder: Path) -> datetime:
    try:
        created = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UpdateError(f"{folder / MANIFEST_NAME}: created = {text!r} is no time") from None
    return created if created.tzinfo else created.replace(tzinfo=timezone.utc)


def _write_durably(target: Path, head: TransportHeader, pieces: Iterable[bytes]) -> None:
    """Write head and body to ``target``, as a whole or not at all."""
    try:
        replace_file(target, chain([encode_head(head)], pieces), mode=0o644)
    except OSError as err:
        raise UpdateError(f"{target}: {err.strerror or err}") from err
