"""The part that ``run`` and ``choose`` share: from arguments to a job that is ready to run."""

import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from rnnbench.config.load import MAX_CONFIG, Override, dump, load, select, tree_of
from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import PATHS
from rnnbench.data.load import PreparedData, prepare
from rnnbench.errors import Interruption, OutOfReachError, RnnbenchError, UserError, signal_of
from rnnbench.results.lock import HINT, check_folder
from rnnbench.results.store import CHOICE, RESULTS, SUMMARY_FILES, Store
from rnnbench.runner.executors import EXECUTORS, Executor, executor_class
from rnnbench.runner.run import Plan, PlanResult, describe, first_traceback
from rnnbench.storage import SUBFOLDERS, peek, sha256_file
from rnnbench.terminal.display import show_download
from rnnbench.text import encodable, listed
from rnnbench.training.trial import Trial

Config = str | Path | Mapping[str, Any] | Benchmark
"""A config file, its content, or the result of ``load_config``."""
Settings = Mapping[str, Any] | Sequence[Override]
"""New values of a config, by key: ``{"training.batch_size": 25}``."""
WRITTEN = (*SUMMARY_FILES, CHOICE, "choice.md", *SUBFOLDERS)
"""The files and folders that a run or a choice writes into its folder."""


@dataclass(frozen=True)
class Job:
    """A benchmark with everything that its trials need.

    Attributes:
        benchmark: the benchmark, with all changes.
        data: its documents.
        executor: trains its trials.
        store: keeps them.
    """

    benchmark: Benchmark
    data: PreparedData
    executor: Executor
    store: Store


def prepare_job(
    config: Config,
    *,
    seeds: int | Sequence[int] | None,
    models: str | Sequence[str] | None,
    epochs: int | None,
    data: str | None,
    path: str | Path | None,
    jobs: int | None,
    out: str | Path | None,
    settings: Settings | None,
    executor: str,
    scheduler: str | Path | None = None,
    progress: bool,
    track: str | Sequence[str] | None = None,
    record: str = RESULTS,
    prefix: str = "",
) -> Job:
    """Return what the arguments describe; see ``run``.

    Results go to ``results/PREFIXNAME`` by default; ``record`` is the file that makes the folder a
    run or a choice.

    Raises:
        ConfigError: the config or an argument is wrong.
        UserError: an argument is wrong, or the config asks for data that does not exist.
        OutOfReachError: the data could not be downloaded.
        PluginError: the executor, which comes from another package, failed.
    """
    benchmark = _benchmark(
        config, settings, seeds=seeds, epochs=epochs, data=data, path=path, track=track
    )
    if models is not None:
        benchmark = select(benchmark, [models] if isinstance(models, str) else models, "models")
    if jobs is not None and jobs < 1:
        raise UserError(f"jobs: got {jobs} (should be 1 or more)")
    with EXECUTORS.blamed(executor):
        kind = executor_class(executor)
        trainer = kind(jobs) if scheduler is None else kind.at(str(scheduler), jobs)
    folder = _folder(out, f"{prefix}{benchmark.name}")
    store = Store(folder)
    check_folder(folder, record)
    check_inputs(config, benchmark, folder)
    if (size := len(dump(benchmark, folder).encode())) > MAX_CONFIG:
        message = f"its config.yaml would have {size:,} bytes (allowed: {MAX_CONFIG:,})"
        raise UserError(f"{benchmark.name}: {message}; make its grids smaller")
    with show_download(quiet=not progress) as on_bytes:
        prepared = prepare(benchmark.data, on_bytes)
    return Job(benchmark, prepared, trainer, store)


class Stored(Protocol):
    """The result of a job: a run, or a choice."""

    @property
    def folder(self) -> Path:
        """The folder that holds it."""


S = TypeVar("S", bound=Stored)


class FailedTrialsError(RnnbenchError):
    """Trials failed, or no more could be trained; those that finished are stored.

    Attributes:
        run: the partial run, or choice; ``None`` if no trial has a result.
        summary: the first traceback, if there is one, what ended the run early, how many trials
            are missing, and the command that continues where something was out of reach.
    """

    def __init__(self, run: Stored | None, plan: Plan, done: PlanResult, command: str):
        stored = f"; {run.folder}/ has the results of the others" if run else ""
        verb = "have no result" if done.ending else "failed"
        count = f"{len(done.without_result)} of {len(plan.trials)} trials {verb}{stored}."
        end = [str(done.ending), count] if done.ending else [count]
        if isinstance(done.ending, OutOfReachError):
            end.append(_continuation(command))
        super().__init__("\n".join([describe(done.failures), *end]).lstrip())
        self.run: Any = run
        self.summary = "\n".join([*first_traceback(done.failures), *end])
        self.exit_code = getattr(done.ending, "exit_code", RnnbenchError.exit_code)


class InterruptedRunError(Interruption):
    """Ctrl-C or another signal ended a run; all trials that finished are stored.

    It is a ``KeyboardInterrupt``, which ``except Exception`` does not catch.

    Attributes:
        run: the partial run, or choice; ``None`` if no trial has a result.
    """

    def __init__(self, run: Stored | None, stored: str, command: str, signal: int):
        super().__init__(f"Interrupted; {stored}. {_continuation(command)}", signal)
        self.run: Any = run


def _continuation(command: str) -> str:
    again = shlex.join(word for word in shlex.split(command) if word != "--fresh")
    return f"This command continues from there:\n  {again}"


def require_whole(run: S | None, plan: Plan, done: PlanResult, folder: Path, command: str) -> S:
    """Return the result of a job; raise an error if it ended early or trials are missing.

    Args:
        run: the result of the job; ``None`` if no trial has a result.
        plan: its trials.
        done: their results.
        folder: the folder that holds them.
        command: the command that continues the job.

    Raises:
        InterruptedRunError: Ctrl-C or another signal ended the job.
        FailedTrialsError: trials have no result.
        RnnbenchError: no trial could be trained, or somebody removed the files of some.
    """
    lost = _lost(plan, done, Store(folder))
    if isinstance(done.ending, KeyboardInterrupt):
        n_stored = len(done.trials) - len(lost)
        stored = f"{n_stored} of {len(plan.trials)} trials are stored in {folder}/"
        raise InterruptedRunError(run, stored, command, signal_of(done.ending))
    if lost:
        names = listed(lost, most=100)
        raise RnnbenchError(
            f"{folder}: files of {len(lost)} of {len(plan.trials)} trials were removed during the "
            f"run: {names}\n{_continuation(command)}"
        )
    if done.ending is not None and run is None:
        raise done.ending
    if done.ending is not None or done.without_result or run is None:
        raise FailedTrialsError(run, plan, done, command)
    return run


def _lost(plan: Plan, done: PlanResult, store: Store) -> list[Trial]:
    """Return the trials that have a result, but whose files have been removed."""
    without = set(done.without_result)
    return [
        each
        for each in plan.trials
        if each not in without
        and not store.holds(each.name, each.seed, each.fingerprint, with_model=each.keep_model)
    ]


def load_config(config: Config, settings: Settings | None = None) -> Benchmark:
    """Return the validated benchmark that a config describes.

    Args:
        config: a YAML file, or a mapping with the same keys and values.
        settings: values that replace those of the config.

    Raises:
        ConfigError: the config is wrong; the message lists every problem, with its file and line.
    """
    source = source_of(config)
    return load(source, overrides_of(settings))


def _benchmark(
    config: Config,
    settings: Settings | None,
    *,
    seeds: int | Sequence[int] | None,
    epochs: int | None,
    data: str | None,
    path: str | Path | None,
    track: str | Sequence[str] | None,
) -> Benchmark:
    """Return the benchmark with the changes that the arguments of ``run`` make."""
    changes = {
        "training.seeds": list(seeds) if isinstance(seeds, Iterable) else seeds,
        "training.epochs": epochs,
        "data.source": data,
        "data.path": None if path is None else str(path),
        "tracking": track,
    }
    given = [
        Override(key.rpartition(".")[2], key, _as_yaml(value))
        for key, value in changes.items()
        if value is not None
    ]
    return load_config(config, [*given, *overrides_of(settings)])


def _folder(out: str | Path | None, name: str) -> Path:
    """Return the folder of the results; by default, that of a name in ``results``."""
    if out == "":  # which is the working folder to pathlib
        raise UserError("out: names no folder ('.' is the working folder)")
    folder = Path("results", name) if out is None else Path(out)
    if (spelled := encodable(str(folder))) != str(folder):
        raise UserError(f"{spelled}: the name of the folder is not in UTF-8")
    return folder


def check_inputs(
    config: Config, benchmark: Benchmark, folder: Path, written: Sequence[str] = WRITTEN
) -> None:
    """Make sure that results do not overwrite the files that they are made from.

    These are the config, the configs that it extends, and the data. The config may be the one in
    the folder if its text stays the same, or if the finished run there stored it; a config that is
    extended must keep its text. Modules are safe: nothing that is written has the name of one.
    Results may not lie in a folder of texts either: the next run would read their ``.txt`` files.

    Args:
        config: as the user gave it.
        benchmark: what it describes.
        folder: where results go.
        written: the names of the files and folders that are written there.

    Raises:
        UserError: results would overwrite one of them, or lie in a folder of texts.
    """
    for texts in paths_of(benchmark) if benchmark.data.source == "files" else []:
        if folder.resolve().is_relative_to(texts.resolve()):
            raise UserError(f"{folder}: in {texts}, results would be read as texts ({HINT})")
    if not (places := [folder / name for name in written if os.path.lexists(folder / name)]):
        return
    text = dump(benchmark, folder)
    for i, file in enumerate(inputs_of(config, benchmark)):
        around = filter(Path.exists, (file, *file.resolve().parents))
        for each, place in product(around, filter(Path.exists, places)):
            if each.samefile(place) and not _is_kept(place, text, may_change=i == 0):
                raise UserError(f"{file}: results would overwrite it ({HINT})")


def inputs_of(config: Config, benchmark: Benchmark) -> list[Path]:
    """Return the config, those that it extends, and the files and folders of its data."""
    return [*tree_of(source_of(config)).files, *paths_of(benchmark)]


def paths_of(benchmark: Benchmark) -> list[Path]:
    """Return the files and folders of its data."""
    return [path for key in PATHS if (path := getattr(benchmark.data, key))]


def _is_kept(file: Path, text: str, *, may_change: bool) -> bool:
    """Return whether a config keeps its text, or may change and is as a finished run stored it."""
    found = sha256_file(file) if file.is_file() else ""
    stored = peek(file.with_name(RESULTS)).get("config_sha256") if may_change else None
    return found in (hashlib.sha256(text.encode()).hexdigest(), stored)


def source_of(config: Config) -> Path | Mapping[str, Any]:
    """Return a config as ``config.load`` takes it."""
    if isinstance(config, Benchmark):
        return config.model_dump(exclude_none=True)
    return Path(config) if isinstance(config, str) else config


def overrides_of(settings: Settings | None) -> Sequence[Override]:
    """Return settings as ``config.load`` takes them."""
    if isinstance(settings, Mapping):
        return [Override("settings", key, _as_yaml(value)) for key, value in settings.items()]
    return settings or ()


def _as_yaml(value: Any) -> str:
    """Return a value as JSON, which is YAML; numbers of NumPy become plain ones."""
    plain = lambda other: other.item() if isinstance(other, np.generic) else str(other)  # noqa: E731
    return json.dumps(value, default=plain, ensure_ascii=False)
