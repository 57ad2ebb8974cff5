"""The history's tables, how older files get them, and what is the database's own (SQLite today)."""
