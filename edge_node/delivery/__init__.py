"""Publish the spool to the broker until every message is acknowledged; feed what arrives to inboxes."""
