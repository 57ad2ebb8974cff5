"""Make the picture that is judged of the camera's picture: correct the lens, turn, flip, crop, mask."""
