"""Subcommands of ``edge-node`` that reach a broker or run the control room, one module each."""
