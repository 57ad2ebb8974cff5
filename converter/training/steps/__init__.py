"""Take the steps of a training of heads and upper layers on activations, and keep its state."""
