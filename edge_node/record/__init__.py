"""Check a record of verdicts: its chain, its epochs, gaps, and signed checkpoints. Pure."""
