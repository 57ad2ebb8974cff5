"""Store what robots published in SQLite and query it."""
