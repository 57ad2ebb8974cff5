"""Subcommands of ``edge-node control-room`` that run a room as several processes, one module each."""
