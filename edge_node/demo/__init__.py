"""The demonstration: an embedded broker, the real daemon, a rendered clip, crawlers on rendered pipes."""
