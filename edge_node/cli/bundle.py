"""Run ``edge-node bundle``: verify, install, list, roll back, confirm and send bundles."""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from edge_node.cli.bundle_in_use import load_bundle_in_use
from edge_node.cli.config_option import add_config_option, find_config
from edge_node.cli.state_owner import become_owner
from edge_node.config.sections import load_config
from edge_node.errors import BundleError, ConfigError, UpdateError
from edge_node.inference.bundle import STORE_NAME, load_bundle, resolve_bundle_path
from edge_node.inference.engine import Engine
from edge_node.inference.golden_probe import run_probe
from edge_node.inference.interpreter import runtime
from edge_node.inference.stated_risk import describe_risk, read_risk
from edge_node.messages.plain_text import counted
from edge_node.signing import load_trusted_key, load_trusted_keys

if TYPE_CHECKING:
    import argparse
    from typing import BinaryIO

    from edge_node.config.sections import BundleConfig, Config
    from edge_node.inference.bundle import Bundle
    from edge_node.inference.manifest import Manifest
    from edge_node.update.bundle_store import BundleStore
    from edge_node.update.state import SlotId, State

_SEND = "edge_node.cli.control_room.bundle_send"  # by name, as every subcommand is


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of ``edge-node bundle``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser(
        "verify", help="check that a bundle is whole and signed, and that this runtime computes it right"
    )
    verify.add_argument(
        "bundle",
        nargs="?",
        default=STORE_NAME,
        help='a folder, a file of `converter bundle pack`, "default" for the one in the package, or'
        ' "store" for the one that decides on this robot (default: %(default)s)',
    )
    verify.add_argument(
        "--key",
        type=Path,
        action="append",
        metavar="KEY.public.pem",
        help="check a file with this public key alone, on any computer (may be repeated)",
    )
    install = actions.add_parser("install", help="check a signed file and put it on trial")
    install.add_argument("file", type=Path, metavar="FILE", help="of `converter bundle pack`")
    install.add_argument(
        "--again", action="store_true", help="allow a version that was installed before; never a lower one"
    )
    listed = actions.add_parser(
        "list", help="list the bundle that decides, the one before it, and what happened"
    )
    listed.add_argument("--json", action="store_true", help="print JSON for programs")
    rollback = actions.add_parser("rollback", help="go back to the bundle before the current one")
    rollback.add_argument(
        "--reason", default="by the operator", help="the reason that the list shows (default: %(default)s)"
    )
    confirm = actions.add_parser("confirm", help="end the trial of the current bundle and keep it")
    send = actions.add_parser("send", help="send a signed file to a robot over MQTT, from the control room")
    import_module(_SEND).add_arguments(send)
    for action in (verify, install, listed, rollback, confirm):
        add_config_option(action)
    parser.epilog = (
        "A running node notices the change and switches between two frames.\n"
        "Exit code 0: done, or good. 1: refused, and nothing changed; one sentence says why."
    )


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    if args.action == "send":
        return int(import_module(_SEND).run(args))
    actions = {"install": _install, "list": _list, "rollback": _rollback, "confirm": _confirm}
    return actions[args.action](args) if args.action in actions else _verify(args)


def _install(args: argparse.Namespace) -> int:
    from edge_node.update.installer import Installer

    with _open(args.file) as source:
        config, store = _open_store(args.config)
        statement = Installer(store, config.bundle, material=config.inspect.material).install(
            source,
            str(args.file),
            again=args.again,
            on_step=lambda text: print(f"{text} ...", file=sys.stderr) if sys.stderr.isatty() else None,
        )
    print(
        f"{statement.label} is installed and on trial for {counted(config.bundle.trial_verdicts, 'verdict')};"
        " `edge-node bundle list` shows how it does"
    )
    _print_doubt(statement.label, store.bundle(store.state().current).manifest)
    return 0


def _rollback(args: argparse.Namespace) -> int:
    from edge_node.update.bundle_store import now, packaged_version

    _, store = _open_store(args.config)
    with store.locked():
        state = store.change(lambda state: state.roll_back(args.reason, now(), factory=packaged_version()))
    print(f"{state.label(state.current)} decides")
    return 0


def _confirm(args: argparse.Namespace) -> int:
    from edge_node.update.bundle_store import now

    _, store = _open_store(args.config)
    with store.locked():
        state = store.change(lambda state: state.confirm("by the operator", now()))
    print(f"{state.label(state.current)} is confirmed")
    return 0


def _list(args: argparse.Namespace) -> int:
    config, store = _open_store(args.config)
    state = store.state()
    if args.json:
        print(msgspec.json.encode(state).decode())
    else:
        print(_format_state(state, config.bundle, store))
        if state.current:
            with suppress(BundleError):  # it may be signed by a key that is not trusted any more
                _print_doubt(state.label(state.current), store.bundle(state.current).manifest)
    return 0


def _format_state(state: State, config: BundleConfig, store: BundleStore) -> str:
    from edge_node.update.bundle_store import packaged_version

    name, version = packaged_version()
    lines = []
    for role, slot in (("current", state.current), ("behind it", state.previous)):
        if role == "behind it" and slot == state.current:
            continue
        label = state.slots[slot].label if slot else f"{name}-{version} (in the package)"
        lines.append(f"{role:<10} {label}{_describe_slot(state, slot, store)}")
    if (trial := state.trial) is not None:
        lines.append(
            f"{'trial':<10} {trial.judged} of {counted(config.trial_verdicts, 'verdict')},"
            f" {trial.abstained} abstained,"
            f" {trial.slow} slow, {trial.errors} errors, {trial.unclean_ends} unclean ends"
        )
    lines += [f"{'highest':<10} {name}-{version}" for name, version in sorted(state.highest.items())]
    lines += [
        f"{'lowest':<10} {name}-{version}" for name, version in sorted(state.floor.items()) if version != "0"
    ]
    lines += [f"{'trusts':<10} key {key.fingerprint} {key.file}" for key in store.keys]
    lines += [f"{'given up':<10} {found.name}-{found.version}: {found.reason}" for found in state.rejected]
    lines += [
        f"{event.at:%Y-%m-%d %H:%M:%S}Z {event.bundle} {event.step.value}: {event.text}"
        for event in state.events
    ]
    return "\n".join(lines)


def _describe_slot(state: State, slot: SlotId | None, store: BundleStore) -> str:
    if slot is None:
        return ""
    entry, signer = state.slots[slot], store.signer(slot)
    is_trusted = any(key.fingerprint == signer for key in store.keys)
    by = f"by key {signer}" + ("" if is_trusted else " (not trusted now),")
    return f", signed {by} {entry.issued_at:%Y-%m-%d %H:%M}Z, installed {entry.installed_at:%Y-%m-%d %H:%M}Z"


def _open_store(given: Path | None) -> tuple[Config, BundleStore]:
    """Return configuration and store, after becoming the user who owns the node's state.

    The keys are read before, with the rights of the caller.

    Raises:
        ConfigError: one of them cannot be used.
    """
    from edge_node.update.bundle_store import BundleStore

    path = find_config(given)
    config = load_config(path)
    if config.bundle.path != STORE_NAME:
        raise ConfigError(
            f'{path}: [bundle] path = "{config.bundle.path}", so what is installed would never decide;'
            f' set path = "{STORE_NAME}"'
        )
    keys = load_trusted_keys(config.bundle.trusted_keys)
    state_dir = Path(config.node.state_dir)
    become_owner(state_dir)
    return config, BundleStore(state_dir / STORE_NAME, keys)


def _verify(args: argparse.Namespace) -> int:
    """Check files, signature and golden probe; print the error of each output against its tolerance."""
    if args.key:
        return _verify_by_keys(args)
    if args.bundle == STORE_NAME:
        config = load_config(find_config(args.config))
        keys = load_trusted_keys(config.bundle.trusted_keys)
        become_owner(Path(config.node.state_dir), must_exist=False)
        return _report_good(config.bundle.path, load_bundle_in_use(config, keys))
    if Path(args.bundle).is_file():
        return _verify_file(args)
    return _report_good(args.bundle, load_bundle(resolve_bundle_path(args.bundle)))


def _verify_file(args: argparse.Namespace) -> int:
    """Check a transport file as ``install`` does, up to the golden probe, and change nothing."""
    from edge_node.update.installer import Installer

    with _open(Path(args.bundle)) as source:
        try:
            config, store = _open_store(args.config)
        except ConfigError as err:
            raise ConfigError(
                f"{err}; away from the robot, --key release.public.pem checks a file by its signer's key"
            ) from err
        installer = Installer(store, config.bundle, material=config.inspect.material)
        manifest = installer.verify(source, args.bundle)
    print(f"{args.bundle}: good; `edge-node bundle install` would put it on trial")
    _print_doubt(args.bundle, manifest)
    return 0


def _verify_by_keys(args: argparse.Namespace) -> int:
    """Check a transport file without a robot: signature, expiry, contents, golden probe."""
    from edge_node.update.installer import verify_release

    file = Path(args.bundle)
    if not file.is_file():
        raise UpdateError(f"{file}: --key checks a signed file of `converter bundle pack`, found none there")
    keys = [load_trusted_key(str(key), "--key") for key in args.key]
    with _open(file) as source, TemporaryDirectory(prefix="edge-node-verify-") as folder:
        statement, signer, manifest = verify_release(source, str(file), keys, Path(folder))
    classes = ", ".join(statement.robot_classes) or "any class"
    print(
        f"{file}: good. {statement.label}, signed by key {signer.fingerprint}, for robots of {classes},"
        f" to be installed until {statement.expires_at:%Y-%m-%d %H:%M}Z; a robot that had {statement.version}"
        " or a higher version refuses it"
    )
    _print_doubt(str(file), manifest)
    return 0


def _open(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as err:
        raise UpdateError(f"{file}: {err.strerror or err}") from err


def _report_good(name: str, bundle: Bundle) -> int:
    engine = Engine(bundle)
    results = run_probe(engine)
    manifest, found = engine.bundle.manifest, runtime()
    for result in results:
        print(f"{result.file} {result.output}: {result.share_of_tolerance:.0%} of the tolerance")
    print(
        f"{name}: good. {manifest.name} {manifest.version}, {counted(len(manifest.models), 'model')},"
        f" {counted(len(manifest.cascade.stages), 'stage')}, golden probe of"
        f" {len(engine.bundle.golden.pictures)} pictures on {found.name} {found.version}"
    )
    _print_doubt(name, manifest)
    return 0


def _print_doubt(name: str, manifest: Manifest) -> None:
    """Print why the bundle is not proved, if the converter wrote that into it."""
    if manifest.why_not_proved:
        print(f"{name}: {manifest.why_not_proved}")
    if risk := read_risk(manifest):
        for line in describe_risk(risk):
            print(f"{name}: {line}")
