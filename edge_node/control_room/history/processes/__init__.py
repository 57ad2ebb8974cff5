"""Let several processes share one history: duties of one process, what changed, who runs."""
