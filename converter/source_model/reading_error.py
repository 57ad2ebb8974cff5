"""Define the error of a source model about which something is told by nothing."""


class ReadingError(Exception):
    """Neither the model's own ops nor a flag tells how it is run; the text is a clause without the file."""
