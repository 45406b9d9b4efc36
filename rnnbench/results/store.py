"""The trials in a results folder, each under its fingerprint.

``trials/<model>-seed<k>-<16 digits>.json`` is the record of a trial, named after the first digits
of its fingerprint. It holds a checksum of itself, of the predictions in ``predictions/`` and, where
the trained network was kept, of its file in ``models/``; those files have the same name. Trials of
other configurations can be stored beside it: the whole fingerprint is checked, so a trial is never
mistaken for another.
"""

import errno
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.vocabulary import Vocabulary
from rnnbench.errors import RnnbenchError
from rnnbench.results.files import (
    DamagedResultError,
    Document,
    OtherVersionError,
    Upgrades,
    check_file,
    read_document,
    validate,
    version_of,
    write_document,
    write_facts,
)
from rnnbench.section import spell
from rnnbench.storage import atomic_write, sha256_file
from rnnbench.training.outcome import TrialRecord, TrialResult

log = logging.getLogger(__name__)


def _from_version_2(document: Document) -> Document:
    """Return a trial of version 2 without its accuracy, and with the new name ``score_kind``."""
    kept = {key: value for key, value in document.items() if key not in ("accuracy", "scores")}
    return kept | {"schema_version": 3, "score_kind": document["scores"]}


UPGRADES: Upgrades = {2: _from_version_2}
"""The conversions of trial records that older versions of rnnbench wrote."""


@dataclass(frozen=True)
class _Place:
    """The files of one trial."""

    record: Path
    predictions: Path
    model: Path


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
        place = next(self._places(record.model, record.seed, record.fingerprint))
        try:
            _write(result, place)
        except OSError as error:
            raise RnnbenchError(f"{place.record}: cannot be stored: {error.strerror}") from error

    def find(
        self, model: str, seed: int, fingerprint: str, *, with_model: bool = False
    ) -> TrialResult | None:
        """Return a trial if it is stored; a damaged one is named in a warning and not used.

        Args:
            model: its name.
            seed: of the trial.
            fingerprint: of the trial.
            with_model: whether the trained network must be there too.
        """
        try:
            return self.load(model, seed, fingerprint, with_model=with_model)
        except DamagedResultError as error:
            if not isinstance(error, OtherVersionError):
                log.warning("%s; it is not used", error)
        except FileNotFoundError:
            pass
        return None

    def load(
        self, model: str, seed: int, fingerprint: str, *, with_model: bool = False
    ) -> TrialResult:
        """Return a stored trial with its predictions, but without a trained network.

        Raises:
            FileNotFoundError: there is no such trial, or its network is asked for and not there.
            DamagedResultError: its files are not what was written.
        """
        place, record = self._find(model, seed, fingerprint, with_model=with_model)
        return TrialResult(record, *_read_predictions(place.predictions))

    def model_file(self, model: str, seed: int, fingerprint: str) -> Path:
        """Return the file of a trained network that was kept.

        Raises:
            FileNotFoundError: there is no such trial, or its network was not kept.
            DamagedResultError: its files are not what was written.
        """
        return self._find(model, seed, fingerprint, with_model=True)[0].model

    def _find(
        self, model: str, seed: int, fingerprint: str, *, with_model: bool = False
    ) -> tuple[_Place, TrialRecord]:
        places = list(self._places(model, seed, fingerprint))
        for place in places:
            try:
                record = _read(place, with_model=with_model)
            except FileNotFoundError:
                continue
            if (record.model, record.seed, record.fingerprint) == (model, seed, fingerprint):
                return place, record
        raise FileNotFoundError(errno.ENOENT, "no such trial", str(places[0].record))

    def _places(self, model: str, seed: int, fingerprint: str) -> Iterator[_Place]:
        """Yield where a trial is written, and then where older versions wrote it.

        Raises:
            DamagedResultError: model or fingerprint may not be part of a file name.
        """
        whole = f"{model}-seed{seed}-{fingerprint}"
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}-seed-?\d+-[0-9a-f]{64}", whole):
            raise DamagedResultError(
                f"unusable result: {self.folder}: {spell(whole)} is not the name of a trial "
                "(should be a model, a seed and 64 lower-case hexadecimal digits)"
            )
        name = whole[:-48]
        for stem in (name, f"{model}-seed{seed}"):
            yield _Place(
                self.folder / "trials" / f"{stem}.json",
                self.folder / "predictions" / f"{stem}.npz",
                self.folder / "models" / f"{stem}.keras",
            )
        superseded = self.folder / "superseded" / name
        yield _Place(*(superseded.with_name(name + end) for end in (".json", ".npz", ".keras")))

    def has_environment(self) -> bool:
        """Tell whether it is stored where trials were trained."""
        return self._environment.is_file()

    def save_environment(self, environment: dict[str, Any]) -> None:
        """Write on what machine and with what packages trials are trained."""
        write_facts(self._environment, environment)

    def save_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Write the vocabulary with which kept networks read texts.

        Raises:
            RnnbenchError: it cannot be written.
        """
        try:
            write_document(self._vocabulary, vocabulary)
        except OSError as error:
            message = f"{self._vocabulary}: cannot be stored: {error.strerror}"
            raise RnnbenchError(message) from error

    def vocabulary(self) -> Vocabulary:
        """Return the vocabulary with which kept networks read texts.

        Raises:
            FileNotFoundError: no networks were kept.
            DamagedResultError: it is not what was written.
        """
        document = read_document(self._vocabulary, version_of(Vocabulary))
        return validate(self._vocabulary, Vocabulary, document)

    @property
    def _environment(self) -> Path:
        return self.folder / "environment.json"

    @property
    def _vocabulary(self) -> Path:
        return self.folder / "models" / "vocabulary.json"


def _write(result: TrialResult, place: _Place) -> None:
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


def _read(place: _Place, *, with_model: bool) -> TrialRecord:
    """Return the record of a trial after checking the checksums of its files.

    Raises:
        FileNotFoundError: there is no such record, or no network although it is asked for.
        DamagedResultError: a file is not what was written; the message names it.
    """
    document = read_document(place.record, version_of(TrialRecord), UPGRADES)
    predictions, model = (document.pop(f"{each}_sha256", None) for each in ("predictions", "model"))
    record = validate(place.record, TrialRecord, document)
    check_file(place.predictions, predictions, place.record)
    if with_model:
        if model is None:
            raise FileNotFoundError(errno.ENOENT, "it was not kept", str(place.model))
        check_file(place.model, model, place.record)
    return record


def _read_predictions(file: Path) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return labels ``(n_test,)`` and scores ``(n_test, n_topics)``.

    Raises:
        DamagedResultError: ``file`` does not hold them.
    """
    try:
        with np.load(file, allow_pickle=False) as stored:
            labels, scores = stored["labels"], stored["scores"]
            if (labels.dtype.kind, scores.dtype.kind) != ("i", "f"):
                raise ValueError("labels or scores have the wrong type")
            if (labels.ndim, scores.ndim) != (1, 2) or len(labels) != len(scores):
                raise ValueError("labels or scores have the wrong shape")
            if not (np.isfinite(scores).all() and np.isin(labels, range(scores.shape[1])).all()):
                raise ValueError("labels or scores are out of range")
    except Exception as error:  # a forged file makes NumPy and zipfile raise almost anything
        raise DamagedResultError(f"unusable result: {file}: {error}") from error
    return labels, scores
