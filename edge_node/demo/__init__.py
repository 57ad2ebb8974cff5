"""The demonstration: an embedded broker, the real daemon and a rendered clip."""
