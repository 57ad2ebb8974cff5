"""Run the commands that take a bundle: pack and sign it, evaluate it, show what it says of pictures."""
