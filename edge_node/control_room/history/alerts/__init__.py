"""Keep what alert rules found, what was told of it and who got it, and read what rules look at."""
