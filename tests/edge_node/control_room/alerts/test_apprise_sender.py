"""Messages that Apprise sends, and sentences on failures that hold no part of an address."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from edge_node.control_room.alerts.apprise_sender import AppriseSender, Outgoing, choose_channels
from edge_node.control_room.alerts.channels import Channel
from edge_node.errors import ConfigError
from tests.support.alert_receivers import Webhook, receivers
from tests.support.processes import free_port

SECRETS = ("hunter2", "T0PSECRET", "KEYSECRET", "/hook/", "duty@example.org", "aHVudGVyMg")
MESSAGE = Outgoing("2 robots silent", "- hall/a: silent <b>&\n- hall/b: ü")


def test_a_message_arrives_by_mail_and_webhook_as_it_was_written() -> None:
    """Each address of a channel is one of its own; text is text, whatever a robot wrote."""
    with receivers() as (mail, webhook):
        sender = AppriseSender([Channel("duty", (mail.url, webhook.url))])
        assert sender.channels == ("duty", "duty 2")
        assert [sender.send(name, MESSAGE) for name in sender.channels] == ["", ""]
        (got,) = mail.got
        assert got["subject"] == "2 robots silent"
        assert got.get_content().split() == MESSAGE.text.split()
        assert (webhook.got[0]["title"], webhook.got[0]["message"]) == tuple(MESSAGE[:2])


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ((), ("duty", "duty 2", "night")),
        (("duty",), ("duty", "duty 2")),
        (("duty 2", "night"), ("duty 2", "night")),
        (("nobody",), ()),
    ],
)
def test_a_channel_is_chosen_with_all_its_addresses(wanted, chosen) -> None:
    """Or one address alone by its number."""
    assert choose_channels(("duty", "duty 2", "night"), wanted) == chosen


def test_why_a_channel_took_nothing_holds_no_part_of_its_address(caplog, capfd) -> None:
    """Refused by the server, nobody there, a mail server that is not there; neither does any log."""
    caplog.set_level(logging.DEBUG)
    webhook, moved, port = Webhook(answer=403), Webhook(answer=302), free_port()
    sender = AppriseSender(
        [
            Channel("refused", (webhook.url,)),
            Channel("moved", (moved.url,)),
            Channel("away", (f"json://robot:hunter2@127.0.0.1:{port}/hook/T0PSECRET?+X-Key=KEYSECRET",)),
            Channel("mail", (f"mailto://robot:hunter2@127.0.0.1:{port}?to=duty@example.org&from=a@example.org",)),
        ]
    )  # fmt: skip
    said = {name: sender.send(name, MESSAGE) for name in sender.channels}
    webhook.close()
    moved.close()
    assert "302" in said["moved"]  # what it names may be a page that takes everything
    assert "403" in said["refused"]
    assert "Connection refused" in said["away"]
    assert "Connection refused" in said["mail"]
    logged = [record for record in caplog.records if record.name.partition(".")[0] in ("apprise", "urllib3")]
    everything = "".join([*said.values(), *capfd.readouterr(), *(one.getMessage() for one in logged)])
    assert not [secret for secret in SECRETS if secret.lower() in everything.lower()]


def test_all_addresses_that_cannot_be_used_are_named_by_their_channel() -> None:
    """Never by what stands in them."""
    channels = [
        Channel("one", ("nosuch://hunter2/T0PSECRET",)),
        Channel("two", ("slack://hunter2",)),
        Channel("three", ("hunter2",)),
    ]
    with pytest.raises(ConfigError) as refused:
        AppriseSender(channels)
    first, second, third = str(refused.value).splitlines()
    assert "channel one: does not begin with a scheme that Apprise knows" in first
    assert "channel two: is no complete slack:// address" in second
    assert "channel three" in third
    assert "hunter2" not in str(refused.value)


def test_without_the_package_the_sentence_says_how_to_install_it() -> None:
    """And a room without channels needs none."""
    script = (
        "import sys; sys.modules['apprise'] = None\n"
        "from edge_node.control_room.alerts.apprise_sender import AppriseSender\n"
        "from edge_node.control_room.alerts.channels import Channel\n"
        "AppriseSender([])\n"
        "try: AppriseSender([Channel('duty', ('json://localhost',))])\n"
        "except Exception as err: print(type(err).__name__, err)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == (
        "ConfigError [alerts] channels_file needs the Python package apprise;"
        " pip install 'corrosion-edge-node[alerts]'\n"
    )
