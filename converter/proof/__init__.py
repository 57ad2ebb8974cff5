"""Hold a bundle against the source models that it was made from, and say why where they differ."""
