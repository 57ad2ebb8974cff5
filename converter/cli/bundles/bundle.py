"""``converter bundle keygen | pack | sign``: pack and sign a bundle for robots."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta, timezone
from pathlib import Path

from converter.conversion.packing import Terms, pack, sign
from converter.evaluation.ship_verdict import read_verdict
from edge_node.signing import Signer, fingerprint, make_key_pair
from edge_node.update.transport_file import SUFFIX

_VALID_DAYS = 90  # long enough for a robot that is updated once a season


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of ``converter bundle``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    keygen = actions.add_parser("keygen", help="make a pair of keys; the public one goes onto the robots")
    keygen.add_argument(
        "key",
        type=Path,
        metavar="KEY.pem",
        help="file for the private key (mode 0600); the public one is KEY.public.pem",
    )
    packed = actions.add_parser("pack", help="pack a bundle into one file, and sign it if a key is given")
    packed.add_argument("folder", type=Path, metavar="FOLDER", help="folder of a bundle")
    packed.add_argument(
        "out", type=Path, metavar="OUT", help=f"file to write, or folder for NAME-VERSION{SUFFIX}"
    )
    packed.add_argument(
        "--version",
        metavar="V",
        help="version of the file, such as 2, 1.10 or 2026.11.24 (default: that of the bundle)",
    )
    _add_signing(packed, key_required=False)
    signed = actions.add_parser(
        "sign", help="sign a packed bundle; a file that is signed already is signed anew"
    )
    signed.add_argument("file", type=Path, metavar="FILE", help="file that pack wrote")
    _add_signing(signed, key_required=True)
    parser.epilog = (
        "A robot takes a bundle if its version is higher than any it had, and if a trusted key signed it.\n"
        "Keep the private key off robots and broker: with it, anybody can change what robots see.\n"
        "The same bundle, packed again with the same --issued, gives the same bytes."
    )


def run(args: argparse.Namespace) -> int:
    """Carry out the action."""
    if args.action == "keygen":
        public = make_key_pair(args.key)
        key_id = fingerprint(Signer(args.key).key_id)
        print(f"{args.key}: private key; it stays here. {public}: public key {key_id}, for the robots:")
        print(f'[bundle] trusted_keys = ["/etc/corrosion-edge/{public.name}"]')
        return 0
    signer = Signer(args.key) if args.key is not None else None  # a bad key fails before a file is replaced
    if args.action == "pack":
        file, statement = pack(args.folder, args.out, version=args.version)
        unsigned = ", not signed" if signer is None else ""
        size_mb = file.stat().st_size / 1e6
        print(f"{file}: {statement.label}, {size_mb:.1f} MB, {len(statement.files)} files{unsigned}")
        print(read_verdict(args.folder).line)
    else:
        file = args.file
    if signer is None:
        return 0
    terms = Terms(
        issued_at=args.issued or datetime.now(timezone.utc).replace(microsecond=0),
        valid_for=timedelta(days=args.valid_days),
        minimum_version=args.minimum_version,
        robot_classes=tuple(args.robot_class),
    )
    statement = sign(file, signer, terms)
    print(
        f"{file}: {statement.label} signed with key {fingerprint(signer.key_id)},"
        f" to be installed until {statement.expires_at:%Y-%m-%d %H:%M} UTC"
    )
    return 0


def _add_signing(parser: argparse.ArgumentParser, *, key_required: bool) -> None:
    parser.add_argument(
        "--key", type=Path, required=key_required, metavar="KEY.pem", help="sign with this key"
    )
    parser.add_argument(
        "--valid-days",
        type=_parse_days,
        default=_VALID_DAYS,
        metavar="N",
        help="days in which robots may install it (default: %(default)s)",
    )
    parser.add_argument(
        "--minimum-version",
        default="0",
        metavar="V",
        help="after this bundle is confirmed, robots refuse versions below V",
    )
    parser.add_argument(
        "--robot-class",
        action="append",
        default=[],
        metavar="CLASS",
        help="only for robots of this class; may be given several times",
    )
    parser.add_argument(
        "--issued",
        type=_parse_time,
        metavar="TIME",
        help="time of signing, for builds that can be repeated (default: now)",
    )


def _parse_days(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 3650:
        raise argparse.ArgumentTypeError(f"{text!r}: wanted 1 to 3650 days")
    return int(text)


def _parse_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: wanted a time like 2026-11-24T12:00:00Z") from None
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r}: wanted a time zone too, like 2026-11-24T12:00:00Z")
    return found.astimezone(timezone.utc)
