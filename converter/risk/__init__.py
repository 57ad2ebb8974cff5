"""Choose when stages abstain for a stated risk, on sources that a training left out."""
