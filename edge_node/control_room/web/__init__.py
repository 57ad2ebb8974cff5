"""The page: HTTP API, access, live events, downloads."""
