"""Subcommands of ``edge-node control-room`` that copy, check and mend its record, one module each."""
