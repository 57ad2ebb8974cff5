"""Count and time what the control room does, for Prometheus."""
