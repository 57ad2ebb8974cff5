"""Convert retrained TensorFlow graphs to the quantized bundle that the edge node runs."""
