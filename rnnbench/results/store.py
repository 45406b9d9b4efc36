"""The folder of a run: its trials, each under its fingerprint, and its summary.

``trials/<model>-seed<k>-<16 digits>.json`` is the record of a trial, named after the first digits
of its fingerprint. It holds a checksum of itself, of the predictions in ``predictions/`` and, where
the trained network was kept, of its weights in ``models/``; those files have the same name. Trials
of other configurations can be stored beside it: the whole fingerprint is checked, so a trial is
never mistaken for another.
"""

import errno
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.vocabulary import Vocabulary
from rnnbench.errors import RnnbenchError, uninterrupted
from rnnbench.points import POINT
from rnnbench.results.arrays import compact, read_predictions, write_predictions, write_weights
from rnnbench.section import spell
from rnnbench.storage import (
    MAX_HASHED,
    MODELS,
    PREDICTIONS,
    TRIALS,
    DamagedResultError,
    OtherVersionError,
    UnwritableError,
    check_file,
    check_replaceable,
    read_document,
    sha256_file,
    validate,
    version_of,
    write_document,
    write_facts,
    write_text,
)
from rnnbench.training.outcome import ROUNDING, TrialRecord, TrialResult, Weights

log = logging.getLogger(__name__)

RESULTS = "results.json"
"""The file that makes a folder a finished run."""
CONSTRAINTS = "constraints.txt"
"""The exact versions of all packages, for ``pip install -c``."""
SUMMARY_FILES = ("config.yaml", "environment.json", CONSTRAINTS, "table.md", "table.csv", RESULTS)
"""The files that describe the run as a whole."""
CHOICE = "choice.json"
"""The file that makes a folder a choice."""
PAGES = ("report.html", "report.md")
"""The files that ``rnnbench report`` writes beside it, and beside the folder of the plots."""
OLD_NETWORK = ".keras"
"""The ending of the files of kept networks before they were stored as weights."""


@dataclass(frozen=True)
class TrialFiles:
    """The files of one trial."""

    record: Path
    predictions: Path
    weights: Path


def place_of(folder: Path, model: str, seed: int, fingerprint: str) -> TrialFiles:
    """Return where a trial is stored in the folder of a run.

    Raises:
        DamagedResultError: the model or the fingerprint is not allowed in a file name.
    """
    whole = f"{model}-seed{seed}-{fingerprint}"
    if not re.fullmatch(rf"{POINT}-seed-?\d+-[0-9a-f]{{64}}", whole):
        raise DamagedResultError(
            f"unusable result: {folder}: {spell(whole)} is not the name of a trial "
            "(should be a model, a seed and 64 lower-case hexadecimal digits)"
        )
    stem = whole[:-48]
    return TrialFiles(
        folder / TRIALS / f"{stem}.json",
        folder / PREDICTIONS / f"{stem}.npz",
        folder / MODELS / f"{stem}.npz",
    )


class Store:
    """Reads and writes the files in the folder of a run.

    Args:
        folder: of the run.
        is_compact: whether no more is kept of trials than tables need.

    Attributes:
        n_of_other_versions: how many trials were not found because of another version of rnnbench.
    """

    def __init__(self, folder: Path, *, is_compact: bool = False):
        self.folder, self.is_compact, self.n_of_other_versions = folder, is_compact, 0

    def save_first_config(self, text: str, record: str) -> None:
        """Write ``config.yaml`` before there is a result, so that a run can be continued from it.

        Args:
            text: the resolved config.
            record: the file of the result; if it exists, ``config.yaml`` belongs to it and is kept.

        Raises:
            UnwritableError: the file cannot be written.
        """
        if not (self.folder / record).exists():
            write_text(self.folder / "config.yaml", text)

    def check_writable(self, summary: Sequence[str] = SUMMARY_FILES) -> None:
        """Make sure, before anything is trained, that all files can be written.

        Args:
            summary: the names of those that describe the whole.

        Raises:
            UnwritableError: a file or folder cannot be written; the message names it.
        """
        kept = [MODELS] if (self.folder / MODELS).exists() else []  # made when a network is kept
        for folder in (self.folder / name for name in (TRIALS, PREDICTIONS, *kept)):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UnwritableError(folder, error) from error
            if not os.access(folder, os.W_OK):
                raise UnwritableError(folder, PermissionError(errno.EACCES, "Permission denied"))
        for name in summary:
            check_replaceable(self.folder / name)

    def save(self, result: TrialResult) -> TrialResult:
        """Write a finished trial, and return it as it is stored, without the weights.

        The record comes last, so it never exists without the rest.

        Raises:
            RnnbenchError: the predictions or the weights are too large to be read again.
            UnwritableError: a file cannot be written.
        """
        stored = compact(result) if self.is_compact else replace(result, weights=None)
        _write(stored, result.weights, self._place(result.record))
        return stored

    def _compact(self, result: TrialResult) -> TrialResult:
        """Reduce a stored trial to what tables need, and return it; its network stays."""
        place = self._place(result.record)
        document = read_document(place.record, version_of(TrialRecord))
        checksums = {key: text for key, text in document.items() if key.endswith("_sha256")}
        light = compact(result)
        with uninterrupted():
            write_predictions(place.predictions, light.labels, light.scores)
            checksums["predictions_sha256"] = sha256_file(place.predictions)
            write_document(place.record, light.record, **checksums)
        return light

    def _place(self, record: TrialRecord) -> TrialFiles:
        return place_of(self.folder, record.model, record.seed, record.fingerprint)

    def find(
        self, model: str, seed: int, fingerprint: str, *, with_model: bool = False
    ) -> TrialResult | None:
        """Return a trial if it is stored; a damaged one is named in a warning and not used.

        A store that is compact makes it compact first.

        Args:
            model: its name.
            seed: of the trial.
            fingerprint: of the trial.
            with_model: whether the trained network must be there too.
        """
        try:
            found = self.load(model, seed, fingerprint, with_model=with_model)
        except DamagedResultError as error:
            if isinstance(error, OtherVersionError):
                self.n_of_other_versions += 1
            else:
                log.warning("%s; it is not used", error)
        except FileNotFoundError:
            pass
        else:
            return self._compact(found) if self.is_compact and not found.record.compact else found
        return None

    def load(
        self, model: str, seed: int, fingerprint: str, *, with_model: bool = False
    ) -> TrialResult:
        """Return a stored trial with its predictions, but without a trained network.

        Raises:
            FileNotFoundError: there is no such trial, or its network is wanted but was not kept.
            DamagedResultError: its files are not as they were written.
        """
        files, record = self._read(model, seed, fingerprint, with_model=with_model)
        labels, scores = read_predictions(files.predictions)
        if record.score_kind == "log_probabilities" and scores.max(initial=0.0) > ROUNDING:
            raise DamagedResultError(f"unusable result: {files.predictions}: probabilities above 1")
        return TrialResult(record, labels, scores)

    def holds(self, model: str, seed: int, fingerprint: str, *, with_model: bool = False) -> bool:
        """Return whether the files of a trial exist; they are not read."""
        place = place_of(self.folder, model, seed, fingerprint)
        files = [place.record, place.predictions, *([place.weights] if with_model else [])]
        return all(map(Path.is_file, files))

    def scores(self, model: str, seed: int, fingerprint: str) -> NDArray[np.float32]:
        """Return the scores of a stored trial.

        Raises:
            DamagedResultError: they cannot be read.
        """
        return read_predictions(place_of(self.folder, model, seed, fingerprint).predictions)[1]

    def weights_file(self, model: str, seed: int, fingerprint: str) -> Path:
        """Return the file of the weights of a trained network; see ``read_weights``.

        Raises:
            FileNotFoundError: there is no such trial, or its network was not kept.
            OtherVersionError: an older version of rnnbench kept it, in another format.
            DamagedResultError: its files are not as they were written.
        """
        return self._read(model, seed, fingerprint, with_model=True)[0].weights

    def _read(
        self, model: str, seed: int, fingerprint: str, *, with_model: bool = False
    ) -> tuple[TrialFiles, TrialRecord]:
        """Return the files of a trial and its record, after checking their checksums.

        Raises:
            FileNotFoundError: there is no such trial, or its network is wanted but was not kept.
            OtherVersionError: an older version of rnnbench kept the network.
            DamagedResultError: a file is not as it was written; the message names it.
        """
        files = place_of(self.folder, model, seed, fingerprint)
        document = read_document(files.record, version_of(TrialRecord))
        kinds = ("predictions", "weights", "model")
        predictions, weights, old = (document.pop(f"{kind}_sha256", None) for kind in kinds)
        record = validate(files.record, TrialRecord, document)
        check_file(files.predictions, predictions, files.record)
        if with_model and old is not None:
            raise OtherVersionError(
                f"unusable result: {files.weights.with_suffix(OLD_NETWORK)}: an older version of "
                "rnnbench kept this network; run the benchmark again with --save-models"
            )
        if with_model and weights is None:
            raise FileNotFoundError(errno.ENOENT, "it was not kept", str(files.weights))
        if with_model:
            check_file(files.weights, weights, files.record)
        if (record.model, record.seed, record.fingerprint) != (model, seed, fingerprint):
            raise FileNotFoundError(errno.ENOENT, "no such trial", str(files.record))
        return files, record

    def has_environment(self) -> bool:
        """Return whether ``environment.json`` is stored."""
        return self._environment.is_file()

    def save_environment(self, environment: dict[str, Any]) -> None:
        """Write the machine and the versions that trials are trained with.

        Raises:
            UnwritableError: the file cannot be written.
        """
        write_facts(self._environment, environment)

    def save_vocabulary(self, vocabulary: Vocabulary) -> None:
        """Write the vocabulary that turns texts into inputs of the kept networks.

        Raises:
            UnwritableError: a file cannot be written.
        """
        write_document(self._vocabulary, vocabulary)

    def vocabulary(self) -> Vocabulary:
        """Return the vocabulary that turns texts into inputs of the kept networks.

        Raises:
            FileNotFoundError: no networks were kept.
            DamagedResultError: it is not as it was written.
        """
        document = read_document(self._vocabulary, version_of(Vocabulary))
        return validate(self._vocabulary, Vocabulary, document)

    @property
    def _environment(self) -> Path:
        return self.folder / "environment.json"

    @property
    def _vocabulary(self) -> Path:
        return self.folder / MODELS / "vocabulary.json"


def _write(result: TrialResult, weights: Weights | None, place: TrialFiles) -> None:
    n_bytes = {
        place.predictions: result.labels.nbytes + result.scores.nbytes,
        place.weights: sum(array.nbytes for array in weights or ()),
    }
    for path, size in n_bytes.items():
        if size > MAX_HASHED:
            reason = f"{size:,} bytes are too many (allowed: {MAX_HASHED:,})"
            raise RnnbenchError(f"{path}: cannot be stored: {reason}")
    write_predictions(place.predictions, result.labels, result.scores)
    checksums = {"predictions_sha256": sha256_file(place.predictions)}
    if weights is not None:
        write_weights(place.weights, weights)
        checksums["weights_sha256"] = sha256_file(place.weights)
    else:
        place.weights.unlink(missing_ok=True)
    place.weights.with_suffix(OLD_NETWORK).unlink(missing_ok=True)
    write_document(place.record, result.record, **checksums)
