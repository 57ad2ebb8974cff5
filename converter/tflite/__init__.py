"""Read `.tflite` files that others made, and change what the node needs otherwise. Runs none."""
