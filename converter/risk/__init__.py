"""Choose for a stated risk when stages abstain, on pictures of sources that were left out of a training."""
