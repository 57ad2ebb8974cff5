"""The demonstration: an embedded broker, the real daemon, a rendered clip, and pipes with crawlers in them."""
