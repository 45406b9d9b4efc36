"""Converts runs that rnnbench 0.4 finished, once, when they are first read.

That version stored probabilities, not their logarithms. Those below the smallest normal float32 are
lost: they count as that number, 1.2e-38. Its log-loss counted all below 1.2e-7 as 1.2e-7.
"""

import logging
from pathlib import Path

import numpy as np

from rnnbench.analysis.summary import summarize_run
from rnnbench.config.schema import Benchmark
from rnnbench.results.arrays import read_predictions, write_predictions
from rnnbench.results.lock import lock_folder
from rnnbench.results.run import load_benchmark, load_trials, read_summary, save_run
from rnnbench.results.schema import SUMMARY_VERSION, Results
from rnnbench.results.store import RESULTS, TrialFiles, place_of
from rnnbench.storage import (
    DamagedResultError,
    Document,
    OtherVersionError,
    UnwritableError,
    check_file,
    read_document,
    sha256_file,
    validate,
    write_facts,
)
from rnnbench.training.outcome import ROUNDING, TRIAL_VERSION, log_probabilities

log = logging.getLogger(__name__)

OVERLAP = ("overlap", "overlap_same_label")
OLD, OLDER = 3, 2
"""The schema versions of rnnbench 0.4 and 0.3, of trials and of summaries."""


def convert_run(folder: Path) -> None:
    """Convert the run in ``folder`` if rnnbench 0.4 wrote it.

    The summary is converted last, so an interrupted conversion is resumed at the next reading.

    Raises:
        UserError: another process is writing into the folder, or it cannot be written to.
        UnwritableError: a file cannot be written.
        OtherVersionError: rnnbench 0.3 wrote the run.
        DamagedResultError: a file is not as it was written; the message names it.
    """
    if _has_version(folder, OLDER):
        raise OtherVersionError(
            f"unusable result: {folder / RESULTS}: rnnbench 0.3 wrote it; read it once with "
            "rnnbench 0.4, which converts it, or run the benchmark again"
        )
    if not _has_version(folder, OLD):
        return
    with lock_folder(folder, "conversion of an older run"):
        if _has_version(folder, OLD):  # no other process was faster
            save_run(folder, _convert(folder), {})
            log.warning(
                "%s: converted from rnnbench 0.4, which stored no probabilities below 1.2e-38; "
                "table.md and table.csv still show its intervals, p-values and log-loss",
                folder,
            )


def _has_version(folder: Path, version: int) -> bool:
    try:
        read_document(folder / RESULTS, version)
    except OtherVersionError:
        return False
    return True


def _convert(folder: Path) -> Results:
    """Convert the trials of a run, and return the summary computed from them.

    A summary without its trials is kept, but for the log-loss, which cannot be computed.
    """
    file = folder / RESULTS
    document = read_summary(folder, OLD)
    try:
        names = [model["name"] for model in document["models"]]
        benchmark = load_benchmark(folder, names)
        results = validate(file, Results, _convert_summary(document, benchmark))
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedResultError(f"unusable result: {file}: {error!r}") from error
    places = [
        place_of(folder, model.name, trial.seed, trial.fingerprint)
        for model in results.models
        for trial in model.trials
    ]
    if not any(place.record.exists() for place in places):
        return results
    try:
        for place in places:
            _convert_trial(place)
        trials = [each for of_model in load_trials(folder, results).values() for each in of_model]
    except FileNotFoundError as error:
        raise DamagedResultError(f"unusable result: {error.filename}: it is missing") from error
    except OSError as error:
        raise UnwritableError(folder, error) from error
    return summarize_run(benchmark, results.dataset, trials, results.command, results.missing)


def _convert_summary(document: Document, benchmark: Benchmark) -> Document:
    """Return the content of a summary in the form of this version, without the log-loss.

    A key that this version needs, and rnnbench 0.4 did not know, is added here.
    Which documents are duplicates was not stored.
    """
    models = [
        _without_log_loss(model)
        | {
            "is_random": benchmark.models[model["name"]].is_random,
            "pretrained": benchmark.models[model["name"]].pretrained,
            "trials": [_without_log_loss(trial) for trial in model["trials"]],
        }
        for model in document["models"]
    ]
    for model in models:
        del model["accuracy_interval_method"]
    n_seeds = {each["name"]: len(each["trials"]) for each in models if each["is_random"]}
    for comparison in document["comparisons"]:
        pair = (comparison["a"], comparison["b"])
        comparison["n_seeds"] = min(
            (n_seeds[each] for each in pair if each in n_seeds), default=None
        )
    for published in document["published"]:
        published["is_of_our_model"] = list(published["intervals"]) == [published["model"]]
    dataset = {key: each for key, each in document["dataset"].items() if key not in OVERLAP}
    dataset |= {"duplicates": None, "whole_duplicates": None}
    metrics = [name for name in document["metrics"] if name != "log_loss"]
    converted = {"metrics": metrics, "models": models, "dataset": dataset}
    return document | {"schema_version": SUMMARY_VERSION} | converted


def _without_log_loss(record: Document) -> Document:
    metrics = {name: value for name, value in record["metrics"].items() if name != "log_loss"}
    return record | {"metrics": metrics}


def _convert_trial(place: TrialFiles) -> None:
    """Convert the predictions of a trial, and its record.

    The new predictions wait beside the old ones until the record has their checksum, so that at
    any time one of the two files belongs to the record.

    Raises:
        FileNotFoundError: there is no such trial.
    """
    waiting = place.predictions.with_name(f"{place.predictions.name}.new")
    try:
        document = read_document(place.record, OLD)
    except OtherVersionError:
        document = read_document(place.record, TRIAL_VERSION)
    else:
        document = _convert_record(place, waiting, document)
        write_facts(place.record, document)
    if waiting.exists():
        if sha256_file(waiting) == document.get("predictions_sha256"):
            waiting.replace(place.predictions)
        else:  # the trial was trained again after an interrupted conversion
            waiting.unlink()


def _convert_record(place: TrialFiles, waiting: Path, document: Document) -> Document:
    """Return the new record of a trial; predictions that change are written to ``waiting``."""
    check_file(place.predictions, document.get("predictions_sha256"), place.record)
    document = document | {"schema_version": TRIAL_VERSION}
    if document.get("score_kind") != "probabilities":
        return document
    labels, probabilities = read_predictions(place.predictions)
    scores = log_probabilities(probabilities)
    if not np.isfinite(scores).all() or scores.max() > ROUNDING:
        raise DamagedResultError(
            f"unusable result: {place.predictions}: its scores are not probabilities"
        )
    write_predictions(waiting, labels, scores)
    sha256 = sha256_file(waiting)
    return document | {"score_kind": "log_probabilities", "predictions_sha256": sha256}
