"""Serve the control room's page: files, JSON API, logins, live events, downloads."""
