"""Run a second bundle on spare processor time and report where it disagrees. It never decides."""
