"""What the process answers: probabilities, scores under other scalings, and refusals as facts."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import tensorflow as tf

from converter.source_model.request import SourceFlags, SourcePicture, SourceRequest, SourceStage
from converter.source_model.worker import answer_request
from tests.support.entry_graphs import body, colours, draw_picture, source_answer, written

COUNT = 6


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Two sources asked about a few JPEG pictures whose labels are what one of them says."""
    folder = tmp_path_factory.mktemp("worker")
    paths = [folder / f"{at}.jpg" for at in range(COUNT)]
    for at, path in enumerate(paths):
        cv2.imwrite(str(path), draw_picture(at))
    (folder / "rubbish.jpg").write_bytes(b"\xff\xd8 no picture")
    paths.insert(0, folder / "rubbish.jpg")
    pixels = [cv2.imread(str(path))[..., ::-1] for path in paths[1:]]
    said = [source_answer(lambda: body(colours() / 255.0), row[np.newaxis]) for row in pixels]
    truth = (-1, *(int(row.argmax()) for row in said))
    graphs = {
        "steel": written(folder / "steel", lambda: body(colours() / 255.0)),
        "open": written(folder / "open", lambda: body(tf.identity(colours()))),
        "three": written(folder / "three", lambda: body(colours() / 255.0, labels=3)),
    }
    stages = tuple(
        SourceStage(name=name, graph=str(path), flags=SourceFlags(), labels=2, truth=truth)
        for name, path in graphs.items()
    )
    pictures = tuple(SourcePicture(path=str(path)) for path in paths)
    shares: list[float] = []
    request = SourceRequest(stages=stages, pictures=pictures, compared=len(paths))
    return answer_request(request, folder, shares.append), said, shares


def test_a_source_says_what_its_graph_says(answers):
    """The probabilities of the graph itself; a picture that is none is left out, and told."""
    result, said, shares = answers
    found = result.stages["steel"]
    assert np.allclose(found.probabilities, said, atol=1e-5)
    assert (found.form, found.refusal) == ("exclusive", "")
    assert [bool(picture.unread) for picture in result.pictures] == [True, *[False] * COUNT]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)


def test_scores_and_the_fast_decoder_are_measured(answers):
    """Labels that are the source's own: all right as chosen, and figures for the alternatives."""
    first, *others = answers[0].stages["steel"].scores
    assert (first.right, first.pictures) == (COUNT, COUNT)
    assert {score.name for score in others} == {
        "/ 255",
        "-1 to 1",
        "BGR instead of RGB",
        "labels exchanged",
    }
    assert answers[0].stages["steel"].fast_decoding < 0.2


def test_what_nothing_tells_is_a_refusal_of_that_stage_alone(answers):
    """Unknown scaling, and outputs that are no labels, each in a clause."""
    assert "give --input-mean" in answers[0].stages["open"].refusal
    assert answers[0].stages["three"].refusal == "3 outputs for 2 labels"
