"""The plots of a run, whose list is ``PLOTS``, and those of several runs.

>>> from rnnbench.report.plots import PLOTS
>>> PLOTS["cost"](run).picture(".svg")  # doctest: +SKIP
"""

from collections.abc import Sequence

from matplotlib.axes import Axes

from rnnbench.errors import UserError, did_you_mean
from rnnbench.registry import Registry
from rnnbench.report.plots.confusion import ConfusionPlot
from rnnbench.report.plots.cost import CostPlot
from rnnbench.report.plots.differences import DifferencesPlot
from rnnbench.report.plots.learning_curves import LearningCurves
from rnnbench.report.plots.risk import RiskPlot
from rnnbench.report.plots.run_plot import RunPlot
from rnnbench.report.plots.score import ScorePlot
from rnnbench.results.stored_run import StoredRun

PLOTS: Registry[type[RunPlot]] = Registry(
    "plot",
    RunPlot,
    [ScorePlot, DifferencesPlot, CostPlot, LearningCurves, ConfusionPlot, RiskPlot],
    key="kind",
    holds_classes=True,
)
"""In the order in which a section shows them."""


def plot_run(
    run: StoredRun,
    name: str,
    models: str | Sequence[str] | None = None,
    curve: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a plot of a run, and return its axes; the arguments are as in ``Run.plot``.

    ``UserError``: the run has no such plot, model or curve.
    """
    task = run.results.dataset.kind
    kinds = [plot.kind for plot in PLOTS.usable() if task.is_among(plot.tasks)]
    kind = ScorePlot.kind if name == task.main else name
    if kind not in kinds:
        hint = did_you_mean(str(name), [task.main, *kinds])
        raise UserError(f"no plot '{name}' of a run of the task {task.name} ({hint})")
    with PLOTS.blamed(kind):
        return PLOTS[kind](run, models, curve).on(ax)
