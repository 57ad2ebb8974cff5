"""Run the control room, or its demonstration, as one process."""
