"""The steps by which a history's tables came to be what they are, each of which upgrades older files."""
