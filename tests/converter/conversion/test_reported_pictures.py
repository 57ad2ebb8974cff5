"""The pictures of a report: those with different answers, the widest apart first, and the mistakes."""

from __future__ import annotations

import msgspec
import numpy as np

from converter.conversion.reported_pictures import (
    choose_known_labels,
    find_widest,
    list_differing,
    list_mistakes,
    name_picture,
)
from converter.proof.source_proof import SourceProof
from converter.quantize.request import Mode
from edge_node.inference.probabilities import softmax
from tests.support.conversions import with_changes


def test_pictures_with_different_answers_come_widest_apart_first(outcome):
    """Both answers stand side by side with the probabilities of the labels that were chosen."""
    (comparison,) = outcome.comparisons
    found = list_differing(outcome, comparison)
    assert {one.index for one in found} <= {5, 20, 40}
    assert found
    differences = [one.difference for one in found]
    assert differences == sorted(differences, reverse=True)
    for one in found:
        before, after = one.answers
        assert (before.by, after.by) == ("float", "int8")
        assert before.label == one.float_label != one.quantized_label == after.label
        assert set(before.probabilities) == {before.label, after.label}
        assert before.probabilities[before.label] > 0.5 > after.probabilities[before.label]
        assert one.confidence == after.probabilities[after.label]


def test_the_source_is_compared_where_it_was_asked(outcome):
    """A picture on which bundle and original differ is listed with three answers; elsewhere it has two."""
    (comparison,) = outcome.comparisons
    said = softmax(comparison.reference)[[0, 5]]
    said[0] = said[0][::-1]  # of picture 0 the original graph says the opposite
    proof = SourceProof(proved=False, indices=(0, 5), answers={comparison.stage.name: said})
    found = {one.index: one for one in list_differing(with_changes(outcome, proof=proof), comparison)}
    assert [answer.by for answer in found[0].answers] == ["source", "float", "int8"]
    assert found[0].answers[0].label != found[0].answers[2].label
    assert all(len(one.answers) == 2 for at, one in found.items() if at not in {0, 5})
    (unasked,) = choose_known_labels(comparison.stage, np.full((1, 2), np.nan))
    assert unasked == -1


def test_where_nothing_differs_the_widest_apart_is_found(outcome):
    """A float bundle is its own float model: no picture differs, and only the bundle answers."""
    (comparison,) = outcome.comparisons
    same = type(comparison)(comparison.stage, comparison.reference, comparison.reference)
    as_float = with_changes(outcome, mode=Mode.NONE)
    assert list_differing(as_float, same) == ()
    widest = find_widest(as_float, same)
    assert widest.difference == 0
    assert [answer.by for answer in widest.answers] == ["bundle"]


def test_mistakes_come_surest_first(outcome):
    """They are of the bundle, with the true label beside."""
    (comparison,) = outcome.comparisons
    found = list_mistakes(outcome, comparison, 1.0)
    assert [one.confidence for one in found] == sorted((one.confidence for one in found), reverse=True)
    assert all(one.truth != one.quantized_label for one in found)
    assert list_mistakes(with_changes(outcome, labelled=None), comparison, 1.0) == ()


def test_a_name_that_is_no_text_is_written(outcome, tmp_path):
    """Bytes of another encoding in a file's name do not end the conversion."""
    sample = outcome.labelled.samples[0]
    odd = type(outcome.labelled)(
        outcome.labelled.name,
        (type(sample)(**{**_fields(sample), "path": tmp_path / "\udcff.png"}),),
        outcome.labelled.truth,
        outcome.labelled.corroded,
    )
    assert msgspec.json.encode(name_picture(with_changes(outcome, labelled=odd), 0))


def _fields(sample):
    return {name: getattr(sample, name) for name in type(sample).__dataclass_fields__}
