"""Read the values of requests, and write records as JSON."""
