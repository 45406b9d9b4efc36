"""Converts runs that rnnbench 0.3 finished, once, when they are first read.

That version named a trial after its model and seed, kept the trials of other configs in
``superseded/``, and stored each metric in ``results.json`` as a separate field.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from rnnbench.results.lock import lock_folder
from rnnbench.results.store import Place, place_of
from rnnbench.storage import (
    DamagedResultError,
    Document,
    OtherVersionError,
    UnwritableError,
    read_document,
    write_facts,
)

log = logging.getLogger(__name__)

OLD, NEW = 2, 3
"""The schema versions, of trials and of summaries."""
METRICS = (
    "accuracy",
    "macro_f1",
    "balanced_accuracy",
    "weighted_f1",
    "top3_accuracy",
    "log_loss",
)


def convert_run(summary: Path) -> None:
    """Convert the folder of a ``results.json`` if rnnbench 0.3 wrote it.

    The summary is converted last, so an interrupted conversion is resumed at the next reading.

    Raises:
        UserError: another process is writing into the folder, or it cannot be written to.
        UnwritableError: a file cannot be moved or written.
        DamagedResultError: a file is not as it was written; the message names it.
    """
    if not _is_old(summary):
        return
    folder = summary.parent
    with lock_folder(folder, "conversion of an older run"):
        if not _is_old(summary):  # another process was faster
            return
        try:
            document = read_document(summary, OLD)
            for model in document["models"]:
                for trial in model["trials"]:
                    _convert_trial(folder, model["name"], trial["seed"], trial["fingerprint"])
            write_facts(summary, _convert_summary(document))
        except (KeyError, TypeError, AttributeError) as error:
            raise DamagedResultError(f"unusable result: {summary}: {error!r}") from error
        except OSError as error:
            raise UnwritableError(folder, error) from error
    log.warning("%s: converted from an older version of rnnbench", folder)


def _is_old(summary: Path) -> bool:
    try:
        read_document(summary, OLD)
    except OtherVersionError:
        return False
    return True


def _convert_trial(folder: Path, model: str, seed: int, fingerprint: str) -> None:
    """Give the files of a trial their new names and its record its new keys."""
    new = place_of(folder, model, seed, fingerprint)
    for old in _old_places(folder, model, seed, new.record.stem):
        if not old.record.is_file():
            continue
        document = read_document(old.record, OLD)
        if document.get("fingerprint") != fingerprint:
            continue
        converted = _convert_record(old.record, document)
        for file, to in ((old.predictions, new.predictions), (old.model, new.model)):
            if file.is_file():
                file.replace(to)
        write_facts(new.record, converted)
        old.record.unlink()
        return


def _convert_record(file: Path, document: Document) -> Document:
    if "scores" not in document:
        raise DamagedResultError(f"unusable result: {file}: it has no scores")
    kept = {key: value for key, value in document.items() if key not in ("accuracy", "scores")}
    return kept | {"schema_version": NEW, "score_kind": document["scores"]}


def _old_places(folder: Path, model: str, seed: int, stem: str) -> Iterator[Place]:
    yield Place.named(folder, f"{model}-seed{seed}")
    files = (folder / "superseded" / f"{stem}{suffix}" for suffix in (".json", ".npz", ".keras"))
    yield Place(*files)


def _convert_summary(document: Document) -> Document:
    """Gather the metrics of each model and trial."""
    models = [
        {key: value for key, value in model.items() if key not in METRICS}
        | _gather(model)
        | {
            "trials": [
                {"fingerprint": trial["fingerprint"], "seed": trial["seed"]} | _gather(trial)
                for trial in model["trials"]
            ]
        }
        for model in document["models"]
    ]
    return document | {"schema_version": NEW, "metrics": list(METRICS), "models": models}


def _gather(record: Document) -> Document:
    metrics = {name: record[name] for name in METRICS}
    return {"metrics": {name: value for name, value in metrics.items() if value is not None}}
