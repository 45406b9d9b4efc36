"""Runs in Python: trained or loaded, compared and ranked, as tables, arrays and plots.

>>> run = rnnbench.run("configs/smoke.yaml", seeds=3)  # doctest: +SKIP
>>> run.to_frame()  # doctest: +SKIP
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.compare import differing_settings
from rnnbench.analysis.summary import drop_duplicates
from rnnbench.analysis.summary import load_run as load_stored_run
from rnnbench.config.load import load_data
from rnnbench.data.config import Data
from rnnbench.data.dataset import Dataset
from rnnbench.data.load import prepare
from rnnbench.errors import UserError
from rnnbench.job import prepared_job
from rnnbench.labels import Labels
from rnnbench.metrics import COSTS
from rnnbench.prediction.predict import KeptModel, Prediction, find_model
from rnnbench.report.layout import Shown
from rnnbench.report.table import Table
from rnnbench.report.tables.files import summary_rows, table_files
from rnnbench.report.tables.scores import result_tables
from rnnbench.request import (
    Config,
    Names,
    OwnTexts,
    RunRequest,
    Settings,
    changes,
    split_texts,
)
from rnnbench.results.run import StoredRun, load_results
from rnnbench.results.store import OUTSIDE, lock_folder
from rnnbench.runner.errors import require_whole
from rnnbench.runner.events import Event, Listener
from rnnbench.runner.run import run as run_job
from rnnbench.runner.tracking import tell_trackers
from rnnbench.runner.train import Job
from rnnbench.section import checked
from rnnbench.terminal.display import show_trials
from rnnbench.tracking import check_trackers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

WHOLE_CONFIG = {"data", "models", "extends"}
"""Keys that a config has, and its ``data`` section has not."""


class Run(Shown, StoredRun):
    """A finished run in a ``folder``; it is displayed as its tables.

    ``results`` is the summary, as in ``results.json``; ``trials`` has those of each
    model in the order of the seeds; ``benchmark`` is the resolved config;
    ``environment`` is the machine.
    """

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench run --verbose`` prints."""
        return result_tables(self.results)

    def without_duplicates(self) -> "Run":
        """Return the run without test documents of the training set.

        Raises:
            UserError: no document is left.
        """
        return drop_duplicates(self)

    def to_dicts(self) -> list[dict[str, object]]:
        """Return a row for each trial, with ``None`` for values that it does not have.

        Its keys are ``model``, ``seed``, every metric, ``params``, ``epochs``,
        ``best_epoch``, every cost, and each key of the config in which the models
        differ.
        """
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

        return pd.DataFrame(summary_rows(self.results))

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
                score by the time of a training; or ``confusion``, the answers of one
                model for each frequent topic.
            models: only this model, or these models, of the run.
            curve: of learning curves, ``loss`` (the default), the name of the main
                metric, such as ``accuracy``, or either of them after ``val_``.
            ax: the axes to draw on; by default new ones.

        Raises:
            UserError: there is no such plot, model or curve.
        """
        from rnnbench.report.plots import plot_run  # imports Matplotlib

        return plot_run(self, name, models, curve, ax)

    @property
    def labels(self) -> Labels:
        """The topics of the test documents, as positions in the list of topics.

        The shape is ``(n_test,)``. If documents may have any number of topics, it is
        ``(n_test, n_topics)``, with 0 and 1.
        """
        trials, *_ = self.trials.values()
        return trials[0].labels

    def scores(self, model: str) -> NDArray[np.float32]:
        """Return the scores of a model, ``(n_seeds, n_test, n_topics)``.

        The topic with the highest is the answer. They are natural logarithms of
        probabilities, or margins; ``score_kind`` in the record of each trial says
        which. Compact trials have one value for all scores of a document that are
        neither among its best three nor of topics that it was given. ``KeyError`` is
        raised if there is no such model.
        """
        return np.stack([trial.scores for trial in self.trials[model]])

    @checked
    def model(self, name: str | None = None, *, seed: int | None = None) -> KeptModel:
        """Return a trained model that was kept with ``save_models``, for new texts.

        Args:
            name: the name of a model; by default the most accurate one that was kept.
            seed: the seed of its trial; by default the first.

        Raises:
            UserError: there is no such model or seed, or it was not kept.
            DamagedResultError: a file is not as it was written, or cannot be loaded.
            PluginError: the code of the model's own layers is missing, or failed.
        """
        return find_model(self.folder, name, seed)

    def predict(
        self,
        texts: Iterable[Sequence[str]],
        model: str | None = None,
        *,
        seed: int | None = None,
        **options: Any,
    ) -> list[Prediction]:
        """Return ``run.model(model, seed=seed).answers(texts, **options)``."""
        return self.model(model, seed=seed).answers(texts, **options)

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

        is_verdict = self.results.engine == OUTSIDE
        with lock_folder(self.folder, command, is_verdict=is_verdict):
            if load_results(self.folder).fingerprints != self.results.fingerprints:
                raise UserError(
                    f"{self.folder}: it now holds another run; load it again"
                )
            check_report(self, words, errors)
            return write_files(self.folder, page_of_run(self, words, errors))


def load_dataset(
    config: Config | Data | None = None, settings: Settings | None = None
) -> Dataset:
    """Return the padded documents and the labels that a config trains and tests on.

    Args:
        config: a config, or only its ``data`` section; by default the section with its
            defaults.
        settings: values that replace those of the config: ``{"data.source": "r8"}``.

    Raises:
        ConfigError: the config is wrong.
        UserError: the config asks for data that does not exist.
        OutOfReachError: the data could not be downloaded.
    """
    match config:
        case Data():
            config = {"data": config}
        case Mapping() if not WHOLE_CONFIG & set(config):
            config = {"data": config}
    return prepare(load_data(config, changes(settings))).dataset


def run(
    config: Config,
    *,
    epochs: int | None = None,
    seeds: int | Sequence[int] | None = None,
    models: Names = None,
    data: str | OwnTexts | None = None,
    path: str | Path | None = None,
    text: str | None = None,
    label: str | None = None,
    jobs: int | None = None,
    executor: str = "local",
    scheduler: str | Path | None = None,
    out: str | Path | None = None,
    settings: Settings | None = None,
    fresh: bool = False,
    progress: bool = True,
    command: str | None = None,
    track: Names = None,
    save_models: bool = False,
    compact: bool = False,
) -> Run:
    """Train every model of a config with every seed, and store and return the run.

    Trials that are stored already are not trained again. If trials fail, or Ctrl-C ends
    the run, those that finished are stored as a partial run, and the same call without
    ``fresh`` continues from there.

    Args:
        config: A config file, its content, or the result of ``load_config``. Or texts
            with labels: a table, a folder, a pandas data frame, or a pair ``(texts,
            labels)``; see ``configs/texts.yaml``.
        epochs: Epochs of every training.
        seeds: The number of seeds, or a list.
        models: Only these models of the config.
        data: The source of the documents. Or texts with labels, a data frame or a pair.
            They are stored in the folder of the results, by default one for these texts
            alone: results/NAME-DIGITS, with the first digits of their checksum.
        path: Read the source offline, from this file or folder.
        text: The column of a table with the texts.
        label: The column of a table with the labels.
        jobs: Trials side by side; by default one per core.
        executor: Where trials run: local, dask, or an executor that another package
            brings.
        scheduler: The scheduler of Dask; by default that of its configuration.
        out: Where results go; by default results/NAME.
        settings: New values of the config, by key.
        fresh: Train stored trials again.
        progress: Whether progress is shown on standard error.
        command: The command that repeats the run; by default one with its
            ``config.yaml``.
        track: Record the run while it goes on, with mlflow, tensorboard or wandb; one
            or a list.
        save_models: Keep the trained models, for ``predict``.
        compact: Store only what tables need, for runs kept in git.

    Raises:
        ConfigError: the config or an argument is wrong.
        UserError: another process is writing into the folder, or something cannot be
            written.
        OutOfReachError: the data could not be downloaded.
        PluginError: an executor or a tracker of another package failed before any
            trial.
        RnnbenchError: no trial can be trained.
        FailedTrialsError: trials have no result; it holds the partial run.
        InterruptedRunError: Ctrl-C ended the run; it holds the partial run.
    """
    source, data, texts = split_texts(config, data)
    overrides = changes(
        settings,
        dashes="",
        epochs=epochs,
        seeds=seeds,
        data=data,
        path=path,
        text=text,
        label=label,
        track=track,
    )
    request = RunRequest(
        source,
        overrides=overrides,
        texts=texts,
        models=models,
        jobs=jobs,
        executor=executor,
        scheduler=scheduler,
        out=out,
        fresh=fresh,
        progress=progress,
        command=command,
        save_models=save_models,
        compact=compact,
    )
    return run_request(request)


def run_request(request: RunRequest) -> Run:
    """Carry out a request, as ``run`` does."""
    with prepared_job(request) as job:
        check_trackers(job.benchmark.tracking)
        with _following(job, quiet=not request.progress) as listener:
            stored, done = run_job(
                job,
                listener,
                table_files,
                keep_models=request.save_models,
                compact=request.compact,
            )
    run = run_of(stored) if stored else None
    return require_whole(run, job, done)


@contextmanager
def _following(job: Job, *, quiet: bool) -> Iterator[Listener]:
    """Yield a listener for the screen, unless ``quiet``, and the trackers of a job."""
    with (
        tell_trackers(job.benchmark, job.store.folder) as trackers,
        show_trials(quiet=quiet) as screen,
    ):

        def listener(event: Event) -> None:
            screen(event)
            trackers(event)

        yield listener


@checked
def load_run(folder: str | Path) -> Run:
    """Return the finished run in a folder.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: a file is not as it was written; the message names it.
    """
    return run_of(load_stored_run(Path(folder)))


def run_of(stored: StoredRun) -> Run:
    """Return a stored run as one that is displayed as its tables."""
    return Run(**vars(stored))
