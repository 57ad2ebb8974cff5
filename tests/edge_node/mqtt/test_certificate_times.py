"""The times of a certificate, read from its bytes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from edge_node.mqtt.certificate_times import certificate_times, file_times, read_times
from tests.support.processes import free_port


@pytest.mark.parametrize("year", [1970, 2026, 2049, 2050, 2120])
def test_the_times_are_those_that_stand_in_it(year: int) -> None:
    """With two digits of the year up to 2049, with four from 2050 on."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "broker " + "x" * 50)])
    begins = datetime(year, 3, 4, 5, 6, 7, tzinfo=timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(2**150)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    der = certificate.public_bytes(serialization.Encoding.DER)
    assert read_times(der) == (begins, begins + timedelta(days=1))


def test_who_does_not_answer_has_no_times() -> None:
    """The sentence that they would have stood in goes on without them."""
    assert certificate_times("127.0.0.1", free_port()) is None


def test_of_a_file_the_first_certificate_counts(tmp_path) -> None:
    """A chain begins with the client's own; a key before it, no certificate, no file: nothing."""
    certificates = pytest.importorskip("tests.support.certificates")
    authority = certificates.Authority(tmp_path)
    own, key = authority.certificate("robot", expired=True)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(key.read_bytes() + own.read_bytes() + authority.file.read_bytes())
    times = file_times(str(chain))
    assert times is not None
    assert times[1] < datetime.now(timezone.utc) - timedelta(hours=23)
    assert file_times(str(key)) is None
    assert file_times(str(tmp_path / "missing")) is None
