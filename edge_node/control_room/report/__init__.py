"""Write mission reports (PDF, CSV) and export reviewed pictures as a data set."""
