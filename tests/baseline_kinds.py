"""Every kind of baseline, for tests that are run with each."""

import pytest

from rnnbench.environment import missing
from rnnbench.models.baselines import BASELINES

KINDS = [
    pytest.param(
        kind,
        marks=pytest.mark.skipif(
            bool(missing(BASELINES[kind].packages)), reason=BASELINES[kind].install
        ),
    )
    for kind in BASELINES
]
"""The names; a kind is skipped where a package that it needs is not installed."""
