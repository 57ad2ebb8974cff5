"""Install a transport file as a bundle on trial; nothing is written before its signature is checked.

First size, signature, expiry, class and version are checked; then each file is written, at most as long as
signed, and hashed; then the written files are read back, hashed again and run on the golden pictures. Only
then does the state name the bundle. A failure leaves the store unchanged.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_node.clock_floor import ClockFloor
from edge_node.config.sections import BundleConfig
from edge_node.disk_budget import DiskBudget, Worth
from edge_node.durable_file import sync_folder, write_new_file
from edge_node.errors import BundleError, ConfigError, TensorMismatchError, UpdateError
from edge_node.inference.bundle import STORE_NAME
from edge_node.inference.loading import prepare_engine
from edge_node.inspection.inspector import check_material
from edge_node.signing import check_signature
from edge_node.update.bundle_store import BundleStore, now, packaged_version, slot_of
from edge_node.update.release import RobotStanding, find_refusals
from edge_node.update.transport_file import (
    SIGNATURE_NAME,
    STATEMENT_NAME,
    TransportHeader,
    check_size,
    read_head,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from edge_node.inference.manifest import Manifest
    from edge_node.signing import TrustedKey
    from edge_node.update.release import Release

_FREE_FACTOR = 2  # the file itself may lie on the same disk
_FILES = 32  # names that an installed bundle takes


class Installer:
    """Install bundles into one robot's store."""

    def __init__(
        self,
        store: BundleStore,
        config: BundleConfig,
        floor: ClockFloor | None = None,
        *,
        budget: DiskBudget | None = None,
        material: str = "auto",
    ) -> None:
        """Use ``store``.

        Args:
            store: what is installed goes there.
            config: the limits, and the settings of the runtime.
            floor: the time by which bundles expire; None reads that of the store's state folder.
            budget: of the disk: a bundle takes no space that pictures or verdicts need.
            material: ``[inspect] material``, which a bundle must know.
        """
        self.store = store
        self.budget = budget or DiskBudget()
        self._config = config
        self._floor = floor or ClockFloor(store.path.parent)
        self._material = material

    @property
    def max_bytes(self) -> int:
        """Size of the largest file that is accepted."""
        return self._config.max_update_mb * 1_000_000

    def install(
        self,
        source: BinaryIO,
        where: str,
        *,
        command_id: str | None = None,
        again: bool = False,
        on_step: Callable[[str], None] = lambda _text: None,
    ) -> Release:
        """Install the bundle in ``source`` and put it on trial; return its statement.

        Args:
            source: an open file, opened once; its bytes are checked as they are read.
            where: its name in messages.
            command_id: of the command that announced it.
            again: accept also a version that was here before, at the operator's request; never a lower one.
            on_step: called with the name of each step.

        Raises:
            BundleError: it differs from what was signed, or is not for this robot; nothing changed.
        """
        with _translate_os_errors(where), self.store.locked(), _staging_folder(self.store) as staged:
            on_step("checking signature and version")
            head = self._head(source, where, again=again)
            on_step("unpacking, and running the golden probe")
            _unpack_into(staged, source, head, where)
            self._probe(staged, head)
            slot = slot_of(head.text)
            self.store.adopt(staged, slot)
            self.store.change(lambda state: state.install(slot, head.statement, now(), command_id))
        return head.statement

    def verify(self, source: BinaryIO, where: str) -> Manifest:
        """Make all checks of ``install``, change nothing, and return the bundle's manifest.

        Raises:
            BundleError: it differs from what was signed, or is not for this robot.
        """
        with _translate_os_errors(where), self.store.locked():
            head = self._head(source, where, again=False)
            return self.try_unpacking(source, head, where)

    def try_unpacking(self, source: BinaryIO, head: TransportHeader, where: str) -> Manifest:
        """Unpack the file behind ``head``, check its contents, run the golden probe, and delete it again.

        Returns:
            the manifest of the bundle in it.

        Raises:
            BundleError: it differs from what was signed, or does not compute rightly here.
        """
        with _staging_folder(self.store) as staged:
            _unpack_into(staged, source, head, where)
            return self._probe(staged, head)

    def check_head(self, head: TransportHeader, where: str, *, again: bool = False) -> None:
        """Raise UpdateError unless ``head`` is signed by a trusted key and for this robot."""
        if not self.store.keys:
            raise UpdateError("[bundle] trusted_keys names no key, so no bundle can be trusted")
        check_signature(head.text, head.signed, self.store.keys, where)
        if head.total_bytes > self.max_bytes:
            raise UpdateError(
                f"{where}: {head.total_bytes} bytes,"
                f" [bundle] max_update_mb allows {self._config.max_update_mb}"
            )
        state = self.store.state()
        if state.trial is not None:
            raise UpdateError(
                f"{state.label(state.current)} is still on trial; wait for its end,"
                " or `edge-node bundle rollback`"
            )
        if state.current == slot_of(head.text):
            raise UpdateError(f"{where}: {head.statement.label} is what decides now")
        standing = state.standing(self._config.robot_class, packaged_version())
        if reasons := list(find_refusals(head.statement, standing, self._floor.read().now, again=again)):
            raise UpdateError(f"{where}: " + "; ".join(reasons))

    def _head(self, source: BinaryIO, where: str, *, again: bool) -> TransportHeader:
        """Read and check the head of a file: signature, version and sizes."""
        found = os.fstat(source.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UpdateError(f"{where}: wanted a file")
        head = read_head(source, where)
        self.check_head(head, where, again=again)
        check_size(head, found.st_size, where)
        self.check_room(head.total_bytes)
        return head

    def check_room(self, size_bytes: int) -> None:
        """Raise UpdateError unless the disk has room for a bundle beside pictures and verdicts."""
        if not self.budget.allows(Worth.DOWNLOAD, self.store.path, size_bytes * _FREE_FACTOR, _FILES):
            raise UpdateError(
                f"{self.store.path}: the disk has no room for {size_bytes} bytes twice beside pictures and"
                " verdicts; lower [evidence] max_mb, or delete other files"
            )

    def _probe(self, staged: Path, head: TransportHeader) -> Manifest:
        """Read the written files back, check them, run the golden probe and return the manifest."""
        checked = self.store.bundle_at(staged)
        manifest, statement = checked.bundle.manifest, head.statement
        if checked.slot != slot_of(head.text):
            raise UpdateError(f"{staged}: changed while it was being installed")
        if (manifest.name, manifest.version) != (statement.name, statement.version):
            raise UpdateError(
                f"{statement.label}: its bundle.json says {manifest.name}-{manifest.version}; pack it again"
            )
        try:
            check_material(self._material, prepare_engine(checked.bundle, self._config))
        except (BundleError, TensorMismatchError, ConfigError) as err:
            # The folder is deleted by then; its name would only confuse.
            raise UpdateError(str(err).replace(str(staged), statement.label)) from err
        return manifest


def verify_release(
    source: BinaryIO, where: str, keys: Sequence[TrustedKey], folder: Path
) -> tuple[Release, TrustedKey, Manifest]:
    """Check a transport file as any robot would that trusts ``keys``; return statement, signer and manifest.

    That is signature, expiry, sizes, contents and the golden probe; class and version are a robot's matter.

    Args:
        source: an open file.
        where: its name in messages.
        keys: the trusted ones.
        folder: an empty folder of this user to unpack into.

    Raises:
        BundleError: it differs from what was signed, or nothing trusted signed it.
    """
    config = BundleConfig(path=STORE_NAME, trusted_keys=tuple(key.file for key in keys))
    with _translate_os_errors(where):
        floor = ClockFloor(folder)  # empty: no date before the build's is believed
        installer = Installer(BundleStore(folder / STORE_NAME, keys), config, floor)
        head = read_head(source, where)
        signer = check_signature(head.text, head.signed, keys, where)
        check_size(head, os.fstat(source.fileno()).st_size, where)
        statement = head.statement
        standing = RobotStanding(robot_class=next(iter(statement.robot_classes), None))
        if reasons := list(find_refusals(statement, standing, floor.read().now)):
            raise UpdateError(f"{where}: " + "; ".join(reasons))
        manifest = installer.try_unpacking(source, head, where)
    return statement, signer, manifest


@contextmanager
def _translate_os_errors(where: str) -> Iterator[None]:
    """Translate an OSError to an UpdateError."""
    try:
        yield
    except OSError as err:
        raise UpdateError(f"{err.filename or where}: {err.strerror or err}; nothing changed") from err


@contextmanager
def _staging_folder(store: BundleStore) -> Iterator[Path]:
    """Make a folder to unpack into, and delete it at the end unless it was moved to a slot."""
    staged = store.staging()
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _unpack_into(staged: Path, source: BinaryIO, head: TransportHeader, where: str) -> None:
    write_new_file(staged / STATEMENT_NAME, [head.text])
    write_new_file(staged / SIGNATURE_NAME, [head.signed])
    for entry, pieces in unpack(source, head, where):
        write_new_file(staged / entry.name, pieces)
    sync_folder(staged)
