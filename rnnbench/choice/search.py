"""A search of grids by Optuna: it draws the points that look best so far, and some others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from rnnbench.errors import UserError
from rnnbench.points import model_of, values_of
from rnnbench.runner.benchmark import Plan, PlanResult

BATCH = 4
"""Points of each grid that are drawn at once; while they are trained, no core idles."""
MAX_DRAWS = 100
"""Draws of points that were tried before, until a new one is taken from the list."""


def check_optuna() -> None:
    """Make sure that Optuna is installed.

    Raises:
        UserError: it is not.
    """
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise UserError("search: needs Optuna (pip install 'rnnbench[search]')") from None


def search(plan: Plan, n: int, run: Callable[[Plan], PlanResult]) -> PlanResult:
    """Return the results of ``n`` points of each grid, or of all of them if there are fewer.

    The same plan with the same results draws the same points.

    Args:
        plan: the trials of all points.
        n: the number of points of each grid.
        run: carries out a part of the plan.
    """
    names = list(dict.fromkeys(trial.name for trial in plan.trials))
    grids: dict[str, list[str]] = {}
    for name in sorted(names):
        grids.setdefault(model_of(name), []).append(name)
    samplers = [_Sampler(points, n) for points in grids.values()]
    whole = PlanResult([], {}, [], None)
    while whole.ending is None and (drawn := [name for each in samplers for name in each.draw()]):
        done = run(replace(plan, trials=[each for each in plan.trials if each.name in drawn]))
        whole = PlanResult(
            [*whole.trials, *done.trials],
            {**whole.failures, **done.failures},
            [*whole.without_result, *done.without_result],
            done.ending,
        )
        for sampler in samplers:
            sampler.learn(done)
    return whole


@dataclass
class _Sampler:
    """Draws the points of a grid, and learns from their accuracies."""

    points: Sequence[str]
    n: int
    tried: dict[str, Any] = field(default_factory=dict)
    """The trials of the study that stand for points, by name."""

    def __post_init__(self) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=0, constant_liar=True)
        self.study = optuna.create_study(direction="maximize", sampler=sampler)
        self.axes = _axes(self.points)
        self.space = {
            " ".join(labels): optuna.distributions.CategoricalDistribution(range(len(choices)))
            for labels, choices in self.axes.items()
        }

    def draw(self) -> list[str]:
        """Return the next points; none if there are enough."""
        n = min(self.n, len(self.points)) - len(self.tried)
        if not self.space:  # a model without a grid
            new = [name for name in self.points if name not in self.tried]
            self.tried |= dict.fromkeys(new)
            return new
        return [self._draw_one() for _ in range(min(n, BATCH))]

    def _draw_one(self) -> str:
        """Return a point that was not tried before."""
        for _ in range(MAX_DRAWS):
            trial = self.study.ask(self.space)
            name = self._name(trial.params)
            if name not in self.tried:
                self.tried[name] = trial
                return name
            self.study.tell(trial, state=_state("FAIL"))
        name = next(point for point in self.points if point not in self.tried)
        self.tried[name] = None
        return name

    def _name(self, params: dict[str, int]) -> str:
        """Return the point that has these values."""
        wanted = {
            label: value
            for labels, choices in self.axes.items()
            for label, value in zip(labels, choices[params[" ".join(labels)]], strict=True)
        }
        return next(point for point in self.points if values_of(point) == wanted)

    def learn(self, done: PlanResult) -> None:
        """Tell the study the mean accuracies of the points that were drawn last."""
        for name, trial in self.tried.items():
            of_point = [each for each in done.trials if each.record.model == name]
            if trial is None or not of_point:
                continue
            weights = [len(each.labels) for each in of_point]
            accuracy = np.average([each.accuracy for each in of_point], weights=weights)
            self.study.tell(trial, float(accuracy))
            self.tried[name] = None


def _state(name: str) -> Any:
    import optuna

    return optuna.trial.TrialState[name]


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
