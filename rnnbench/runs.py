"""Several runs in Python: compared, ranked and followed over time.

>>> rnnbench.compare("results/before", "results/after")  # doctest: +SKIP
>>> rnnbench.leaderboard(["results/all", "results/r52"])  # doctest: +SKIP
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.analysis import boards as ranking
from rnnbench.analysis.compare import ComparedRuns, compare_runs
from rnnbench.analysis.summary import RunOrFolder, opened
from rnnbench.report.badge import make_badge
from rnnbench.report.table import Table
from rnnbench.report.tables.boards import board_tables, history_table
from rnnbench.report.tables.two_runs import comparison_tables
from rnnbench.section import StoredRecord
from rnnbench.shown import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class RunComparison(Shown, ComparedRuns):
    """How the models of one run differ from those of another; it is displayed as
    tables.
    """

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench compare`` prints."""
        return comparison_tables(self)

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw how each score changed, on ``ax`` or new axes, and return the axes."""
        from rnnbench.report.plots.differences import ChangesPlot  # imports Matplotlib

        return ChangesPlot(self).on(ax)


class Leaderboard(Shown, StoredRecord):
    """The models of several runs, ranked; they are displayed as tables."""

    boards: list[ranking.Board]
    """One for each group of runs that were tested on the same documents."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench leaderboard`` prints."""
        return [table for board in self.boards for table in board_tables(board)]

    def mean_ranks(self) -> ranking.MeanRanks:
        """Return the mean ranks, over all boards, of models with the same names.

        Raises:
            UserError: there are fewer than two boards, or fewer than two such models.
        """
        return ranking.rank_over_datasets(self.boards)

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw a diagram of critical differences of mean ranks, and return its axes.

        A bar joins models that are not told apart. It describes these datasets alone:
        seeds are not datasets, and those of one collection are not exchangeable.
        Errors: see ``mean_ranks``.
        """
        from rnnbench.report.plots.ranks import RanksPlot  # imports Matplotlib

        return RanksPlot(self.mean_ranks()).on(ax)


class Histories(Shown, StoredRecord):
    """A metric over several runs; it is displayed as tables."""

    histories: list[ranking.RunHistory]
    """One for each group of runs on the same documents, the oldest run first."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench leaderboard --history`` prints."""
        return list(map(history_table, self.histories))


def badge(
    run: RunOrFolder, model: str | None = None, metric: str | None = None
) -> dict[str, str | int]:
    """Return the JSON that an endpoint badge of shields.io reads, as plain data.

    Args:
        run: a finished run, or its folder.
        model: the name of a model; by default that with the best value.
        metric: a metric or a cost; by default the main metric.

    Raises:
        UserError: there is no such model or metric, or the model does not have the
            metric.
    """
    return make_badge(opened(run).results, model, metric)


def compare(
    a: RunOrFolder, b: RunOrFolder, models: str | Sequence[str] | None = None
) -> RunComparison:
    """Return how the models of ``b`` differ from those of the same names in ``a``.

    Raises:
        UserError: the documents differ, or the runs have none of the ``models`` in
            common.
    """
    return RunComparison(**dict(compare_runs(opened(a), opened(b), models)))


def leaderboard(runs: Sequence[RunOrFolder], metric: str | None = None) -> Leaderboard:
    """Return the models of all runs, or of folders, ranked by a metric, the best first.

    Raises:
        UserError: there is no such metric, or the runs do not have it.
    """
    return Leaderboard(boards=ranking.rank_runs(list(map(opened, runs)), metric))


def history(runs: Sequence[RunOrFolder], metric: str | None = None) -> Histories:
    """Return a metric, by default the main one, or a cost of each run, and its changes.

    Raises:
        UserError: there is no such metric, or the runs do not have it.
    """
    return Histories(histories=ranking.trace_runs(list(map(opened, runs)), metric))
