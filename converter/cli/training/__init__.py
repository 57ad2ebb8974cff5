"""Run the commands that train: retrain, the table of runs, and the study of the six models."""
