"""What the tests of a conversion's report share: one outcome, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from converter.conversion.report_figures import collect_report
from tests.support.conversions import make_outcome

if TYPE_CHECKING:
    from converter.conversion.order import ConversionOutcome
    from converter.conversion.report import Report


@pytest.fixture(scope="package")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> ConversionOutcome:
    """A conversion whose models answer three pictures apart."""
    return make_outcome(tmp_path_factory.mktemp("conversion"))


@pytest.fixture(scope="package")
def report(outcome: ConversionOutcome) -> Report:
    """Its report."""
    return collect_report(outcome)
