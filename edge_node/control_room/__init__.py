"""The control room: keeps what robots say, shows it, and says back what people think of it."""
