"""The node's own health: watchdog, status, local page, Prometheus metrics, systemd notifications."""
