"""Say in a sentence why there is no connection to the broker, and which key to look at.

Each cause that is known on the wire has a sentence of its own; a clock that is wrong is no fault of the
certificate.
"""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from edge_node.mqtt.certificate_times import certificate_times
from edge_node.mqtt.reason_codes import QOS_NOT_SUPPORTED, RETAIN_NOT_SUPPORTED
from edge_node.mqtt.types import LinkError

if TYPE_CHECKING:
    from edge_node.mqtt.types import Endpoint

_NOT_YET_VALID, _EXPIRED = 9, 10
# Of OpenSSL's X509_V_ERR_...; what to do about each.
_VERIFY_HINTS = {
    18: "it is signed by itself only; give it, or the authority that signed it, as [mqtt] ca_file",
    19: "an authority signed it that this robot does not know; give that one's certificate as [mqtt] ca_file",
    20: "an authority signed it that this robot does not know; give that one's certificate as [mqtt] ca_file",
    21: "an authority signed it that this robot does not know; give that one's certificate as [mqtt] ca_file",
    62: "it is for another name; [mqtt] hostname must be a name in it",
    64: "it is for another address; [mqtt] hostname must be a name or address in it",
}
# Parts of OpenSSL's reasons for alerts with which a broker refuses our side.
_ASKS_FOR_OURS = (
    "CERTIFICATE_REQUIRED",
    "HANDSHAKE_FAILURE",
    "BAD_CERTIFICATE",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_REVOKED",
)
_VERSION, _CLIENT_ID = 0x84, 0x85
_CREDENTIALS = (0x86, 0x87)
_KEYS = {True: '[mqtt] protocol = "3.1.1"', False: '[mqtt] protocol = "5"'}  # the other version, by is_v5


def connect_failure(endpoint: Endpoint, err: OSError | ValueError) -> LinkError:
    """Return the error for a connection, or its TLS, that could not be made."""
    if isinstance(err, ssl.SSLCertVerificationError):
        return LinkError(
            f"{endpoint.where}: its certificate is not accepted: {_about_certificate(endpoint, err)}",
            refused=True,
        )
    return LinkError(f"{endpoint.where}: {_about_connection(endpoint, err)}")


def refusal(endpoint: Endpoint, code: int, name: str) -> str:
    """Return the sentence for a CONNACK with a reason code that is no success."""
    if code == RETAIN_NOT_SUPPORTED:
        return f"{endpoint.where}: takes no retained messages ({code}); connecting without them"
    if code == QOS_NOT_SUPPORTED:
        return f"{endpoint.where}: takes QoS 0 only ({code}); connecting with that"
    hint = ""
    if code == _VERSION:
        hint = f"; set {_KEYS[endpoint.is_v5]}"
    elif code == _CLIENT_ID:
        hint = f"; see [mqtt] client_id (now {endpoint.client_id!r})"
    elif code in _CREDENTIALS:
        hint = "; see [mqtt] username and password_file"
    return f"{endpoint.where}: refuses us: {name} ({code}){hint}"


def end_before_answer(endpoint: Endpoint, *, is_silent: bool = False, tls_alert: str = "") -> LinkError:
    """Return the error for a broker that accepted the connection and did not answer CONNECT.

    Args:
        endpoint: the broker.
        is_silent: it said nothing; else it closed the connection.
        tls_alert: the reason that it gave for that, in OpenSSL's words.
    """
    if (fault := _about_own_certificate(endpoint)) and not is_silent:
        return LinkError(f"{endpoint.where}: closed the connection before it answered; {fault}", refused=True)
    if tls_alert:
        return LinkError(f"{endpoint.where}: {_about_tls(endpoint.port, tls_alert)}", refused=True)
    other_version = f"; if it does not know MQTT {'5' if endpoint.is_v5 else '3.1.1'}, set"
    if is_silent:
        text = f"accepts the connection, but does not answer CONNECT{other_version} {_KEYS[endpoint.is_v5]}"
        return LinkError(f"{endpoint.where}: {text}")
    wish = "a certificate ([mqtt] cert_file)" if endpoint.tls else "TLS ([mqtt] tls = true)"
    text = f"closed the connection before it answered; does it want {wish}?{other_version[1:]}"
    text = text.replace("? if", "? If")
    return LinkError(f"{endpoint.where}: {text} {_KEYS[endpoint.is_v5]}", is_unanswered=True)


def _about_certificate(endpoint: Endpoint, err: ssl.SSLCertVerificationError) -> str:
    if err.verify_code in (_NOT_YET_VALID, _EXPIRED):
        state = "is not valid yet" if err.verify_code == _NOT_YET_VALID else "has expired"
        return f"by this robot's clock it {state}; {_about_time(endpoint)}"
    hint = _VERIFY_HINTS.get(err.verify_code, "see [mqtt] ca_file and hostname")
    return f"{err.verify_message}; {hint}"


def _about_time(endpoint: Endpoint) -> str:
    """Set this robot's clock against the certificate's times, which tell which of them is wrong."""
    now = datetime.now(timezone.utc)
    clock = f"this robot's clock says {now:%Y-%m-%d %H:%M} UTC"
    times = certificate_times(endpoint.hostname, endpoint.port)
    if times is None:
        return f"{clock}: set it if it is wrong, or renew the certificate"
    begins, ends = times
    valid = f"the certificate is valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}"
    if begins <= now <= ends:
        return f"{clock}, {valid}: then the one of its authority is not"
    return f"{clock}, {valid}: " + ("set the clock" if now < begins else "renew it, or set the clock")


def _about_own_certificate(endpoint: Endpoint) -> str:
    """Return what is wrong with the time of our own certificate; "" if nothing is."""
    now = datetime.now(timezone.utc)
    if endpoint.certificate_times is None:
        return ""
    begins, ends = endpoint.certificate_times
    if begins <= now <= ends:
        return ""
    valid = f"valid from {begins:%Y-%m-%d %H:%M} to {ends:%Y-%m-%d %H:%M}"
    return (
        f"our certificate is {valid}, this robot's clock says {now:%Y-%m-%d %H:%M} UTC: see [mqtt] cert_file"
    )


def _about_connection(endpoint: Endpoint, err: OSError | ValueError) -> str:
    is_cut = isinstance(err, (ssl.SSLEOFError, ConnectionResetError))
    if isinstance(err, ssl.SSLError) or (endpoint.tls is not None and is_cut):
        return _about_tls(endpoint.port, "it closed the connection" if is_cut else str(err.reason or err))  # type: ignore[union-attr]
    if isinstance(err, socket.gaierror):
        return (
            f"no address is known for {endpoint.hostname} ({err.strerror}); see [mqtt] hostname, and the DNS"
        )
    if isinstance(err, TimeoutError):
        return f"no answer in time from port {endpoint.port}; see [mqtt] hostname and port, and firewalls"
    return str(getattr(err, "strerror", None) or err)


def _about_tls(port: int, reason: str) -> str:
    if any(part in reason for part in _ASKS_FOR_OURS):
        hint = "does it want a certificate? see [mqtt] cert_file and key_file"
        return f"refuses TLS with us ({reason}); {hint}"
    return f"no TLS ({reason}); see [mqtt] port and tls: port {port} may be the one without TLS"
