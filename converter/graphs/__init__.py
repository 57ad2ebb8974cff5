"""Read retrained TensorFlow graphs, find their input, scaling and head, and fuse heads on one backbone."""
