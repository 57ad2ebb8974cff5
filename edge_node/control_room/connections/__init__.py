"""Bound the page's connections in number, and in the time that requests and responses may take."""
