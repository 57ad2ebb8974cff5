"""Store the robots' messages and people's reviews in SQLite and query them."""
