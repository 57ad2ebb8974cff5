"""Subscribe to every robot, decode what arrives and store it in batches before it is acknowledged."""
