"""Turn corroded verdicts that persist into findings, and keep the open ones over a restart."""
