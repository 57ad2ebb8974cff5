"""Find which findings of all missions are one defect, tell its growth, keep what people decide."""
