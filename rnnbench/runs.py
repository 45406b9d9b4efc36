"""Several runs: compared, ranked, in order of time, and as a site."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnbench.analysis import boards as ranking
from rnnbench.analysis.compare import ComparedRuns, compare_runs
from rnnbench.analysis.summary import RunOrFolder, opened
from rnnbench.report.table import Shown, Table
from rnnbench.report.tables import board_tables, comparison_tables, history_table
from rnnbench.section import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class RunComparison(Shown, ComparedRuns):
    """How the models of one run differ from those of another; it is displayed as tables."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench compare`` prints."""
        return comparison_tables(self)

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw how the score of each model changed, on ``ax`` or on new axes, and return them."""
        from rnnbench.report.plots import ChangesPlot  # imports Matplotlib

        return ChangesPlot(self).on(ax)


class Leaderboard(Shown, Record):
    """The models of several runs, ranked; they are displayed as tables."""

    boards: list[ranking.Board]
    """One for each group of runs that were tested on the same documents."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench leaderboard`` prints."""
        return [table for board in self.boards for table in board_tables(board)]

    def mean_ranks(self) -> ranking.MeanRanks:
        """Return the mean ranks, over all boards, of the models that every board has, by name.

        Raises:
            UserError: there are fewer than two boards, or fewer than two such models.
        """
        return ranking.rank_over_datasets(self.boards)

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw the mean ranks as a diagram of critical differences, on ``ax`` or on new axes.

        A bar joins models that are not told apart. It describes these datasets alone: seeds are
        not datasets, and those of one collection are not exchangeable. Errors: see ``mean_ranks``.
        """
        from rnnbench.report.plots import RanksPlot  # imports Matplotlib

        return RanksPlot(self.mean_ranks()).on(ax)


class Histories(Shown, Record):
    """A metric over several runs; it is displayed as tables."""

    histories: list[ranking.RunHistory]
    """One for each group of runs that were tested on the same documents, the oldest run first."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench leaderboard --history`` prints."""
        return list(map(history_table, self.histories))


def compare(
    a: RunOrFolder, b: RunOrFolder, models: str | Sequence[str] | None = None
) -> RunComparison:
    """Return how the models of run or folder ``b`` differ from those of the same name in ``a``.

    Raises:
        UserError: the documents differ, or the runs have none of the ``models`` in common.
    """
    names = [models] if isinstance(models, str) else models
    return RunComparison(**dict(compare_runs(opened(a), opened(b), names)))


def leaderboard(runs: Sequence[RunOrFolder], metric: str | None = None) -> Leaderboard:
    """Return the models of all runs, or of folders, the best by a metric or the main one first.

    Raises:
        UserError: there is no such metric, or the runs do not have it.
    """
    return Leaderboard(boards=ranking.rank_runs(list(map(opened, runs)), metric))


def history(runs: Sequence[RunOrFolder], metric: str | None = None) -> Histories:
    """Return a metric, by default the main one, or a cost over all runs, with its clear changes.

    Raises:
        UserError: there is no such metric, or the runs do not have it.
    """
    return Histories(histories=ranking.trace_runs(list(map(opened, runs)), metric))
