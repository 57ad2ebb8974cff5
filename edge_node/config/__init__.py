"""Read the TOML configuration into frozen sections, every fault named before anything starts."""
