"""Find the missions in the verdicts: passes of one robot over one asset, and what each judged."""
