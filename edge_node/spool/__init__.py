"""spool: see README."""
