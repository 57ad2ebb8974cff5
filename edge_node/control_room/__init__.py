"""The control room: its history, ingest, reports and page. Robots import nothing of it."""
