"""The folder of one run: finished trials, each with its predictions, checked when read.

``trials/<model>-seed<k>.json`` is a record with a checksum of itself, of the predictions in
``predictions/<model>-seed<k>.npz``, and of the trained model in ``models/<model>-seed<k>.keras``
where it was to be kept. A trial of another configuration that stood there is kept
under ``superseded/`` and found again when its configuration comes back.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from rnnbench.data.vocabulary import Vocabulary
from rnnbench.errors import RnnbenchError
from rnnbench.results.document import (
    DamagedResultError,
    OtherVersionError,
    check_file,
    read_document,
    write_document,
    write_facts,
)
from rnnbench.storage import atomic_write, sha256_file
from rnnbench.training.outcome import TRIAL_VERSION, TrialRecord, TrialResult

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """Where one trial lies."""

    record: Path
    predictions: Path
    model: Path

    def move_to(self, other: "_Place") -> None:
        for file, target in (  # the record first: predictions alone are never taken for a trial
            (self.record, other.record),
            (self.predictions, other.predictions),
            (self.model, other.model),
        ):
            if file.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)


class Store:
    """Reads and writes the trials in one folder."""

    def __init__(self, folder: Path):
        self.folder = folder

    def save(self, result: TrialResult) -> None:
        """Write a finished trial; the record comes last, so it never stands without the rest.

        Raises:
            RnnbenchError: it cannot be written.
        """
        record = result.record
        self._set_aside(record.model, record.seed, keep=record.fingerprint)
        place = self._current(record.model, record.seed)
        try:
            self._write(result, place)
        except OSError as error:
            raise RnnbenchError(f"{place.record}: cannot be stored: {error.strerror}") from error

    def _write(self, result: TrialResult, place: _Place) -> None:
        with atomic_write(place.predictions) as file:
            np.savez_compressed(file, labels=result.labels, scores=result.scores)
        checksums = {"predictions_sha256": sha256_file(place.predictions)}
        if result.model is not None:
            with atomic_write(place.model) as file:
                file.write(result.model)
            checksums["model_sha256"] = sha256_file(place.model)
        else:
            place.model.unlink(missing_ok=True)
        write_document(place.record, result.record, **checksums)

    def has_environment(self) -> bool:
        """Tell whether it is stored on what trials were trained."""
        return self._environment.is_file()

    def save_environment(self, environment: dict[str, Any]) -> None:
        """Write on what the trials are trained."""
        write_facts(self._environment, environment)

    def save_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Write what turns texts into the ids that the models read."""
        try:
            write_document(self._vocabulary, vocabulary)
        except OSError as error:
            raise RnnbenchError(
                f"{self._vocabulary}: cannot be stored: {error.strerror}"
            ) from error

    def vocabulary(self) -> Vocabulary:
        """Return what turns texts into the ids that the models read.

        Raises:
            FileNotFoundError: no models were kept.
            DamagedResultError: it is not what was written.
        """
        document = read_document(self._vocabulary)
        try:
            return Vocabulary.model_validate(document)
        except ValidationError as error:
            raise DamagedResultError(f"unusable result: {self._vocabulary}: {error}") from error

    @property
    def _environment(self) -> Path:
        return self.folder / "environment.json"

    @property
    def _vocabulary(self) -> Path:
        return self.folder / "models" / "vocabulary.json"

    def restore(self, model: str, seed: int, fingerprint: str, *, with_model: bool = False) -> bool:
        """Return whether the trial with this fingerprint is there; bring it back if set aside.

        A damaged trial is named and not used.

        Args:
            model: name of the model.
            seed: of the trial.
            fingerprint: of the trial.
            with_model: whether the trained model has to be there too.
        """
        current, aside = self._current(model, seed), self._aside(model, seed, fingerprint)
        if _is_there(current, fingerprint, with_model=with_model):
            return True
        if not _is_there(aside, fingerprint, with_model=with_model):
            return False
        self._set_aside(model, seed, keep=fingerprint)
        aside.move_to(current)
        return True

    def load(self, model: str, seed: int) -> TrialResult:
        """Return a stored trial with its predictions.

        Raises:
            FileNotFoundError: there is no such trial.
            DamagedResultError: its files are not what was written.
        """
        place = self._current(model, seed)
        record = _read(place)
        return TrialResult(record, *_read_predictions(place.predictions))

    def model_file(self, model: str, seed: int, fingerprint: str) -> Path:
        """Return the file of a trained model that was kept.

        Raises:
            FileNotFoundError: there is no such trial, or its model was not kept.
            DamagedResultError: a file is not what was written, or of another trial.
        """
        place = self._current(model, seed)
        if _read(place, with_model=True).fingerprint != fingerprint:
            raise DamagedResultError(f"unusable result: {place.record}: of another run")
        return place.model

    def _set_aside(self, model: str, seed: int, keep: str) -> None:
        """Move the trial that stands there out of the way, unless its fingerprint is ``keep``."""
        current = self._current(model, seed)
        try:
            fingerprint = _read(current).fingerprint
        except FileNotFoundError:
            return
        except DamagedResultError:
            fingerprint = "unreadable"
        if fingerprint != keep:
            current.move_to(self._aside(model, seed, fingerprint))

    def _current(self, model: str, seed: int) -> _Place:
        name = f"{model}-seed{seed}"
        return _Place(
            self.folder / "trials" / f"{name}.json",
            self.folder / "predictions" / f"{name}.npz",
            self.folder / "models" / f"{name}.keras",
        )

    def _aside(self, model: str, seed: int, fingerprint: str) -> _Place:
        base = self.folder / "superseded" / f"{model}-seed{seed}-{fingerprint[:16]}"
        return _Place(
            *(base.with_name(base.name + suffix) for suffix in (".json", ".npz", ".keras"))
        )


def _is_there(place: _Place, fingerprint: str, *, with_model: bool) -> bool:
    try:
        return _read(place, with_model=with_model).fingerprint == fingerprint
    except (FileNotFoundError, OtherVersionError):
        return False
    except DamagedResultError as error:
        log.warning("%s; it is not used", error)
        return False


def _read_predictions(file: Path) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return labels and scores.

    Raises:
        DamagedResultError: they are not in ``file``.
    """
    try:
        with np.load(file, allow_pickle=False) as stored:
            labels, scores = stored["labels"], stored["scores"]
            if (labels.dtype.kind, scores.dtype.kind) != ("i", "f"):
                raise ValueError("labels and scores are of another type")
            if (labels.ndim, scores.ndim) != (1, 2) or len(labels) != len(scores):
                raise ValueError("labels and scores are of other shapes")
    except Exception as error:  # NumPy and zipfile have many for a file that is made to mislead
        raise DamagedResultError(f"unusable result: {file}: {error}") from error
    return labels, scores


def _read(place: _Place, *, with_model: bool = False) -> TrialRecord:
    """Return the record of a trial, whose checksums of itself and of its other files hold.

    Raises:
        FileNotFoundError: there is no such record, or no model although it is asked for.
        DamagedResultError: a file is not what was written; it names the file.
    """
    document = read_document(place.record, (TRIAL_VERSION,))
    predictions, model = (document.pop(f"{each}_sha256", None) for each in ("predictions", "model"))
    try:
        record = TrialRecord.model_validate(document)
    except ValidationError as error:
        raise DamagedResultError(f"unusable result: {place.record}: {error}") from error
    check_file(place.predictions, predictions, place.record)
    if with_model:
        if model is None:
            raise FileNotFoundError(place.model)
        check_file(place.model, model, place.record)
    return record
