"""The files of a finished run: written whole, and read again.

``load_trials(folder, load_results(folder))`` returns the trials of each model.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from rnnbench import storage
from rnnbench.config.load import Override, load_written
from rnnbench.config.nodes import ConfigError
from rnnbench.config.schema import Benchmark
from rnnbench.data.vocabulary import Vocabulary
from rnnbench.errors import UserError
from rnnbench.results.schema import Results
from rnnbench.results.store import CHOICE, FITTED, PAGES, RESULTS, VOCABULARY, Store
from rnnbench.storage import DamagedResultError
from rnnbench.training.outcome import TrialResult

# A part of each page of a report; other files of these names have none.
_PAGE = re.compile(
    rb"<title>.*: rnnbench report</title>"
    rb"|\A# .*\n## (?:Accuracy|Suspects)\n.*\n## Reproduce\n",
    re.DOTALL,
)
# How each page names its plots; texts of documents, which are escaped, have none.
_PLOTS = {
    PAGES[0]: re.compile(rb'id="([^"/]+)-figure_1"'),
    PAGES[1]: re.compile(rb"^(?:!|- )\[.*\]\(plots/([^()/]+)\.png\)$", re.MULTILINE),
}


def save_run(
    folder: Path,
    results: Results,
    files: Mapping[str, str],
    vocabulary: Vocabulary | None = None,
) -> None:
    """Write the files of a run; the last, its summary, makes it a finished one."""
    if vocabulary is not None:
        storage.write_document(folder / VOCABULARY, vocabulary)
    for name, text in files.items():
        storage.write_text(folder / name, text)
    sha256 = storage.sha256_file(folder / "config.yaml")
    text = storage.spell_document(results, {"config_sha256": sha256})
    content = text.encode()
    if _content(folder / RESULTS, len(content)) != content:
        for file in report_files(folder):  # they are about the earlier one
            file.unlink()
        storage.write_text(folder / RESULTS, text)


def report_files(folder: Path) -> list[Path]:
    """Return the files of the report on the run in ``folder``: pages and plots."""
    existing = set((folder / storage.PLOTS).glob("*"))
    pages = []
    plots = set()
    for page in PAGES:
        text = _content(folder / page, storage.MAX_DOCUMENT)
        if not text or not _PAGE.search(text):
            continue
        pages.append(folder / page)
        for name in _PLOTS[page].findall(text):
            stem = os.fsdecode(name).replace("\\", "")
            plots.add(folder / storage.PLOTS / f"{stem}.png")
            plots.add(folder / storage.PLOTS / f"{stem}.svg")
    return [*pages, *(plots & existing)]


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
            fitted = folder / FITTED
            hint = f"it holds a choice; {fitted} is the run that --then-fit makes"
        raise UserError(f"{folder}: no {RESULTS} in it ({hint})")
    results, beside = storage.read_record(file, Results, "config_sha256")
    try:
        storage.check_file(folder / "config.yaml", beside.get("config_sha256"), file)
    except DamagedResultError as error:  # perhaps the run was killed between the two
        raise type(error)(f"{error}; run the benchmark again") from error
    return results


def load_benchmark(folder: Path, models: Iterable[str]) -> Benchmark:
    """Return the resolved config of the finished run in ``folder``, with its models."""
    untracked = Override("", "tracking", "[]")  # its trackers may not be installed here
    try:
        benchmark = load_written(folder / "config.yaml", [untracked])
    except ConfigError as error:  # it names the file
        raise DamagedResultError(f"unusable result: {error}") from error
    unknown = sorted(set(models) - set(benchmark.models))
    if unknown:
        fault = f"config.yaml has no model {', '.join(unknown)}"
        raise DamagedResultError(f"unusable result: {folder}: {fault}")
    return benchmark


def load_trials(folder: Path, results: Results) -> dict[str, list[TrialResult]]:
    """Return the trials of each model of a finished run.

    ``DamagedResultError`` if they do not have the same documents.
    """
    store = Store(folder)
    trials = {}
    for model in results.models:
        trials[model.name] = [
            store.load((model.name, trial.seed, trial.fingerprint))
            for trial in model.trials
        ]
    first = trials[results.models[0].name][0]
    for of_model in trials.values():
        for trial in of_model:
            fault = _fault(trial, results, first)
            if fault:
                raise DamagedResultError(f"unusable result: {folder}: {fault}")
    return trials


def _fault(trial: TrialResult, results: Results, first: TrialResult) -> str:
    """Return what is wrong with a trial of a run; empty if nothing is."""
    dataset = results.dataset
    shape = (dataset.test_size, len(dataset.topics))
    has_same_labels = np.array_equal(trial.labels, first.labels)
    record = trial.record
    if trial.scores.shape != shape or not has_same_labels:
        return f"{record.model} seed {record.seed} has other test documents"
    if record.task != dataset.task:
        return f"trials of the task {record.task}, not {dataset.task}"
    return ""
