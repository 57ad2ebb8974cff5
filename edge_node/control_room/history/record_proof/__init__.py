"""Check the chains and signed checkpoints of robots as they arrive, and tell what they prove."""
