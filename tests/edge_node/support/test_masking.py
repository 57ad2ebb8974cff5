"""Passwords are taken out of any text, and what a stranger needs to find the fault is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_node.support.masking import TAKEN_OUT, Mask, find_secrets

SECRET = "hUnter2-x"  # noqa: S105  of a test


@pytest.mark.parametrize(
    "line",
    [
        f"opening rtsp://admin:{SECRET}@10.0.0.9:554/live failed",
        f"GET http://10.0.0.9/snap.jpg?user=admin&pwd={SECRET} -> 401",
        f"mqtt://robot:{SECRET}@broker.example",
        f"rtsp://admin:77/{SECRET}@10.0.0.9/live",  # parses as the host admin
        f"rtsp://admin:p@ss{SECRET}@10.0.0.9/live",
        f"mosquitto_pub -h broker -u robot -P {SECRET} -t x",
        f"curl -u robot:{SECRET} broker",
        f"http://10.0.0.9/{SECRET}/video",
        f"login robot:{SECRET}@10.0.0.9",
        f"rtspsrc location=rtsp://10.0.0.9/ user-id=admin user-pw={SECRET} ! fakesink",
        f'rtspsrc user-pw="{SECRET}" ! fakesink',
        f"password={SECRET}",
        f"MQTT_PASSWORD: '{SECRET}'",
        f'{{"access_token": "{SECRET}", "ok": true}}',
        f"the password is {SECRET}.",
        f"--password {SECRET} --verbose",
        f"Authorization: Basic {SECRET}",
        f"authorization: Digest username=admin, response={SECRET}",
        f"sent Bearer {SECRET}abc",
        f"Cookie: session={SECRET}",
        f"api-key => {SECRET}",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}",  # the log ends there
        f"{SECRET}\n-----END PRIVATE KEY-----",  # it begins there
        f"eyJhbGciOiJI.{SECRET}.sig",
        f"password_2 = {SECRET}",
        f"MQTT_PASSWORD_OLD={SECRET}",
        f"Passwort: {SECRET}",
        f"the password for robot is {SECRET}",
        f"password -> {SECRET}",
        f"passwd[{SECRET}]",
        f"<password>{SECRET}</password>",
        f'{{"password": {{"value": "{SECRET}"}}}}',
        f'{{\\"password\\": \\"{SECRET}\\"}}',  # JSON within JSON
        f"the API key {SECRET}",
        f"COMMAND=/usr/bin/mosquitto_pub -P {SECRET}",
        f"curl --proxy-user robot:{SECRET}",
        f"sshpass -p {SECRET} ssh robot",
        f"GET /snap.cgi?password={SECRET}",
        f"/etc/robot.conf:password={SECRET}",
        f"rtsp%3A%2F%2Fadmin%3A{SECRET}%40cam%2Flive",
    ],
)
def test_what_stands_where_passwords_stand_is_taken_out(line):
    """Nobody told the mask of this password."""
    mask = Mask()
    assert SECRET not in mask.text(line)
    assert mask.count >= 1


@pytest.mark.parametrize(
    ("secret", "line"),
    [
        (SECRET, f"somebody printed {SECRET} alone"),
        (SECRET, f"x{SECRET}x"),
        ("p@ss w/rd", "in an address it is p%40ss%20w%2Frd"),
        ('se"cret', 'rtsp://admin:se"cret@10.0.0.9/live'),  # the quotation mark ends no address
        ("aB3", "the PIN aB3 opens it"),
        (SECRET, "in a header aFVudGVyMi14"),  # base64
        (SECRET, "of a login AGEAaFVudGVyMi14"),
        (SECRET, "hUNTER2-X"),
        ('cret@"\\9', r'in JSON "cret@\"\\9"'),
        ('cret@"<9', "in a page cret@&quot;&lt;9"),
        *((secret, f"alone {secret}") for secret in find_secrets("rtsp://a:77/hUnter2-x@h/live")),
    ],
)
def test_a_known_password_is_taken_out_wherever_it_stands(secret, line):
    """As it is, and as addresses and headers write it."""
    found = Mask([secret]).text(line)
    assert TAKEN_OUT in found or "10.0.0.9" in found
    assert secret not in found
    assert "%40ss" not in found
    assert "aFVudGVyMi14" not in found
    assert "cret@" not in found


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-30 12:00:00 WARNING edge_node.camera: rtsp://10.0.0.9/live: no frame for 2000 ms",
        "[mqtt] password_file = '/etc/corrosion-edge/password': Permission denied",
        'node.toml: [mqtt] unknown key "hostnam"; did you mean "hostname"?',
        "node.toml: every key is known and every value allowed; sha256 0123abcd",
        "usb 1-1.2: new high-speed USB device number 5 using xhci_hcd",
        "  GStreamer:                   YES (1.22.0)",
        "spool.sqlite: disk I/O error at 12:30:59",
    ],
)
def test_what_tells_of_the_fault_stays(line):
    """A mask that takes out everything helps nobody."""
    mask = Mask(["ab", "", "true"])  # too short, or a word of every log
    assert mask.text(line) == line
    assert mask.count == 0


@given(st.text(max_size=300))
def test_any_text_is_masked_and_masking_again_changes_nothing(text):
    """Logs hold anything; parts of the file are masked more than once."""
    once = Mask([SECRET]).text(text + SECRET)
    assert SECRET not in once
    assert Mask([SECRET]).text(once).count(TAKEN_OUT) >= once.count(TAKEN_OUT) > 0


def test_a_long_line_takes_time_in_proportion():
    """A megabyte without a blank is masked at once, and not after hours."""
    line = "a" * 1_000_000
    assert Mask([SECRET]).text(line) == line


def test_secrets_are_found_in_a_text_that_is_no_configuration():
    """What a broken file gives away is taken out of everything else, too."""
    text = f'source = "rtsp://admin:{SECRET}@h/live"\n# old password: other-one9\npassword = "third-one9'
    assert {SECRET, "other-one9", "third-one9"} <= set(find_secrets(text))
