"""Define the configuration sections of delivery: spool, broker, commands, evidence."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge_node.config.toml_reader import about as _about
from edge_node.config.value_types import Id, Port, Share, Text


class SpoolConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The queue on disk that holds messages until the broker has them."""

    max_mb: Annotated[
        int, _about("Bound of the spool on disk. Beyond it the oldest uncorroded verdicts are deleted.", ge=1)
    ] = 512
    free_share: Annotated[
        float, _about("The spool grows to at most this share of the free space.", gt=0, le=1)
    ] = 0.5
    reserve_mb: Annotated[
        int,
        _about(
            "Space that is held back, and freed when the disk is full, so that the spool can recover.",
            ge=0,
            le=1000,
        ),
    ] = 8
    commit_interval_ms: Annotated[
        int,
        _about(
            "Verdicts wait up to this time for a common write, which spares an SD card. A power cut or a"
            " kill costs those that wait.",
            ge=0,
            le=5000,
        ),
    ] = 0

    @property
    def risk(self) -> str:
        """What the operator has taken upon themselves, in a sentence; empty where nothing can be lost."""
        if not self.commit_interval_ms:
            return ""
        waits = f"{self.commit_interval_ms} ms"
        return (
            f"[spool] commit_interval_ms: verdicts wait {waits} in memory; a power cut or a kill costs"
            f" those of the last {waits}, without a trace: they are neither on disk nor published"
        )


class MqttConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The broker."""

    hostname: Annotated[str, _about("Name or address of the broker.", min_length=1)]
    port: Annotated[Port | None, _about("Port of the broker: 8883 with tls, 1883 without, if not given.")] = (
        None
    )
    protocol: Annotated[
        Literal["5", "3.1.1"],
        _about(
            "Version of MQTT. A broker of 3.1.1 cannot say that it refused a message: use it only where it"
            " must be."
        ),
    ] = "5"
    client_id: Annotated[
        Id | None, _about('Client id at the broker; "corrosion-SITE-ROBOT" if not given.')
    ] = None
    keep_alive_s: Annotated[
        int, _about("Keep-alive interval. A dead link is noticed within 1.5 times this.", ge=2, le=3600)
    ] = 15
    window: Annotated[
        int,
        _about(
            "Messages in flight. A broken connection repeats at most this number of messages.", ge=1, le=1000
        ),
    ] = 20
    ack_timeout_s: Annotated[
        int,
        _about("If the broker acknowledges nothing for this time, the robot connects anew.", ge=5, le=3600),
    ] = 60
    will_delay_s: Annotated[
        int,
        _about(
            "The broker publishes that the robot is offline after the link was away for this time (MQTT 5).",
            ge=0,
            le=3600,
        ),
    ] = 10
    username: Annotated[Text | None, _about("User name at the broker, where it is no secret.")] = None
    username_file: Annotated[Text | None, _about("File with the user name, where it is a secret.")] = None
    password_file: Annotated[
        Text | None,
        _about(
            "File whose first line is the password, blanks included. $CREDENTIALS_DIRECTORY/... names a"
            " credential of systemd."
        ),
    ] = None
    tls: Annotated[bool, _about("Encrypt the connection, and check the broker's certificate.")] = False
    ca_file: Annotated[
        str | None,
        _about(
            "File with the authority that signed the broker's certificate; the system's authorities if not"
            " given."
        ),
    ] = None
    cert_file: Annotated[
        str | None, _about("File with this client's certificate, for brokers that ask for one.")
    ] = None
    key_file: Annotated[str | None, _about("File with the key of cert_file.")] = None
    insecure_skip_host_name_check: Annotated[
        bool,
        _about(
            "Accept a certificate of another name. Whoever has any certificate of the authority can then"
            " listen in."
        ),
    ] = False
    insecure_allow_plaintext_password: Annotated[
        bool, _about("Send the password unencrypted to another machine. Whoever listens can then read it.")
    ] = False
    subscriber_grace_s: Annotated[
        int,
        _about(
            "If subscribers were there and are gone, keep verdicts for this time until they return (MQTT 5).",
            ge=0,
        ),
    ] = 60
    require_subscriber: Annotated[
        bool, _about("Keep verdicts while the broker says that nobody subscribes (MQTT 5).")
    ] = False
    receipts_from: Annotated[
        tuple[Id, ...],
        _about("Keep each verdict until these consumers have said on receipt/NAME that they stored it."),
    ] = ()
    receipt_patience_s: Annotated[
        int,
        _about(
            "Send a verdict again if a consumer that sends receipts has not stored it after this time.", ge=1
        ),
    ] = 60
    home_assistant: Annotated[
        Literal["off", "device", "component"],
        _about(
            'Announce the robot to Home Assistant: "device" for 2024.12 and later, "component" for older'
            " ones."
        ),
    ] = "off"
    home_assistant_prefix: Annotated[Id, _about("Discovery prefix of Home Assistant.")] = "homeassistant"
    sparkplug: Annotated[
        bool,
        _about("Publish verdicts as a Sparkplug B edge node too. That is a view at QoS 0, not the record."),
    ] = False
    sparkplug_group: Annotated[Id | None, _about("Sparkplug group; the site if not given.")] = None


class CommandsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Commands from the control room; the broker's ACL or a signature says who may send them."""

    accept: Annotated[bool, _about("Take commands at all.")] = True
    public_key_file: Annotated[
        Text | None,
        _about(
            "File with an Ed25519 public key (PEM; extra signing, MQTT 5). With it, only commands signed by"
            " its key are taken."
        ),
    ] = None
    max_per_minute: Annotated[
        int,
        _about(
            "Commands a minute; more are refused. Unsigned ones never take the place of signed ones.",
            ge=1,
            le=6000,
        ),
    ] = 30
    burst: Annotated[int, _about("Number of commands that may come at once.", ge=1, le=1000)] = 10
    max_lifetime_s: Annotated[
        int, _about("A command that expires later than this after it was issued is refused.", ge=1, le=86_400)
    ] = 600


KeepReason = Literal[
    "corroded", "uncertain", "low_margin", "finding_first", "finding_worse", "shadow", "sample"
]
PicturesAnHour = Annotated[int, msgspec.Meta(ge=1, le=36_000)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400)]


class EvidenceBudgets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many pictures an hour a reason may have; None: any number.

    A frame that no stage was sure of is often followed by many like it: one a minute is more than people
    review. A finding's worst picture must not be missed: some 15 are kept until all of it is in view, and
    1200 are a third of what ``corroded`` may have. The shadow reports at most one disagreement in 10 s.
    """

    uncertain: PicturesAnHour | None = 60
    low_margin: PicturesAnHour | None = 60
    finding_first: PicturesAnHour | None = 240
    finding_worse: PicturesAnHour | None = 1200
    shadow: PicturesAnHour | None = 360
    corroded: PicturesAnHour | None = None
    sample: PicturesAnHour | None = None


class EvidenceCoolDowns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long after a picture another one may be kept for the same reason.

    None for findings: the next frame may be the worst one, or the first of another finding. The shadow has
    its ``report_interval_s``, corroded pictures ``min_interval_s``, the sample ``sample_every``.
    """

    uncertain: Seconds = 10.0
    low_margin: Seconds = 10.0
    finding_first: Seconds = 0.0
    finding_worse: Seconds = 0.0
    shadow: Seconds = 0.0


class EvidenceConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures that are kept as evidence and sent when the link is idle."""

    keep: Annotated[
        bool | tuple[KeepReason, ...],
        _about(
            'Why to keep a picture: a list of "corroded", "uncertain", "low_margin", "finding_first",'
            ' "finding_worse", "shadow", "sample"; true: all of them; false: none, but what [shadow]'
            " keep_pictures and commands ask for."
        ),
    ] = True
    per_hour: Annotated[
        EvidenceBudgets,
        _about(
            "At most this number of pictures an hour for each reason. A reason that is not named keeps its"
            " default."
        ),
    ] = EvidenceBudgets()
    cool_down_s: Annotated[
        EvidenceCoolDowns,
        _about(
            "After a picture for a reason, no other is kept for it for this time. corroded has"
            " min_interval_s instead, sample has sample_every."
        ),
    ] = EvidenceCoolDowns()
    low_margin: Annotated[
        Share,
        _about(
            "A picture is kept for low_margin if a probability was closer than this to where another label,"
            " or none, is decided."
        ),
    ] = 0.1
    max_mb: Annotated[
        int,
        _about(
            "Bound of the pictures on disk; verdicts may need part of it. Beyond it pictures of uncorroded"
            " surfaces are deleted first.",
            ge=1,
        ),
    ] = 512
    reviewed_share: Annotated[
        float,
        _about(
            "Pictures that a person reviewed stay while others are deleted, up to this share of max_mb.",
            ge=0,
            le=0.9,
        ),
    ] = 0.5
    teaching_share: Annotated[
        float,
        _about(
            "Pictures that were kept for a finding, the shadow, uncertainty or a low margin stay while"
            " others are deleted, up to this share of what reviewed ones may leave.",
            ge=0,
            le=0.9,
        ),
    ] = 0.5
    sample_every: Annotated[
        int,
        _about(
            "Of verdicts that are not corroded, the picture of one in this number is kept; 0 keeps none.",
            ge=0,
        ),
    ] = 100
    min_interval_s: Annotated[
        float, _about("Of corroded verdicts, at most one picture is kept in this time.", ge=0, le=3600)
    ] = 1.0
    jpeg_quality: Annotated[int, _about("JPEG quality of the full picture.", ge=10, le=100)] = 85
    thumbnail_px: Annotated[
        int, _about("Longer side of the thumbnails, which are sent without being asked for.", ge=64, le=1024)
    ] = 320
    send_thumbnails: Annotated[bool, _about("Send thumbnails after the verdicts, when the link is idle.")] = (
        True
    )

    def __post_init__(self) -> None:
        """Refuse a budget or a cool-down of a reason for which nothing is kept."""
        kept = self.keep if isinstance(self.keep, tuple) else ("shadow",)
        if self.keep is True:
            return
        for key, given in (("per_hour", self.per_hour), ("cool_down_s", self.cool_down_s)):
            for field in msgspec.structs.fields(given):
                if field.name not in kept and getattr(given, field.name) != field.default:
                    raise ValueError(
                        f"{key} sets {field.name}, for which keep has no picture kept: put it into keep"
                    )
