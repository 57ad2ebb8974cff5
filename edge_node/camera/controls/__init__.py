"""Set and hold a camera's exposure, gain, white balance and focus, and read back what it answers."""
