"""Open a camera by its URI and keep it running: one thread fills the one-slot latest frame."""
