"""Store the robots' messages and people's reviews in SQLite or PostgreSQL and query them."""
