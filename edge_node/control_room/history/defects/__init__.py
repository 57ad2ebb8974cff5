"""Find which findings of all missions are one defect, tell its growth, and keep what people decide of it."""
