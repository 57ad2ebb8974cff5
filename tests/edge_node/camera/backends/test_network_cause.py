"""Each cause has its own sentence, says what to do, and repeats nothing of the error's text."""

import errno
import socket
import ssl
from http.client import BadStatusLine, InvalidURL, RemoteDisconnected

import pytest

from edge_node.camera.backends.network_cause import connection_cause, status_cause


def tls_error(code):
    """Return a certificate's error with OpenSSL's number."""
    err = ssl.SSLCertVerificationError(1, "secret9")
    err.verify_code = code
    return err


ERRORS = [
    (socket.gaierror(socket.EAI_NONAME, "secret9"), "no host is called cam"),
    (socket.gaierror(socket.EAI_AGAIN, "secret9"), "cannot be looked up now"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "secret9"), "port 554 of cam is closed"),
    (TimeoutError("secret9"), "cam does not answer"),
    (OSError(errno.EHOSTUNREACH, "secret9"), "no way to cam"),
    (RemoteDisconnected("secret9"), "something else than RTSP"),
    (BadStatusLine("secret9"), "something else than RTSP"),
    (InvalidURL("secret9"), "something else than RTSP"),
    (tls_error(9), "not valid yet by this robot's clock"),
    (tls_error(10), "has expired by this robot's clock"),
    (tls_error(62), "not for cam"),
    (tls_error(18), "update-ca-certificates"),
    (ssl.SSLError(1, "secret9"), "TLS with cam fails"),
    (OSError(errno.EIO, "secret9"), "cannot be reached"),
]


@pytest.mark.parametrize(("err", "words"), ERRORS, ids=[words for _, words in ERRORS])
def test_an_error_of_the_connection_is_explained(err, words):
    """The sentence is ours; the library's text, which may hold the address, is not repeated."""
    said = connection_cause(err, "cam", 554, "RTSP")
    assert words in said
    assert "secret9" not in said


def test_answers_of_the_camera_are_explained_each_in_its_own_sentence():
    """Wrong and missing passwords, missing addresses and busy cameras are told apart, with their number."""
    codes = (301, 400, 401, 403, 404, 429, 453, 500, 503, 599)
    said = {status_cause(code, has_login=True) for code in codes}
    said.add(status_cause(401, has_login=False))
    assert len(said) == len(codes) + 1
    assert all(any(f"({code}" in text for code in codes) for text in said)
    assert "password_file" in status_cause(401, has_login=False)
