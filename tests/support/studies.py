"""Results of a study as its figures give them."""

from __future__ import annotations

from converter.study.figures import (
    SPECIMEN,
    Study,
    compare_cascades,
    measure_model,
)


def make_study(answered, groups, **changes):
    """Return a study of the models that answered; ``changes`` replace its fields."""
    of_all = {
        "data": "d",
        "pictures": len(groups),
        "groups": len(groups),
        "folds": 2,
        "steps": 10,
        "seed": 0,
        "left_out": (),
        "rows": tuple(measure_model(one, groups, SPECIMEN) for one in answered),
        "comparisons": compare_cascades(answered, groups, SPECIMEN),
    }
    return Study(**{**of_all, **changes})
