"""Load a bundle, check it against its golden probe and run its models; shared with the converter."""
