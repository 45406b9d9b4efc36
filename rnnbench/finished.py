"""A finished run in Python: its tables, arrays, plots, trained models and report.

>>> run = rnnbench.load_run("results/all")  # doctest: +SKIP
>>> run.to_frame()  # doctest: +SKIP

Each method imports the room that it leads to, so that a run costs only what is used.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnbench.errors import UserError, did_you_mean
from rnnbench.results.stored_run import StoredRun
from rnnbench.shown import Shown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from rnnbench.classifier import Classifier
    from rnnbench.config.schema import Benchmark
    from rnnbench.prediction.predict import KeptModel, Prediction
    from rnnbench.report.table import Table


class Run(Shown, StoredRun):
    """A finished run in a ``folder``; it is displayed as its tables.

    ``results`` is the summary, as in ``results.json``; ``trials`` has those of each
    model in the order of the seeds; ``benchmark`` is the resolved config;
    ``environment`` is the machine.
    """

    def tables(self) -> "list[Table]":
        """Return the tables that ``rnnbench run --verbose`` prints."""
        from rnnbench.report.tables.scores import result_tables

        return result_tables(self.results)

    def without_duplicates(self) -> "Run":
        """Return the run without test documents of the training set.

        Raises:
            UserError: no document is left.
        """
        from rnnbench.analysis.summary import drop_duplicates

        return drop_duplicates(self)

    def to_dicts(self) -> list[dict[str, object]]:
        """Return a row for each trial, with ``None`` for values that it does not have.

        Its keys are ``model``, ``seed``, every metric, ``params``, ``epochs``,
        ``best_epoch``, every cost, and each key of the config in which the models
        differ.
        """
        from rnnbench.analysis.compare import differing_settings
        from rnnbench.metrics import COSTS

        settings = differing_settings(self.config["models"])
        of_training = {"params", "epochs", "best_epoch", *COSTS}
        rows = []
        for model in self.results.models:
            trials = zip(model.trials, self.trials[model.name], strict=True)
            for trial, stored in trials:
                row: dict[str, object] = {"model": model.name, "seed": trial.seed}
                row |= dict.fromkeys(self.results.metrics)
                row |= trial.metrics
                row |= stored.record.model_dump(include=of_training)
                row |= settings[model.name]
                rows.append(row)
        return rows

    def to_frame(self) -> "pd.DataFrame":
        """Return ``to_dicts`` as a data frame; ``ImportError`` without pandas."""
        import pandas as pd

        return pd.DataFrame(self.to_dicts())

    def summary_frame(self) -> "pd.DataFrame":
        """Return the rows of ``table.csv``: the models and the majority baseline."""
        import pandas as pd

        from rnnbench.report.tables.files import summary_rows

        return pd.DataFrame(summary_rows(self.results))

    @property
    def table(self) -> "pd.DataFrame":
        """The same as ``summary_frame()``."""
        return self.summary_frame()

    @property
    def best(self) -> str:
        """The name of the model with the highest mean score; the first of equals."""
        return self.results.best.name

    def accuracy(self, model: str | None = None) -> float:
        """Return the mean accuracy of a model over its seeds, by default the best.

        ``UserError`` is raised if there is no such model, or if documents may have any
        number of topics, which have no accuracy.
        """
        models = self.results.by_name
        name = model or self.best
        if name not in models:
            hint = did_you_mean(name, models)
            raise UserError(f"{self.folder}: no model '{name}' ({hint})")
        metrics = models[name].metrics
        if "accuracy" not in metrics:
            allowed = ", ".join(metrics)
            raise UserError(f"{self.folder}: no accuracy (table has {allowed})")
        return metrics["accuracy"].mean

    def plot(
        self,
        name: str,
        models: str | Sequence[str] | None = None,
        *,
        curve: str | None = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw a plot of a report in the style in use, and return its axes.

        Args:
            name: ``score`` or the main metric, with the intervals of each model;
                ``differences`` of all pairs of up to 8 models, or of each model and the
                best; ``learning_curves``, medians in a band of all seeds; ``cost``, the
                score by the time of a training; ``risk``, the errors by the share of
                documents that are answered; or ``confusion``, the answers of one model
                for each frequent topic.
            models: only this model, or these models, of the run.
            curve: of learning curves, ``loss`` (the default), the name of the main
                metric, such as ``accuracy``, or either of them after ``val_``.
            ax: the axes to draw on; by default new ones.

        Raises:
            UserError: there is no such plot, model or curve.
        """
        from rnnbench.report.plots import plot_run  # imports Matplotlib

        return plot_run(self, name, models, curve, ax)

    def scores(self, model: str) -> NDArray[np.float32]:
        """Return the scores of a model, ``(n_seeds, n_test, n_topics)``.

        The topic with the highest is the answer. They are natural logarithms of
        probabilities, or margins; ``score_kind`` in the record of each trial says
        which. Compact trials have one value for all scores of a document that are
        neither among its best three nor of topics that it was given. ``KeyError`` is
        raised if there is no such model.
        """
        return np.stack([trial.scores for trial in self.trials[model]])

    def model(self, name: str | None = None, *, seed: int | None = None) -> "KeptModel":
        """Return a trained model that was kept with ``save_models``, for new texts.

        Args:
            name: the name of a model; by default the most accurate one that was kept.
            seed: the seed of its trial; by default the first.

        Raises:
            UserError: there is no such model or seed, or it was not kept.
            DamagedResultError: a file is not as it was written, or cannot be loaded.
            PluginError: the code of the model's own layers is missing, or failed.
        """
        from rnnbench.prediction.predict import find_model

        kept = find_model(self.folder, name, seed)
        kept.untrained = partial(_untrained, kept.name, kept.seed, self.benchmark)
        return kept

    def classifier(
        self, name: str | None = None, *, seed: int | None = None
    ) -> "Classifier":
        """Return ``model(name, seed=seed)`` with the methods of ``Classifier``."""
        kept = self.model(name, seed=seed)
        return _untrained(kept.name, kept.seed, self.benchmark).with_model(kept)

    def predict(
        self,
        texts: Iterable[Sequence[str]],
        model: str | None = None,
        *,
        seed: int | None = None,
        top: int | None = None,
        unsure_below: float | None = None,
        answer_where: str | None = None,
        explain: bool = False,
    ) -> "list[Prediction]":
        """Return ``run.model(model, seed=seed).answers(texts, ...)``."""
        return self.model(model, seed=seed).answers(
            texts,
            top,
            unsure_below=unsure_below,
            answer_where=answer_where,
            explain=explain,
        )

    def prediction_frame(
        self,
        texts: Iterable[Sequence[str]],
        model: str | None = None,
        *,
        seed: int | None = None,
    ) -> "pd.DataFrame":
        """Return the answers to texts, in the columns of ``rnnbench predict --in``."""
        import pandas as pd

        from rnnbench.prediction.table import answer_rows

        kept = self.model(model, seed=seed)
        return pd.DataFrame(answer_rows(kept, kept.answers(texts, 2)))

    def write_report(
        self, *, words: int = 60, errors: int = 20, command: str = "Run.write_report()"
    ) -> Path:
        """Write ``report.html``, which it returns, ``report.md`` and ``plots/``.

        They show up to ``words`` words of up to ``errors`` misclassified documents. A
        process that needs the folder meanwhile is told the ``command``.

        Raises:
            UserError: another process is writing there, the folder holds another run by
                now, a number is negative, this is a run without duplicates, or a file
                cannot be written.
        """
        # They import Matplotlib.
        from rnnbench.prediction.report import page_of_run
        from rnnbench.report.page import check_report, write_files
        from rnnbench.results.run import load_results
        from rnnbench.results.store import OUTSIDE, lock_folder

        is_verdict = self.results.engine == OUTSIDE
        with lock_folder(self.folder, command, is_verdict=is_verdict):
            if load_results(self.folder).fingerprints != self.results.fingerprints:
                raise UserError(
                    f"{self.folder}: it now holds another run; load it again"
                )
            check_report(self, words, errors)
            return write_files(self.folder, page_of_run(self, words, errors))


def _untrained(model: str, seed: int, config: "Benchmark") -> "Classifier":
    """Return an estimator that trains a model as a run of a config does."""
    from rnnbench.classifier import Classifier

    return Classifier(model, config=config, random_state=seed)
