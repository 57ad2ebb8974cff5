"""Answer requests: one module of handlers for each subject, and the application that holds them."""
