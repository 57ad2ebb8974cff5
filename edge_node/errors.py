"""Define the errors that reach a user, all below ``CorrosionError``.

A message names the place, the found and the wanted value and, where that helps, what to do. Command lines
print it and exit with the error's ``exit_code``; no traceback reaches a user.
"""


class CorrosionError(Exception):
    """An error that the user can act on; its text is one sentence."""

    exit_code = 1


class ConfigError(CorrosionError):
    """The configuration cannot be used; systemd must not restart on it."""

    exit_code = 78  # EX_CONFIG, sysexits.h


class BundleError(CorrosionError):
    """A model bundle does not match its manifest."""


class UpdateError(BundleError):
    """A transported bundle differs from what was signed, or is not for this robot; nothing changed."""


class RuntimeUnavailableError(CorrosionError):
    """No TFLite runtime can be imported, or the installed one does not work on this machine."""


class TensorMismatchError(CorrosionError):
    """A tensor's shape, dtype or quantization differs from the manifest's."""


class CameraError(CorrosionError):
    """A camera or a recording cannot be opened or read."""


class UnreadablePictureError(CameraError):
    """A file is no picture, or a truncated one."""


class SpoolError(CorrosionError):
    """The spool cannot be opened or written."""


class PublisherError(CorrosionError):
    """The broker cannot be used as configured."""


class GraphError(CorrosionError):
    """A TensorFlow graph is missing, damaged or of a kind that the converter does not know."""


class DatasetError(CorrosionError):
    """Pictures or labels cannot be used."""


class ConversionError(CorrosionError):
    """A graph cannot be converted, or the result does not meet the request."""


class DestinationError(CorrosionError):
    """A file or a folder that results are to be written to cannot be written."""
