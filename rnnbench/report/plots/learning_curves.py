"""The plot of the loss and the score by epoch."""

from collections.abc import Sequence
from itertools import cycle, product, zip_longest
from typing import NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from rnnbench.errors import UserError, did_you_mean
from rnnbench.report.plots.look import COLOURS, LARGEST, LINE_STYLES, THIN, Style
from rnnbench.report.plots.plot import WIDE, about, add_legend, draw_line
from rnnbench.report.plots.run_plot import RunPlot
from rnnbench.report.table import MISSING, Table, with_points
from rnnbench.training.outcome import TrialResult

CURVES = {
    "loss": "loss on the training documents",
    "score": "{score} on the training documents",
    "val_loss": "loss on the validation documents",
    "val_score": "{score} on the validation documents",
}
"""The curves of a training history, by field."""
VALIDATION = "val_"


class Band(NamedTuple):
    """A curve of several seeds; each is ``(n_epochs,)``, and NaN is masked."""

    lowest: NDArray[np.float64]
    median: NDArray[np.float64]
    highest: NDArray[np.float64]

    def ending(self) -> str:
        """Return the values in the last epoch in words."""
        low, median, high = (values[-1] for values in self)
        if median is np.ma.masked or abs(median) >= LARGEST:
            return MISSING
        return f"{median:.4g} ({low:.4g} to {high:.4g})"


class LearningCurves(RunPlot):
    """Loss and score by epoch: the median over seeds, in a band of all seeds.

    A page shows all curves, one above the other.
    """

    kind = "learning_curves"
    section = "learning"
    title = "Loss and score by epoch"
    has_curves = True

    def prepare(self) -> None:
        task = self.run.results.dataset.kind
        self.title = f"Loss and {task.score_name} by epoch"
        self._words: dict[str, str] = {}
        self._bands: dict[str, dict[str, Band]] = {}
        for field, words in CURVES.items():
            curve = field.replace("score", task.main)  # as Keras names it
            self._words[curve] = words.format(score=task.score_name)
            self._bands[curve] = {}
            for network, trials in self.run.trials.items():
                band = _band(trials, field)
                if band:
                    self._bands[curve][network] = band
        self._networks = list(self._bands["loss"])
        if not self._networks:
            fault = "no model was trained in epochs, so there are no curves"
            raise UserError(f"{self.run.folder}: {fault}")
        if self.is_of_all:
            self.chosen = self._networks
        self._check_models()
        self._choose_curve()
        self.size = (7, 4)
        height = 2.1 * len(self._curves) + 0.8 + 0.2 * len(self.chosen)
        self.size_on_page = (5.2, height)
        self.wide_on_page = (WIDE, height / 2 + 0.8)
        self.alt = (
            f"{self.title} of {', '.join(self.chosen)}; "
            "bands from the lowest to the highest seed"
        )

    def _check_models(self) -> None:
        for name in self.chosen:
            if name not in self._networks:
                allowed = ", ".join(self._networks)
                raise UserError(
                    f"models: {name} has no learning curve; it was not trained in "
                    f"epochs (allowed: {allowed})"
                )

    def _choose_curve(self) -> None:
        """Set the curves of a page, and the one of other drawings."""
        has_validation = bool(self._bands["val_loss"])
        self._curves = [
            curve
            for curve in self._words
            if has_validation or not curve.startswith(VALIDATION)
        ]
        self._curve = self.curve or "loss"
        if self._curve not in self._curves:
            hint = did_you_mean(self._curve, self._curves)
            if not has_validation:
                hint += "; curves of validation need training.validation_split"
            raise UserError(f"curve: got '{self.curve}' ({hint})")

    def table(self) -> Table:
        headers = ["model"]
        for curve in self._curves:
            headers.append(curve.replace(VALIDATION, "validation "))
        rows = []
        for network in self.chosen:
            row = [network]
            for curve in self._curves:
                band = self._bands[curve].get(network)
                row.append(band.ending() if band else MISSING)
            rows.append(row)
        caption = (
            "In the last epoch: the median over seeds, and the lowest and the highest "
            "value."
        )
        return with_points(Table(headers, rows, caption))

    def draw(self, axes: Axes, curve: str | None = None) -> Sequence[Artist]:
        """Draw one curve; a network has the same colour whichever others are drawn."""
        curve = curve or self._curve
        handles: list[Artist] = []
        styles = cycle(product(LINE_STYLES, COLOURS))
        for network, (line, colour) in zip(self._networks, styles, strict=False):
            band = self._bands[curve].get(network)
            if band is None or network not in self.chosen:
                continue
            epochs = np.arange(1, len(band.median) + 1)
            style: Style = {"color": colour, "gid": about(network)}
            shade = style | {"alpha": 0.2, "lw": 0}
            axes.fill_between(epochs, band.lowest, band.highest, **shade)
            style |= THIN | {"ls": line}
            handles += draw_line(axes, epochs, band.median, style, network)
        axes.set_title(self._words[curve])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return handles

    def draw_alone(self, axes: Axes) -> None:
        self.draw(axes)
        axes.set(xlabel="epoch", ylabel=self._curve.removeprefix(VALIDATION))
        axes.legend()

    def draw_on_page(self, figure: Figure) -> None:
        n_columns = 1
        if figure.get_figwidth() >= WIDE:
            n_columns = 2
        grid = figure.subplots(len(self._curves) // n_columns, n_columns, sharex=True)
        panels = np.ravel(grid).tolist()
        for curve, axes in zip(self._curves, panels, strict=True):
            self.draw(axes, curve)
            if curve.endswith("loss"):
                axes.set_ylim(bottom=0)
        for axes in panels[-n_columns:]:
            axes.set_xlabel("epoch")
        handles, _ = panels[0].get_legend_handles_labels()
        add_legend(figure, handles)


def _band(trials: Sequence[TrialResult], field: str) -> Band | None:
    """Return a curve over all trials; ``None`` if they do not have it."""
    curves = [getattr(trial.record.history, field) for trial in trials]
    if not curves[0]:
        return None
    by_epoch = list(zip_longest(*curves, fillvalue=np.nan))  # engines may stop early
    values = np.ma.masked_invalid(np.array(by_epoch, float)).clip(-LARGEST, LARGEST)
    median = np.ma.median(values, axis=1)  # type: ignore[no-untyped-call]
    return Band(values.min(axis=1), median, values.max(axis=1))
