"""Every error that reaches a user: one root, one family, one sentence each.

A message names where, what was found, what was wanted and, where that helps, what to do. Command lines
print it and exit with the error's ``exit_code``; no traceback reaches a user.
"""


class CorrosionError(Exception):
    """Something the user can act on; its text is one sentence."""

    exit_code = 1


class ConfigError(CorrosionError):
    """The configuration cannot be used; systemd must not restart on it."""

    exit_code = 78  # EX_CONFIG, sysexits.h


class BundleError(CorrosionError):
    """A model bundle does not hold what its manifest promises."""


class UpdateError(BundleError):
    """A bundle that travels is not what was signed, or this robot may not take it; nothing changed."""


class RuntimeUnavailableError(CorrosionError):
    """No TFLite runtime can be imported, or the installed one does not work here."""


class TensorMismatchError(CorrosionError):
    """A tensor's shape, dtype or quantization is not what was promised."""


class CameraError(CorrosionError):
    """A camera or a recording cannot be opened or read."""


class UnreadablePictureError(CameraError):
    """A file is no picture, or a picture that is cut off."""


class SpoolError(CorrosionError):
    """The spool cannot be opened or written."""


class PublisherError(CorrosionError):
    """The broker cannot be used as configured."""


class GraphError(CorrosionError):
    """A TensorFlow graph is missing, damaged or not of a kind that the converter knows."""


class DatasetError(CorrosionError):
    """Pictures or labels cannot be used."""


class ConversionError(CorrosionError):
    """A graph cannot be converted, or the result is not what was asked for."""


class DestinationError(CorrosionError):
    """A file or a folder that results are to be written to cannot be written."""
