"""mqtt: see README."""
