"""Pipelines as text: joined for GStreamer's parser, and kept out of errors."""

import pytest

from edge_node.camera.backends.pipeline_text import join_for_parser, shown_error, split_pipeline

PIPELINE = "rtspsrc location=rtsp://admin:hunter@cam/key%20word user-pw=correcthorse ! decodebin name=d"


def test_words_are_joined_as_gst_launch_joins_its_arguments():
    """Blanks within a word are escaped, those within double quotes and those that are escaped already not."""
    words = split_pipeline(r"""filesrc 'location=a b' "name=\"c d\"" x=e\\ f""")
    assert join_for_parser(words) == r'filesrc location=a\ b name="c d" x=e\ f'


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ('no element "rtspsrc"', 'no element "rtspsrc"'),
        ('no property "user-pw" in element "rtspsrc"', 'no property "user-pw" in element "rtspsrc"'),
        ("could not link rtspsrc0 to decodebin0", "could not link rtspsrc0 to decodebin0"),
        ("Could not open resource for reading.", "Could not open resource for reading."),
        ("Cannot identify device '/dev/video9'.", "Cannot identify device '/dev/video9'."),
        ("rtsp://admin:hunter@cam/key refused hunter", "... refused ..."),
        ("login refused correcthorse, correct, horse9", "login refused ..."),
        ("bad key word", "bad ..."),
        ('no element "hunter"', "no element ..."),
    ],
)
def test_of_an_error_only_harmless_words_are_shown(error, shown):
    """No word of a property's value is repeated, whoever wrote the error."""
    assert shown_error(error, split_pipeline(PIPELINE)) == shown
