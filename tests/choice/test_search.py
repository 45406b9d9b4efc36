"""The search of a grid draws each point at most once, and prefers the good ones."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.choice.search import _axes, search_grids
from rnnbench.points import point_name, values_of
from rnnbench.runner.run import Plan, PlanResult


def grid(*sizes, zipped=0):
    """Return the names of the points of a grid; parameters of ``zipped`` values change together."""
    points = [{}]
    for axis, size in enumerate(sizes):
        points = [{**point, f"p{axis}": str(n)} for point in points for n in range(size)]
    if zipped:
        points = [{**p, "a": str(n), "b": f"b{n}"} for p in points for n in range(zipped)]
    return [point_name("m", point) for point in points]


def searched(names, n, accuracy=lambda _: 0.5):
    """Return the points that a search tries, in order."""
    tried = []

    def run(plan):
        drawn = [trial.name for trial in plan.trials]
        tried.extend(drawn)
        results = [
            SimpleNamespace(record=SimpleNamespace(model=name), labels=[0], accuracy=accuracy(name))
            for name in drawn
        ]
        return PlanResult(results, {}, [], None)

    trials = [SimpleNamespace(name=name) for name in names]
    plan, _ = search_grids(Plan(None, trials, {}), n, run)
    assert [trial.name for trial in plan.trials] == tried
    return tried


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(2, 4), min_size=1, max_size=3), st.integers(0, 3), st.integers(1, 12))
def test_no_point_is_tried_twice_and_none_is_tried_too_many(sizes, zipped, n):
    names = grid(*sizes, zipped=zipped)
    tried = searched(names, n)
    assert len(tried) == len(set(tried)) == min(n, len(names))
    assert set(tried) <= set(names)


def test_the_same_search_tries_the_same_points():
    names = grid(5, 5)
    assert searched(names, 10) == searched(names, 10)


def test_values_that_did_well_are_drawn_more_often():
    names = grid(10, 10)

    def accuracy(name):
        return 0.9 if values_of(name)["p0"] == "3" else 0.1

    tried = searched(names, 40, accuracy)
    good = sum(values_of(name)["p0"] == "3" for name in tried)
    assert good >= 6, "drawn evenly, it would be 4"


def test_points_that_do_not_form_a_whole_grid_are_tried_too():
    names = [*grid(2, 2, 2)[:-1], "m[lr=1]", "m[other=1]", "m"]
    assert sorted(searched(names, 50)) == sorted(names)
    three = [grid(2, 2, 2)[n] for n in (0, 3, 5, 6)]  # all pairs of values, not all triples
    assert sorted(searched(three, 4)) == sorted(three)


def test_models_without_a_grid_are_always_tried():
    assert set(searched(["one", "two", *grid(4)], 2)) > {"one", "two"}


@pytest.mark.parametrize(
    ("names", "axes"),
    [
        (grid(2, 3), [("p0",), ("p1",)]),
        (grid(2, zipped=3), [("p0",), ("a", "b")]),
        (grid(zipped=2), [("a", "b")]),
    ],
)
def test_zipped_parameters_are_one_axis(names, axes):
    assert list(_axes(names)) == axes
