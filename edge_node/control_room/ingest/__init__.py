"""Subscribe to every robot, decode its messages and store them in batches before they are acknowledged."""
