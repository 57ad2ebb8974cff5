"""Mission reports (PDF, CSV), exported data sets of reviewed pictures."""
