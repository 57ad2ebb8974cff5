"""The tables of defects: what was seen of each finding, to which defect it belongs, and what people decided.

A sighting is the summary of one finding. It outlives the finding's messages, verdicts and pictures, because
a place is watched for longer than the room keeps these.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, UniqueConstraint, literal_column

from edge_node.control_room.history.storage.columns import (
    index_part,
    key_column,
    metadata,
    number_column,
    text_column,
)

sighting = Table(
    "sighting",
    metadata,
    key_column("sighting_key"),
    number_column("robot_key"),
    text_column("site"),
    text_column("robot"),
    text_column("finding_id"),
    text_column("asset", optional=True),
    # The anchor is the place on the asset, named by the first sighting there; a defect has one or more.
    number_column("anchor", optional=True),
    number_column("defect_key", optional=True),
    number_column("is_pinned", default=0),  # a person decided: no matching moves it
    number_column("is_changed", default=1),  # since its asset was matched
    number_column("lacking", default=0),  # verdicts of the finding that were not there when it was measured
    number_column("looks", default=0),  # how often they were looked for
    number_column("heard", default=0),  # verdicts of the robot that were there then
    number_column("received_us"),
    Column("payload", LargeBinary, nullable=False),
    Column("placed", LargeBinary),  # where on the asset it is by the matching, and how sure that is
    UniqueConstraint("site", "finding_id"),
    sqlite_autoincrement=True,
)
Index("sighting_by_asset", sighting.c.site, sighting.c.asset, sighting.c.sighting_key)
index_part("sighting_by_defect", sighting.c.defect_key.is_not(None), sighting.c.defect_key)
index_part("sighting_changed", sighting.c.is_changed == literal_column("1"), sighting.c.sighting_key)
index_part("sighting_lacking", sighting.c.lacking > literal_column("0"), sighting.c.looks)
defect = Table(
    "defect",
    metadata,
    key_column("defect_key"),
    text_column("site"),
    text_column("asset", optional=True),
    number_column("founder", optional=True),  # the first sighting of one that the matching made
    number_column("merged_into", optional=True),
    number_column("is_touched", default=0),  # by a person: it stays without a sighting
    text_column("name", default=""),
    text_column("set_state", default=""),
    text_column("set_by", default=""),
    number_column("set_us", optional=True),
    text_column("assignee", default=""),
    number_column("muted_until_us", optional=True),
    number_column("changed_us"),
    UniqueConstraint("founder"),
    sqlite_autoincrement=True,
)
Index("defect_by_asset", defect.c.site, defect.c.asset)
# Who set what of a defect when.
defect_deed = Table(
    "defect_deed",
    metadata,
    key_column("deed_key"),
    number_column("defect_key"),
    number_column("at_us"),
    text_column("by"),
    text_column("action"),
    text_column("text", default=""),
    sqlite_autoincrement=True,
)
Index("deed_by_defect", defect_deed.c.defect_key, defect_deed.c.deed_key)
# One row for each asset: whoever matches it writes only if nobody else has written since.
defect_match = Table(
    "defect_match",
    metadata,
    text_column("site"),
    text_column("asset"),
    number_column("version", default=0),
    UniqueConstraint("site", "asset"),
)
