"""Share the bounds of the history out among robots, and hold the rows of each within its share."""
