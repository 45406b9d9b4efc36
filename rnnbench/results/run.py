"""A finished run, and the files that it is written to and read from."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench import storage
from rnnbench.config.load import Override, load
from rnnbench.config.nodes import ConfigError
from rnnbench.config.schema import Benchmark
from rnnbench.data.vocabulary import Vocabulary
from rnnbench.errors import UserError
from rnnbench.results.schema import Results
from rnnbench.results.store import CHOICE, FITTED, PAGES, RESULTS, VOCABULARY, Store
from rnnbench.storage import DamagedResultError
from rnnbench.training.outcome import TrialResult

_PAGE = (
    re.compile(  # a part of each page of a report; other files of these names have none
        rb"<title>.*: rnnbench report</title>|\A# .*\n## Accuracy\n.*\n## Reproduce\n",
        re.DOTALL,
    )
)
# how each page names its plots; texts of documents, which are escaped, have none
_PLOTS = {
    PAGES[0]: re.compile(rb'id="([^"/]+)-figure_1"'),
    PAGES[1]: re.compile(rb"^(?:!|- )\[.*\]\(plots/([^()/]+)\.png\)$", re.MULTILINE),
}


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A finished run."""

    folder: Path
    results: Results
    trials: dict[
        str, list[TrialResult]
    ]  # of each model, in the order of the seeds in the config
    benchmark: Benchmark  # the resolved config
    environment: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config as plain data."""
        return self.benchmark.model_dump(mode="json", exclude_none=True)


def save_run(
    folder: Path,
    results: Results,
    files: Mapping[str, str],
    vocabulary: Vocabulary | None = None,
) -> None:
    """Write the summary of a run, which makes its folder that of a finished one, after
    all else.
    """
    if vocabulary is not None:
        storage.write_document(folder / VOCABULARY, vocabulary)
    for name, text in files.items():
        storage.write_text(folder / name, text)
    sha256 = storage.sha256_file(folder / "config.yaml")
    text = storage.spell_document(results, config_sha256=sha256)
    if _content(folder / RESULTS, len(text.encode())) != text.encode():
        for file in report_files(folder):  # they are about the earlier one
            file.unlink()
        storage.write_text(folder / RESULTS, text)


def report_files(folder: Path) -> list[Path]:
    """Return the files of the report on the run in ``folder``: its pages, and their
    plots.
    """
    texts = {name: _content(folder / name, storage.MAX_DOCUMENT) for name in PAGES}
    pages = {name: text for name, text in texts.items() if text and _PAGE.search(text)}
    found = (
        name for page, text in pages.items() for name in _PLOTS[page].findall(text)
    )
    names = {os.fsdecode(name).replace("\\", "") for name in found}
    files = {
        folder / storage.PLOTS / f"{name}{end}"
        for name in names
        for end in (".png", ".svg")
    }
    plots = files.intersection(folder.glob(f"{storage.PLOTS}/*"))
    return [*(folder / name for name in pages), *plots]


def _content(file: Path, limit: int) -> bytes | None:
    try:
        return storage.read_file(file, limit)
    except OSError:
        return None


def load_results(folder: Path) -> Results:
    """Return the summary of the finished run in a folder, or raise ``UserError``."""
    file = folder / RESULTS
    if not file.is_file():
        hint = "should be a folder that `rnnbench run` finished, such as results/all"
        if (folder / CHOICE).is_file():
            hint = (
                f"it holds a choice; {folder / FITTED} is the run that --then-fit makes"
            )
        raise UserError(f"{folder}: no {RESULTS} in it ({hint})")
    results, facts = storage.read_record(file, Results, "config_sha256")
    try:
        storage.check_file(folder / "config.yaml", facts.get("config_sha256"), file)
    except (
        DamagedResultError
    ) as error:  # such as when a run was killed between the two files
        raise type(error)(f"{error}; run the benchmark again") from error
    return results


def load_benchmark(folder: Path, models: Iterable[str]) -> Benchmark:
    """Return the resolved config of the finished run in ``folder``; it has
    ``models``.
    """
    untracked = Override("", "tracking", "[]")  # its trackers may not be installed here
    try:
        benchmark = load(folder / "config.yaml", [untracked])
    except ConfigError as error:  # it names the file
        raise DamagedResultError(f"unusable result: {error}") from error
    if unknown := ", ".join(sorted(set(models) - set(benchmark.models))):
        raise DamagedResultError(
            f"unusable result: {folder}: config.yaml has no model {unknown}"
        )
    return benchmark


def load_trials(folder: Path, results: Results) -> dict[str, list[TrialResult]]:
    """Return the trials of each model of a finished run, which all have the same
    documents.
    """
    store = Store(folder)
    trials = {
        model.name: [
            store.load((model.name, one.seed, one.fingerprint)) for one in model.trials
        ]
        for model in results.models
    }
    shape = (results.dataset.test_size, len(results.dataset.topics))
    flat = [trial for of_model in trials.values() for trial in of_model]
    for trial in flat:
        if trial.scores.shape != shape or not np.array_equal(
            trial.labels, flat[0].labels
        ):
            name = f"{trial.record.model} seed {trial.record.seed}"
            raise DamagedResultError(
                f"unusable result: {folder}: {name} has other test documents"
            )
        if trial.record.task != results.dataset.task:
            task = f"{trial.record.task}, not {results.dataset.task}"
            raise DamagedResultError(
                f"unusable result: {folder}: trials of the task {task}"
            )
    return trials
