"""Run the commands that take a trained graph: convert, inspect and label it, with flags they share."""
