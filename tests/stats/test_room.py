"""The room of statistics: it stands alone, and its examples are right."""

import doctest
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from rnnbench import stats

MODULES = sorted(file.stem for file in Path(stats.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_are_right(module):
    name = f"rnnbench.stats.{module}".removesuffix(".__init__")

    assert doctest.testmod(import_module(name)).failed == 0


@pytest.mark.parametrize("name", stats.__all__)
def test_each_public_name_says_what_it_is(name):
    assert getattr(stats, name).__doc__


def test_nothing_else_of_the_package_is_loaded():
    code = """
import sys
from rnnbench.stats import *
ours = [name for name in sys.modules if name.startswith("rnnbench")]
print(*[name for name in ours if not name.startswith("rnnbench.stats")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["rnnbench"]


def test_two_arrays_are_compared_by_few_files():
    code = """
import sys
import numpy as np
from rnnbench import stats
a = stats.Correctness(np.ones((1, 9), bool))
b = stats.Correctness(np.zeros((1, 9), bool))
stats.score_interval(a), stats.difference_p(a, b), stats.estimate_difference(a, b)
print(sum(name.startswith("rnnbench") for name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) <= 6
