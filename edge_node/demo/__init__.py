"""The demo: everything on one machine, with a rendered inspection clip."""
