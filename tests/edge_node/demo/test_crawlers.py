"""The demonstration's robots: where they are, and that each place has one truth for the real models."""

import numpy as np
import pytest

from edge_node.demo.crawlers import CRAWLERS, TURN_S
from edge_node.demo.pipe import GRID_M
from edge_node.inference.bundle import DEFAULT_BUNDLE, load_bundle
from edge_node.inference.engine import Engine
from edge_node.inspection.inspector import Inspector
from edge_node.messages.verdict import Outcome


@pytest.mark.parametrize("crawler", CRAWLERS)
def test_it_crawls_to_the_end_and_back_on_a_grid(crawler):
    """Every way is a pass, there and back over the same places, with a stop at each end."""
    way_s = crawler.pass_s + TURN_S
    ways = [[crawler.place(number * way_s + s) for s in np.arange(0, way_s, 0.2)] for number in range(3)]
    assert [{place.pass_number for place in way} for way in ways] == [{0}, {1}, {2}]
    assert [way[0].distance_m for way in ways] == [0.0, crawler.pipe.length_m, 0.0]
    assert all(way[-1].stands and not way[0].stands for way in ways)
    steps = [place.distance_m / GRID_M for way in ways for place in way]
    assert np.allclose(steps, np.round(steps))


@pytest.mark.runtime
def test_the_default_models_see_each_spot_and_nothing_between():
    """On its first pass the bundle in the package finds corrosion at every spot, and none 1 m beside it."""
    inspector = Inspector(Engine(load_bundle(DEFAULT_BUNDLE)))
    for crawler in CRAWLERS:
        for spot in crawler.pipe.spots:
            middle_m = (spot.tile + 0.5) * 0.8
            outcomes = [
                inspector.inspect(crawler.pipe.picture(middle_m + beside_m, 0)).decision.outcome
                for beside_m in (-1.0, 0.0, 1.0)
            ]
            here = Outcome.CORRODED if spot.hours(0) else Outcome.UNCORRODED
            assert outcomes == [Outcome.UNCORRODED, here, Outcome.UNCORRODED], (crawler.robot, spot)
