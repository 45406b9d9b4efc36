"""Runs in Python: trained or loaded, compared and ranked, as tables, arrays and plots.

>>> run = rnnbench.run("configs/smoke.yaml", seeds=3)  # doctest: +SKIP
>>> run.to_frame()  # doctest: +SKIP
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rnnbench.analysis.summary import load_run as load_stored_run
from rnnbench.config.load import load_data
from rnnbench.data.config import Data
from rnnbench.data.dataset import Dataset
from rnnbench.data.load import prepare
from rnnbench.finished import Run
from rnnbench.job import prepared_job
from rnnbench.report.tables.files import table_files
from rnnbench.request import (
    Config,
    Names,
    OwnTexts,
    RunRequest,
    Settings,
    changes,
)
from rnnbench.results.stored_run import StoredRun
from rnnbench.runner.errors import require_whole
from rnnbench.runner.events import Event
from rnnbench.runner.run import run as run_job
from rnnbench.runner.tracking import tell_trackers
from rnnbench.section import checked
from rnnbench.terminal.display import show_trials
from rnnbench.tracking import check_trackers

WHOLE_CONFIG = {"data", "models", "extends"}
"""Keys that a config has, and its ``data`` section has not."""


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
    text: Names = None,
    label: Names = None,
    group: str | None = None,
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
            with labels: a table, a folder, a pandas data frame, a data set of Hugging
            Face, a dict of frames by part, ``train`` and ``test``, or a pair ``(texts,
            labels)``; see ``configs/texts.yaml``.
        epochs: Epochs of every training.
        seeds: The number of seeds, or a list.
        models: Only these models of the config.
        data: The source of the documents. Or texts with labels, a data frame or a pair.
            They are stored in the folder of the results, by default one for these texts
            alone: results/NAME-DIGITS, with the first digits of their checksum.
        path: Read the source offline, from this file or folder.
        text: The column of a table with the texts; or several, with parts of them.
        label: The column of a table with the labels; or several with 1 or 0.
        group: The column of a table with groups of texts, such as authors.
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
    return run_request(RunRequest.of(locals()))


def run_request(request: RunRequest) -> Run:
    """Carry out a request, as ``run`` does."""
    # 1. Read the config, check the folder, and get the documents.
    with prepared_job(request) as job:
        check_trackers(job.benchmark.tracking)
        with (
            tell_trackers(job.benchmark, job.store.folder) as trackers,
            show_trials(quiet=not request.progress) as screen,
        ):

            def listener(event: Event) -> None:
                screen(event)
                trackers(event)

            # 2. Train what is not stored, and write the run.
            stored, done = run_job(
                job,
                listener,
                table_files,
                keep_models=request.save_models,
                compact=request.compact,
            )
    # 3. Return it, or raise why trials are missing in it.
    run = run_of(stored) if stored else None
    return require_whole(run, job, done)


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
