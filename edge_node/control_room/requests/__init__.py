"""Tell whose a request is and whether another site caused it, and give each client its turns."""
