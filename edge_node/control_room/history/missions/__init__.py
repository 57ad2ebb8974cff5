"""Find the missions in the verdicts: one pass of one robot over one asset each, and what it judged of it."""
