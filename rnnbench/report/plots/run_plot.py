"""The base class of the plots of a run, ours and those of other packages."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Self

from rnnbench.errors import UserError
from rnnbench.points import chosen
from rnnbench.report.plots.plot import Plot
from rnnbench.results.stored_run import StoredRun


class RunPlot(Plot):
    """A plot of a run, for its report and for ``Run.plot``.

    A subclass has a ``title``. It sets ``size``, a width and a height in inches, and
    ``alt``, the same facts in words, in ``prepare``. ``draw(axes)`` draws, and returns
    the entries of a legend. ``UserError`` says that an argument is wrong, or that the
    models lack what the plot shows.
    """

    kind: ClassVar[str]
    """The name of the plot in ``Run.plot``, and of its entry point."""
    section: ClassVar[str]
    """The section of the report that shows it."""
    tasks: ClassVar[Sequence[str]] = ()
    """Names of the kinds of task that have it; all if there are none."""
    has_curves: ClassVar[bool] = False
    """Whether it has several curves to choose from."""
    chosen: Sequence[str]
    """The models to draw, in the order of the run."""
    is_of_all: bool
    """Whether none were named."""

    def __init__(
        self,
        run: StoredRun,
        models: str | Sequence[str] | None = None,
        curve: str | None = None,
    ):
        if curve is not None and not self.has_curves:
            raise UserError(
                f"curve: got '{curve}' for '{self.kind}' "
                "(allowed: only for learning_curves)"
            )
        self.name = self.kind
        self.run = run
        self.curve = curve
        self.is_of_all = models is None
        self.chosen = chosen(list(run.trials), models)
        self._models = [
            model for model in run.results.models if model.name in self.chosen
        ]
        self.prepare()

    @abstractmethod
    def prepare(self) -> None:
        """Set the size and the words, from ``run``, ``chosen`` and ``curve``."""

    def need_two(self) -> None:
        """Make sure that there are two models to compare."""
        if len(self.chosen) < 2:
            allowed = ", ".join(self.run.trials)
            raise UserError(
                f"models: the plot '{self.kind}' needs two models, "
                f"got 1 (allowed: {allowed})"
            )

    @classmethod
    def in_report(cls, run: StoredRun) -> Sequence[Self]:
        """Return the plots of a report; none if the run lacks what they show."""
        try:
            return [cls(run)]
        except UserError:
            return []
