"""Subcommands of ``edge-node`` for the robot itself, one module each."""
