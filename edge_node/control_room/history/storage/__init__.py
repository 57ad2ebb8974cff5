"""The history's tables, how older files get them, and what is SQLite's and PostgreSQL's own."""
