"""A search of grids by Optuna: it draws the points that look best so far, and some others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from rnnbench.errors import UserError
from rnnbench.points import model_of, values_of
from rnnbench.runner.run import Plan, PlanResult
from rnnbench.training.trial import Trial

BATCH = 4
"""Points of each grid that are drawn at once: workers start anew for each batch."""
MAX_DRAWS = 100
"""The most draws that may repeat tried points; then the next untried point is taken."""


def sampler_version() -> str:
    """Return the name and version of what draws the points.

    Raises:
        UserError: Optuna is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise UserError("search: needs Optuna (pip install 'rnnbench[search]')") from None
    return f"Optuna {optuna.__version__} (TPE)"


def search_grids(plan: Plan, n: int, run: Callable[[Plan], PlanResult]) -> tuple[Plan, PlanResult]:
    """Return the part of a plan that was carried out, and its results.

    The same plan with the same results draws the same points.

    Args:
        plan: the trials of all points.
        n: the number of points of each grid; if it has no more, all are tried.
        run: carries out a part of the plan.
    """
    grids: dict[tuple[str, ...], list[str]] = {}
    for name in sorted({trial.name for trial in plan.trials}):
        grids.setdefault((model_of(name), *values_of(name)), []).append(name)
    samplers = [_Sampler(points, n) for points in grids.values()]
    tried: list[Trial] = []
    whole = PlanResult([], {}, [], None)
    while whole.ending is None and (drawn := {name for each in samplers for name in each.draw()}):
        batch = [trial for trial in plan.trials if trial.name in drawn]
        tried += batch
        done = run(replace(plan, trials=batch))
        whole = PlanResult(
            [*whole.trials, *done.trials],
            {**whole.failures, **done.failures},
            [*whole.without_result, *done.without_result],
            done.ending,
        )
        for sampler in samplers:
            sampler.learn(done)
    return replace(plan, trials=tried), whole


class _Sampler:
    """Draws points of a grid, and learns from their accuracies.

    Args:
        points: names with the same parameters.
        n: the number of points to draw.
    """

    def __init__(self, points: Sequence[str], n: int):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=0, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._axes = _axes(points)
        self._space = {
            " ".join(labels): optuna.distributions.CategoricalDistribution(range(len(choices)))
            for labels, choices in self._axes.items()
        }
        self._name_of = {tuple(sorted(values_of(point).items())): point for point in points}
        self._n = min(n, len(points))
        self._untried = dict.fromkeys(points)
        self._waiting: dict[str, Any] = {}
        """The trials of the study whose accuracy is not known yet, by point."""

    def draw(self) -> list[str]:
        """Return the next points; none if there are enough."""
        n_left = self._n - (len(self._name_of) - len(self._untried))
        return [self._draw_one() for _ in range(min(n_left, BATCH))]

    def _draw_one(self) -> str:
        """Return a point that was not tried before."""
        from optuna.trial import TrialState

        for _ in range(MAX_DRAWS):
            trial = self._study.ask(self._space)
            name = self._point(trial.params)
            if name in self._untried:
                self._waiting[name] = trial
                break
            self._study.tell(trial, state=TrialState.FAIL)
        else:
            name = next(iter(self._untried))
        del self._untried[name]
        return name

    def _point(self, params: Mapping[str, int]) -> str | None:
        """Return the point that has these values, if there is one."""
        values = {
            label: value
            for labels, choices in self._axes.items()
            for label, value in zip(labels, choices[params[" ".join(labels)]], strict=True)
        }
        return self._name_of.get(tuple(sorted(values.items())))

    def learn(self, done: PlanResult) -> None:
        """Tell the study the accuracies of the points that were drawn last."""
        for name in list(self._waiting):
            if of_point := [each for each in done.trials if each.record.model == name]:
                sizes = [len(each.labels) for each in of_point]
                accuracy = np.average([each.accuracy for each in of_point], weights=sizes)
                self._study.tell(self._waiting.pop(name), float(accuracy))


def _axes(points: Sequence[str]) -> dict[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the choices of each axis of a grid, by the parameters that change along it.

    Parameters that are zipped do not have all combinations of their values, so they are one axis.
    """
    values = [values_of(point) for point in points]
    groups = [{label} for label in values[0]]
    for a, b in combinations(values[0], 2):
        of_a, of_b, of_both = (len(_distinct(values, each)) for each in ((a,), (b,), (a, b)))
        if of_both < of_a * of_b:
            joined = set().union(*(group for group in groups if group & {a, b}))
            groups = [*(group for group in groups if not group & {a, b}), joined]
    axes = (tuple(label for label in values[0] if label in group) for group in groups)
    return {axis: _distinct(values, axis) for axis in axes}


def _distinct(values: Sequence[dict[str, str]], labels: Sequence[str]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(tuple(each[label] for label in labels) for each in values))
