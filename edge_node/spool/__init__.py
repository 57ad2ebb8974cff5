"""The queue on disk that holds messages until the broker has them; the robot's only importer of sqlite3."""
