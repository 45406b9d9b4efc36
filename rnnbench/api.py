"""The functions and results behind the public names of the package."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.boards import (
    ACCURACY,
    Board,
    MeanRanks,
    RunHistory,
    rank_over_datasets,
    rank_runs,
    trace_runs,
)
from rnnbench.analysis.compare import ComparedRuns, compare_runs, differing_settings
from rnnbench.analysis.errors import words_of_test_documents
from rnnbench.analysis.summary import drop_duplicates
from rnnbench.analysis.summary import load_run as load_stored_run
from rnnbench.config.load import load_data
from rnnbench.data.dataset import Dataset
from rnnbench.data.load import prepare
from rnnbench.data.settings import Data
from rnnbench.errors import UserError
from rnnbench.job import (
    Config,
    Settings,
    overrides_of,
    prepare_job,
    require_whole,
    source_of,
)
from rnnbench.metrics import find_quantity
from rnnbench.prediction.predict import Prediction, predict_texts
from rnnbench.records import Record
from rnnbench.report.findings import make_badge
from rnnbench.report.table import Shown, Table
from rnnbench.report.tables_of_run import result_tables, summary_rows
from rnnbench.report.tables_of_runs import board_tables, comparison_tables, history_table
from rnnbench.results.lock import lock_folder
from rnnbench.results.run import StoredRun, load_results
from rnnbench.runner.executors import LocalExecutor
from rnnbench.runner.run import Options
from rnnbench.runner.run import run as run_benchmark
from rnnbench.terminal.display import show_steps, show_trials
from rnnbench.tracking import check_trackers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


class Run(Shown, StoredRun):
    """A finished run; it is displayed as its tables.

    Attributes:
        folder: the folder that holds it.
        results: the summary, as in ``results.json``.
        trials: the trials of each model, in the order of the seeds in the config.
        benchmark: the resolved config.
        environment: the machine and the package versions.
    """

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench run --verbose`` prints."""
        return result_tables(self.results)

    def without_duplicates(self) -> "Run":
        """Return the run as if test documents that are in the training set, too, were not there.

        Its files stay as they are. Positions of test documents are those in what is left.

        Raises:
            UserError: nothing is left.
        """
        return drop_duplicates(self)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one row for each trial.

        Its keys are ``model``, ``seed``, every metric, ``params``, ``epochs``, ``best_epoch``,
        ``fit_seconds``, ``ms_per_step``, and each key of the config in which the models differ.
        A value that a model does not have is ``None``.
        """
        settings = differing_settings(self.config["models"])
        return [
            {
                "model": model.name,
                "seed": trial.seed,
                **dict.fromkeys(self.results.metrics),
                **trial.metrics,
                **stored.record.model_dump(
                    include={"params", "epochs", "best_epoch", "fit_seconds", "ms_per_step"}
                ),
                **settings[model.name],
            }
            for model in self.results.models
            for trial, stored in zip(model.trials, self.trials[model.name], strict=True)
        ]

    def to_frame(self) -> "pd.DataFrame":
        """Return ``to_dicts`` as a pandas data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        return _frame(self.to_dicts())

    def summary_frame(self) -> "pd.DataFrame":
        """Return the models and the majority baseline, as in ``table.csv``, as a data frame.

        Raises:
            ImportError: pandas is not installed.
        """
        return _frame(summary_rows(self.results))

    def plot(
        self,
        name: str,
        models: str | Sequence[str] | None = None,
        *,
        curve: str | None = None,
        ax: "Axes | None" = None,
    ) -> "Axes":
        """Draw one of the plots of a report, in Matplotlib's style in use.

        Args:
            name: ``accuracy``, with both intervals of each model and the majority baseline;
                ``differences`` of all pairs of models, or, if there are more than 8 models, of
                those with the best; ``learning_curves``, medians in a band from the lowest to the
                highest seed; or ``confusion``, the answers of one model for each frequent topic.
            models: only these models of the run.
            curve: of learning curves, ``loss`` (the default), ``accuracy``, ``val_loss`` or
                ``val_accuracy``.
            ax: axes to draw on; by default new ones.

        Returns:
            The axes, with title, labels and legend, to go on with.

        Raises:
            UserError: there is no such plot, model or curve.
        """
        from rnnbench.report.plots_of_run import plot_run  # imports Matplotlib

        return plot_run(self, name, models, curve, ax)

    @property
    def labels(self) -> NDArray[np.int32]:
        """The topics of the test documents, ``(n_test,)``, as positions in the list of topics."""
        return next(iter(self.trials.values()))[0].labels

    def scores(self, model: str) -> NDArray[np.float32]:
        """Return the scores of a model, ``(n_seeds, n_test, n_topics)``; the highest is the answer.

        They are natural logarithms of probabilities, or margins where the model gives no
        probabilities; ``score_kind`` in the record of each trial says which.

        Raises:
            KeyError: the run has no such model.
        """
        return np.stack([trial.scores for trial in self.trials[model]])

    def write_report(
        self, *, words: int = 60, errors: int = 20, command: str = "Run.write_report()"
    ) -> Path:
        """Write ``report.html``, ``report.md`` and ``plots/`` into the folder of the run.

        Args:
            words: the number of words shown of each misclassified document.
            errors: the number of misclassified documents shown.
            command: the name of this call, shown to another process that wants the folder.

        Returns:
            The HTML file.

        Raises:
            UserError: another process is writing into the folder, it holds another run by now, a
                number is negative, or this is a run without duplicates.
            RnnbenchError: a file cannot be written.
        """
        from rnnbench.report.page import write_page  # imports Matplotlib

        texts = words_of_test_documents(self) if words else None
        with lock_folder(self.folder, command):
            if load_results(self.folder).fingerprints != self.results.fingerprints:
                raise UserError(f"{self.folder}: it now holds another run; load it again")
            _check_report(self, words, errors)
            return write_page(self, texts, words, errors)


class RunComparison(Shown, ComparedRuns):
    """How the models of one run differ from those of another; it is displayed as tables."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench compare`` prints."""
        return comparison_tables(self)

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw how the accuracy of each model changed, on ``ax`` or on new axes, and return them.

        Raises:
            UserError: ``ax`` is something else than Matplotlib axes.
        """
        from rnnbench.report.plots_of_runs import ChangesPlot  # imports Matplotlib

        return ChangesPlot(self).on(ax)


class Leaderboard(Shown, Record):
    """The models of several runs, ranked; they are displayed as tables."""

    boards: list[Board]
    """One for each group of runs that were tested on the same documents."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench leaderboard`` prints."""
        return [table for board in self.boards for table in board_tables(board)]

    def mean_ranks(self) -> MeanRanks:
        """Return the mean ranks, over all boards, of the models that every board has.

        Models are matched by name. Those that are left out are named in a warning.

        Raises:
            UserError: there are fewer than two boards, or fewer than two such models.
        """
        return rank_over_datasets(self.boards)

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw the mean ranks as a diagram of critical differences, on ``ax`` or on new axes.

        A bar joins models that are not told apart. The diagram describes these datasets: seeds are
        not datasets, and datasets of one collection are not exchangeable. Names and caption are
        fitted to the width that ``ax`` has by now.

        Raises:
            UserError: as for ``mean_ranks``, or ``ax`` is something else than Matplotlib axes.
        """
        from rnnbench.report.plots_of_runs import RanksPlot  # imports Matplotlib

        return RanksPlot(self.mean_ranks()).on(ax)


class Histories(Shown, Record):
    """A metric over several runs; it is displayed as tables."""

    histories: list[RunHistory]
    """One for each group of runs that were tested on the same documents, the oldest run first."""

    def tables(self) -> list[Table]:
        """Return the tables that ``rnnbench leaderboard --history`` prints."""
        return list(map(history_table, self.histories))


def load_dataset(config: Config | Data | None = None, settings: Settings | None = None) -> Dataset:
    """Return the padded documents and the labels that a config trains and tests on.

    Args:
        config: a config, or only its ``data`` section; by default the section with its defaults.
        settings: values that replace those of the config: ``{"data.source": "r8"}``.

    Raises:
        ConfigError: the config is wrong.
        UserError: the config asks for data that does not exist.
        OutOfReachError: the data could not be downloaded.
    """
    if isinstance(config, Data) or (
        isinstance(config, Mapping) and not {"data", "models", "extends"} & set(config)
    ):
        config = {"data": config}
    source = None if config is None else source_of(config)
    return prepare(load_data(source, overrides_of(settings))).dataset


def run(
    config: Config,
    *,
    seeds: int | Sequence[int] | None = None,
    models: str | Sequence[str] | None = None,
    epochs: int | None = None,
    data: str | None = None,
    path: str | Path | None = None,
    jobs: int | None = None,
    out: str | Path | None = None,
    settings: Settings | None = None,
    save_models: bool = False,
    fresh: bool = False,
    compact: bool = False,
    executor: str = "local",
    scheduler: str | Path | None = None,
    track: str | Sequence[str] | None = None,
    progress: bool = True,
    command: str | None = None,
) -> Run:
    """Train every model of a config with every seed, store the results, and return the run.

    Trials that are stored already are not trained again. If trials fail, or Ctrl-C ends the run,
    those that finished are stored as a partial run, and the same call without ``fresh`` continues
    from there.

    Args:
        config: a config file, its content, or the result of ``load_config``.
        seeds: the number of seeds, or a list of seeds.
        models: only these models of the config.
        epochs: the number of epochs of every training.
        data: the source of the documents: ``data.source`` of the config.
        path: a file or folder to read the source from: ``data.path`` of the config.
        jobs: the number of trials that run side by side; by default one per core.
        out: the folder of the results; by default ``results/NAME``.
        settings: values that replace others of the config.
        save_models: whether trained networks are kept, for ``predict``.
        fresh: whether stored trials are trained again.
        compact: whether trials, stored ones too, keep only what tables need.
        executor: where trials run: ``local``, or ``dask``, the workers of a Dask cluster.
        scheduler: address of the Dask scheduler, or its scheduler file; by default that of Dask's
            configuration.
        track: trackers that record the run: ``tracking`` of the config.
        progress: whether progress is shown on standard error.
        command: the command that ``results.json`` gives for repeating the run; by default one
            that runs its ``config.yaml``.

    Raises:
        ConfigError: the config or an argument is wrong.
        UserError: another process is writing into the folder, or it cannot be written to, or a
            tracker needs a package that is not installed.
        OutOfReachError: the data could not be downloaded.
        PluginError: the executor, which comes from another package, failed before any trial, or
            a tracker of another package cannot be loaded.
        RnnbenchError: a file cannot be written, or no trial can be trained.
        FailedTrialsError: trials have no result; it holds the partial run.
        InterruptedRunError: Ctrl-C ended the run; it holds the partial run.
    """
    job = prepare_job(
        config,
        seeds=seeds,
        models=models,
        epochs=epochs,
        data=data,
        path=path,
        jobs=jobs,
        out=out,
        settings=settings,
        executor=executor,
        scheduler=scheduler,
        track=track,
        progress=progress,
    )
    check_trackers(job.benchmark.tracking)
    folder, flags = job.store.folder, {"--save-models": save_models, "--compact": compact}
    command = command or _command(folder, jobs, executor, scheduler, flags)
    options = Options(command, keep_models=save_models, fresh=fresh, compact=compact)
    display = show_trials(quiet=not progress)
    finished, plan, done = run_benchmark(
        job.benchmark, job.data, job.executor, folder, options, display
    )
    whole = Run(**vars(finished)) if finished else None
    return require_whole(whole, plan, done, folder, command)


def load_run(folder: str | Path) -> Run:
    """Return the finished run in a folder.

    Raises:
        UserError: there is no finished run.
        DamagedResultError: a file is not as it was written; the message names it.
    """
    return Run(**vars(load_stored_run(Path(folder))))


def compare(a: StoredRun, b: StoredRun, models: str | Sequence[str] | None = None) -> RunComparison:
    """Return how the models of ``b`` differ from those of the same name in ``a``.

    Args:
        a: the run to compare with.
        b: another run, tested on the same documents.
        models: only these models; by default all.

    Raises:
        UserError: the documents differ, or the runs have no model in common.
    """
    names = [models] if isinstance(models, str) else models
    return RunComparison(**dict(compare_runs(a, b, names)))


def leaderboard(runs: Sequence[StoredRun], metric: str = "accuracy") -> Leaderboard:
    """Return the models of all runs, the best first.

    Args:
        runs: finished runs.
        metric: the metric that decides the rank.

    Raises:
        UserError: there is no such metric.
    """
    find_quantity(metric, "metric")
    return Leaderboard(boards=rank_runs(runs, metric))


def history(runs: Sequence[StoredRun], metric: str = ACCURACY) -> Histories:
    """Return a metric over all runs, the oldest first, with the clear changes of accuracy.

    Args:
        runs: finished runs.
        metric: a metric or a cost.

    Raises:
        UserError: there is no such metric.
    """
    find_quantity(metric, "metric")
    return Histories(histories=trace_runs(runs, metric))


def badge(run: StoredRun, model: str | None = None, metric: str = ACCURACY) -> dict[str, Any]:
    """Return the JSON that an endpoint badge of shields.io reads, as plain data.

    Args:
        run: a finished run.
        model: the name of a model; by default that with the best value.
        metric: a metric or a cost.

    Raises:
        UserError: there is no such model or metric, or the model does not have the metric.
    """
    find_quantity(metric, "metric")
    return make_badge(run.results, model, metric)


def site(
    runs: Iterable[StoredRun],
    out: str | Path = "site",
    *,
    metrics: str | Sequence[str] = ACCURACY,
    words: int = 0,
    errors: int = 20,
    progress: bool = True,
    command: str = "rnnbench.site()",
) -> Path:
    """Write static pages about several runs: their list, leaderboards, histories and reports.

    Args:
        runs: finished runs.
        out: the folder of an earlier site, whose files are replaced, or a new or empty one.
        metrics: the metrics of leaderboards and histories.
        words: the number of words shown of each misclassified document, if they may be published.
        errors: the number of misclassified documents in each report.
        progress: whether progress is shown on standard error.
        command: the name of this call, shown to another process that wants the folder.

    Returns:
        The page that lists the runs.

    Raises:
        UserError: there are no runs, there is no such metric, a number is negative, a run has its
            duplicates left out, the folder holds something else, or another process is writing
            into it.
        RnnbenchError: a file cannot be written.
    """
    from rnnbench.website.site import write_site  # imports Matplotlib

    runs = list(runs)  # the checks would use up an iterator
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names:
        find_quantity(name, "metrics")
    for given, what in ((runs, "runs"), (names, "metrics")):
        if not given:
            raise UserError(f"{what}: names none (should be one or more)")
    for each in runs:
        _check_report(each, words, errors)
    with show_steps("report", quiet=not progress) as on_run:
        write_site(
            runs,
            Path(out),
            metrics=names,
            words=words,
            n_errors=errors,
            command=command,
            on_run=on_run,
        )
    return Path(out) / "index.html"


def predict(
    run: StoredRun, model: str, texts: str | Sequence[str], *, seed: int | None = None
) -> list[Prediction]:
    """Return the predictions of a network that was kept with ``save_models``: one for each text.

    Args:
        run: the run that kept it.
        model: its name.
        texts: documents, at least one; the predictions have the same order.
        seed: of the trial; by default the first.

    Raises:
        UserError: there is no such model or seed, it was not kept, or a text contains no words.
        DamagedResultError: a file is not as it was written, or cannot be loaded.
        PluginError: the code of the model's own layers is gone, or failed.
    """
    given = [texts] if isinstance(texts, str) else texts
    return predict_texts(run.folder, model, seed, given).predictions


def _check_report(run: StoredRun, words: int, errors: int) -> None:
    """Make sure that a run can have a report with so many words and errors."""
    for given, what in ((words, "words"), (errors, "errors")):
        if given < 0:  # or all but the last ones would be shown
            raise UserError(f"{what}: got {given} (should be 0 or more)")
    if run.results.dataset.n_left_out:
        raise UserError(
            f"{run.folder}: a report is about all test documents, and has a section "
            "without duplicates; load the run again and report on that"
        )


def _command(
    folder: Path,
    jobs: int | None,
    executor: str,
    scheduler: str | Path | None,
    flags: Mapping[str, bool],
) -> str:
    """Return the command that repeats a run from the config that it stores."""
    options = [] if jobs is None else ["--jobs", str(jobs)]
    options += [] if executor == LocalExecutor.name else ["--executor", executor]
    options += [] if scheduler is None else ["--scheduler", str(scheduler)]
    options += [flag for flag, is_set in flags.items() if is_set]
    return shlex.join(
        ["rnnbench", "run", str(folder / "config.yaml"), *options, "--out", str(folder)]
    )


def _frame(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(list(rows))
