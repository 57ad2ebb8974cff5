"""Run source models in TensorFlow by their own ops and the user's flags, in a process of its own."""
