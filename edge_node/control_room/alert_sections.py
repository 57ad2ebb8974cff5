"""Define the section ``[alerts]`` of the control room's configuration, and check what its rules mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, get_args

import msgspec

from edge_node.config.toml_reader import about
from edge_node.config.value_types import Id, Share, Text
from edge_node.validation import text_rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal["finding", "growing", "silent", "part", "coverage", "rolled_back"]
PartName = Literal[
    "camera", "model", "clock", "shadow", "evidence", "scale", "pose", "spool", "findings", "audit", "link"
]
KINDS: tuple[str, ...] = get_args(Kind)
PARTS: tuple[str, ...] = get_args(PartName)
_OWN_KEYS = {  # keys that mean something to one kind of rule alone
    "severity": ("finding", "growing"),
    "assets": ("finding", "growing"),
    "parts": ("part",),
    "below": ("coverage",),
    "over_s": ("coverage",),
    "after_s": ("silent", "part"),
}
_DEFAULT_AFTER_S = {"silent": 60.0, "part": 30.0}
_DEFAULT_OVER_S = 300.0
_Robot = Annotated[
    str,
    text_rule(
        r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(/[A-Za-z0-9][A-Za-z0-9_-]{0,63})?\Z",
        "a robot's name, or SITE/ROBOT",
    ),
]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=30 * 86_400)]


class AlertRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule: of what it tells, of which robots, by which channels, and how often at most."""

    when: Annotated[Kind, about("What it tells of: " + ", ".join(KINDS) + ".")]
    severity: Annotated[
        Text | None, about("Of a finding or a growing defect: tell of this severity or a worse one.")
    ] = None
    after_s: Annotated[
        _Seconds | None,
        about(
            "Of a silent robot or a failing part: it is told after it lasted this time; 60 or 30 if not"
            " given."
        ),
    ] = None
    parts: Annotated[tuple[PartName, ...], about("part: " + ", ".join(PARTS) + "; all if not given.")] = ()
    below: Annotated[
        Share | None, about("Of coverage: it is told if less than this share of the frames was judged.")
    ] = None
    over_s: Annotated[
        _Seconds | None, about("Of coverage: time over which the share is taken; 300 if not given.")
    ] = None
    sites: Annotated[tuple[Id, ...], about("Only robots of these sites; all sites if not given.")] = ()
    robots: Annotated[
        tuple[_Robot, ...], about("Only these robots, as ROBOT or SITE/ROBOT; all if not given.")
    ] = ()
    assets: Annotated[
        tuple[Text, ...], about("Of a finding or a growing defect: only on these assets; all if not given.")
    ] = ()
    channels: Annotated[tuple[Id, ...], about("Names of channels in channels_file; all if not given.")] = ()
    cooldown_s: Annotated[
        float,
        about("After a message of this rule, what happens next is told after this time.", ge=0, le=2_592_000),
    ] = 600.0
    recovery: Annotated[
        bool, about("Of a silent robot, a failing part or coverage: tell also when it is over.")
    ] = True

    @property
    def lasts_s(self) -> float:
        """For how long a silence or a failure must last."""
        return self.after_s or _DEFAULT_AFTER_S.get(self.when, 0.0)

    @property
    def span_s(self) -> float:
        """Over how long the coverage is taken."""
        return self.over_s or _DEFAULT_OVER_S

    def concerns(self, site: str, robot: str, asset: str | None = None) -> bool:
        """Tell whether the rule is about this robot, and this asset if it names assets."""
        if self.sites and site not in self.sites:
            return False
        if self.robots and robot not in self.robots and f"{site}/{robot}" not in self.robots:
            return False
        return not self.assets or asset in self.assets


class AlertsConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts: whom the room tells of what, by mail, ntfy, Teams, Slack, webhook, ... (extra alerts)."""

    channels_file: Annotated[
        Text | None,
        about('TOML file with a line for each channel, NAME = "URL" as Apprise has it; they hold passwords.'),
    ] = None
    rules: Annotated[
        dict[Id, AlertRule],
        about(
            'By name, each a table: [alerts.rules.rust] when = "finding", severity = "late"; when = "silent",'
            ' "part", "coverage", "growing", "rolled_back".'
        ),
    ] = {}
    gather_s: Annotated[
        float, about("What happens within this time is told in one message.", ge=0, le=3600)
    ] = 30.0
    too_old_h: Annotated[
        float,
        about(
            "What a robot saw longer ago than this, and sends late, is listed but not told.", gt=0, le=87_600
        ),
    ] = 24.0
    page_url: Annotated[Text | None, about("Address of the page, which stands in messages.")] = None


def find_rule_problems(alerts: AlertsConfig, severities: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each thing in the rules that cannot be meant."""
    for name, rule in alerts.rules.items():
        where = f"[alerts.rules.{name}]"
        for key, kinds in _OWN_KEYS.items():
            if getattr(rule, key) not in (None, ()) and rule.when not in kinds:
                yield f'{where} {key}: only where when is {" or ".join(kinds)}; here it is "{rule.when}"'
        if rule.when == "coverage" and rule.below is None:
            yield f"{where} below is missing: the share of judged frames below which it tells, such as 0.5"
        if rule.severity is not None and rule.severity not in severities:
            known = ", ".join(severities)
            yield f'{where} severity = "{rule.severity}": [room] severities names only {known}'


def find_channel_problems(alerts: AlertsConfig, channels: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for each channel that a rule names and that is not there."""
    for name, rule in alerts.rules.items():
        for channel in rule.channels:
            if channel not in channels:
                known = ", ".join(channels) or "none"
                yield f'[alerts.rules.{name}] channels: no channel "{channel}"; channels_file has {known}'
