"""Read from when to when a server's certificate is valid, also where it is not accepted.

Python shows the fields of an accepted certificate only, so the few bytes of DER are read here.
Source: RFC 5280, 4.1.2.5 Validity; ITU-T X.690 (DER).
"""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timezone

_TIMEOUT_S = 5.0
_VERSION_TAG, _UTC_TIME_TAG = 0xA0, 0x17
_BEFORE_VALIDITY = 3  # serial number, signature algorithm, issuer


def certificate_times(hostname: str, port: int) -> tuple[datetime, datetime] | None:
    """Connect once more, send nothing, and return what the certificate says; None if it cannot be had."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only looked at: nothing is sent over this connection
    try:
        with (
            socket.create_connection((hostname, port), _TIMEOUT_S) as link,
            context.wrap_socket(link, server_hostname=hostname) as secured,
        ):
            der = secured.getpeercert(binary_form=True)
        return read_times(der) if der else None
    except (OSError, ValueError, IndexError):
        return None


def file_times(path: str) -> tuple[datetime, datetime] | None:
    """Return what the first certificate of a PEM file says; None if it cannot be read."""
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123  may be any path that OpenSSL opens
            text = file.read()
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        return read_times(ssl.PEM_cert_to_DER_cert(begin + text.split(begin, 1)[1].split(end)[0] + end))
    except (OSError, ValueError, IndexError):
        return None


def read_times(der: bytes) -> tuple[datetime, datetime]:
    """Return the two times of a certificate's validity.

    Raises:
        ValueError: it is no certificate.
    """
    at = _enter(der, _enter(der, 0))
    if der[at] == _VERSION_TAG:
        at = _end(der, at)
    for _ in range(_BEFORE_VALIDITY):
        at = _end(der, at)
    begins_at = _enter(der, at)
    return _time(der, begins_at), _time(der, _end(der, begins_at))


def _enter(der: bytes, at: int) -> int:
    """Return where the content of the element at ``at`` begins."""
    first = der[at + 1]
    return at + 2 + (first & 0x7F if first & 0x80 else 0)


def _end(der: bytes, at: int) -> int:
    """Return where the element at ``at`` ends."""
    begin, first = _enter(der, at), der[at + 1]
    return begin + (int.from_bytes(der[at + 2 : begin], "big") if first & 0x80 else first)


def _time(der: bytes, at: int) -> datetime:
    text = der[_enter(der, at) : _end(der, at)].decode("ascii")
    if der[at] == _UTC_TIME_TAG:
        text = ("19" if text[:2] >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
