"""Train and test the thesis's six models and the cascade on any data set."""
