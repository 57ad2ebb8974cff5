"""Build the daemon from its parts and run its main loop."""
