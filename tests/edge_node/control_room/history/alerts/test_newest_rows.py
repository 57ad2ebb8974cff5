"""Only the newest rows of a table, or of each group of it, are kept."""

from __future__ import annotations

from sqlalchemy import insert, select

from edge_node.control_room.history.alerts.newest_rows import bind_columns, keep_newest
from edge_node.control_room.history.storage.alert_tables import alert_state

ADD = insert(alert_state).values(bind_columns(alert_state, "rule", "subject", "since_us"))
ALL = select(alert_state.c.subject).order_by(alert_state.c.state_key)


def test_rows_beyond_the_bound_go_those_of_the_group_alone_if_it_is_named(history) -> None:
    """None goes while there are fewer."""
    database = history.database
    for number in range(6):
        database.insert(ADD, {"rule": "ab"[number % 2], "subject": f"s{number}", "since_us": 1})
    of_group = keep_newest(alert_state.c.state_key, alert_state.c.rule)
    assert database.write(of_group, {"rule": "a", "kept": 3}) == 0
    assert database.write(of_group, {"rule": "a", "kept": 1}) == 2
    assert [row[0] for row in database.rows(ALL)] == ["s1", "s3", "s4", "s5"]
    assert database.write(keep_newest(alert_state.c.state_key), {"kept": 2}) == 2
    assert [row[0] for row in database.rows(ALL)] == ["s4", "s5"]
