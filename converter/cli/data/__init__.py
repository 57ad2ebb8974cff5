"""Run ``converter data``: import, export and check labelled pictures, one module each."""
