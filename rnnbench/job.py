"""The part that ``run`` and ``choose`` share: from arguments to a job that is ready to run."""

import hashlib
import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rnnbench.config.load import MAX_CONFIG, Override, dump, load, select, tree_of
from rnnbench.config.schema import Benchmark
from rnnbench.data.dataset import PATHS
from rnnbench.data.load import prepare
from rnnbench.errors import Interruption, OutOfReachError, RnnbenchError, UserError, signal_of
from rnnbench.request import KEYS, Config, Request, Settings
from rnnbench.results.lock import HINT, check_folder
from rnnbench.results.store import CHOICE, RESULTS, SUMMARY_FILES, Store
from rnnbench.runner.executors import EXECUTORS, executor_class
from rnnbench.runner.run import Job, PlanResult, describe, first_traceback
from rnnbench.storage import SUBFOLDERS, peek, sha256_file
from rnnbench.terminal.display import show_download
from rnnbench.text import encodable, listed

WRITTEN = (*SUMMARY_FILES, CHOICE, "choice.md", *SUBFOLDERS)
"""The files and folders that a run or a choice writes into its folder."""


def prepare_job(
    request: Request, record: str = RESULTS, *, prefix: str = "", is_compact: bool = False
) -> Job:
    """Return the job that a request describes.

    Args:
        request: of ``run`` or ``choose``.
        record: the file that makes the folder of the results a run or a choice.
        prefix: of the name of that folder, if the request names none.
        is_compact: whether no more is kept of trials than tables need.
    """
    benchmark, jobs, models = _benchmark(request), request.jobs, request.models
    if models is not None:
        benchmark = select(benchmark, [models] if isinstance(models, str) else models, "models")
    if jobs is not None and jobs < 1:
        raise UserError(f"jobs: got {jobs} (should be 1 or more)")
    with EXECUTORS.blamed(request.executor):
        kind, address = executor_class(request.executor), request.scheduler
        executor = kind(jobs) if address is None else kind.at(str(address), jobs)
    folder = _folder(request.out, f"{prefix}{benchmark.name}")
    check_folder(folder, record)
    check_inputs(request.config, benchmark, folder)
    if (size := len(dump(benchmark, folder).encode())) > MAX_CONFIG:
        message = f"its config.yaml would have {size:,} bytes (allowed: {MAX_CONFIG:,})"
        raise UserError(f"{benchmark.name}: {message}; make its grids smaller")
    with show_download(quiet=not request.progress) as on_bytes:
        data = prepare(benchmark.data, on_bytes)
    store = Store(folder, is_compact=is_compact)
    command = request.command or request.repeated_by(folder)
    return Job(benchmark, data, executor, store, command, request.fresh, not folder.exists())


R = TypeVar("R")
"""The result of a job: a run, or a choice."""


class FailedTrialsError(RnnbenchError):
    """Trials failed, or no more could be trained; those that finished are stored.

    Attributes:
        run: the partial run, or choice; ``None`` if no trial has a result.
        summary: the message without the failure of each trial.
    """

    def __init__(self, run: Any, done: PlanResult, job: Job):
        stored = f"; {job.store.folder}/ has the results of the others" if run else ""
        verb = "have no result" if done.ending else "failed"
        count = f"{len(done.without_result)} of {len(done.plan.trials)} trials {verb}{stored}."
        end = [str(done.ending), count] if done.ending else [count]
        if isinstance(done.ending, OutOfReachError):
            end.append(_continuation(job.command))
        super().__init__("\n".join([describe(done.failures), *end]).lstrip())
        self.run = run
        self.summary = "\n".join([*first_traceback(done.failures), *end])
        self.exit_code = getattr(done.ending, "exit_code", RnnbenchError.exit_code)


class InterruptedRunError(Interruption):
    """Ctrl-C or another signal ended a run; all trials that finished are stored.

    It is a ``KeyboardInterrupt``, which ``except Exception`` does not catch.

    Attributes:
        run: the partial run, or choice; ``None`` if no trial has a result.
    """

    def __init__(self, run: Any, stored: str, command: str, signal: int):
        super().__init__(f"Interrupted; {stored}. {_continuation(command)}", signal)
        self.run = run


def _continuation(command: str) -> str:
    again = shlex.join(word for word in shlex.split(command) if word != "--fresh")
    return f"This command continues from there:\n  {again}"


def require_whole(result: R | None, job: Job, done: PlanResult) -> R:
    """Return the result of a job; raise an error if it ended early or trials are missing."""
    folder, n_trials = job.store.folder, len(done.plan.trials)
    lost = done.lost(job.store)
    if isinstance(done.ending, KeyboardInterrupt):
        stored = f"{len(done.results) - len(lost)} of {n_trials} trials are stored in {folder}/"
        raise InterruptedRunError(result, stored, job.command, signal_of(done.ending))
    if lost:
        raise RnnbenchError(
            f"{folder}: files of {len(lost)} of {n_trials} trials were removed during the "
            f"run: {listed(lost, most=100)}\n{_continuation(job.command)}"
        )
    if done.ending is not None and result is None:
        raise done.ending
    if done.ending is not None or done.without_result or result is None:
        raise FailedTrialsError(result, done, job)
    return result


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


def _benchmark(request: Request) -> Benchmark:
    values = {name: getattr(request, name, None) for name in KEYS}
    given = [
        Override(name, KEYS[name], _as_yaml(value))
        for name, value in values.items()
        if value is not None
    ]
    return load_config(request.config, [*given, *overrides_of(request.settings)])


def _folder(out: str | Path | None, name: str) -> Path:
    if out == "":  # which is the working folder to pathlib
        raise UserError("out: names no folder ('.' is the working folder)")
    folder = Path("results", name) if out is None else Path(out)
    if (spelled := encodable(str(folder))) != str(folder):
        raise UserError(f"{spelled}: the name of the folder is not in UTF-8")
    return folder


def check_inputs(
    config: Config, benchmark: Benchmark, folder: Path, written: Sequence[str] = WRITTEN
) -> None:
    """Make sure that the results ``written`` do not overwrite the files that they are made from.

    These are the config, the configs that it extends, and the data. The config may be the one in
    the folder if its text stays the same, or if the finished run there stored it; a config that is
    extended must keep its text. Modules are safe: nothing that is written has the name of one.
    Results may not lie in a folder of texts either: the next run would read their ``.txt`` files.

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
    """Return the files and folders of the data of a benchmark."""
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
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, Iterable) else str(value)
