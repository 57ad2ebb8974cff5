"""control_room: see README."""
