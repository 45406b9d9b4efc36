"""The folder of a run or a choice: its lock, and its trials.

``Store(folder).load(("lstm", 0, fingerprint))`` returns a trial, with its predictions.
``trials/<model>-seed<k>-<16 digits>.json`` is the record of a trial, named after the
first digits of its fingerprint. It holds a checksum of itself, of the predictions in
``predictions/`` and, where the trained model was kept, of its weights in ``models/``;
those files have the same name. So has the file in ``checkpoints/`` from which a
training continues; it is there until the trial is stored. The whole fingerprint is
checked, so a trial is never mistaken for another.
"""

import errno
import glob
import json
import math
import os
import platform
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from rnnbench import storage
from rnnbench.errors import RnnbenchError, UserError, uninterrupted
from rnnbench.labels import Labels
from rnnbench.points import POINT
from rnnbench.results.compact import compact
from rnnbench.section import spell
from rnnbench.storage import (
    CHECKPOINTS,
    MODELS,
    PREDICTIONS,
    TRIALS,
    DamagedResultError,
    UnwritableError,
)
from rnnbench.tasks import TASKS
from rnnbench.text import listed
from rnnbench.training.outcome import ROUNDING, TrialRecord, TrialResult, Weights

RESULTS = "results.json"  # the file that makes a folder a finished run
CONSTRAINTS = "constraints.txt"
"""The exact versions of all packages, for ``pip install -c``."""
ENVIRONMENT = "environment.json"
VOCABULARY = f"{MODELS}/vocabulary.json"
CHOICE = "choice.json"  # the file that makes a folder a choice
CHOICE_TABLE = "choice.md"
SUSPECTS = "suspects.json"  # the file that makes a folder a list of wrong labels
FITTED = "fitted"  # the folder of the model that a choice fits
BAD_ROWS = "bad_rows.csv"
"""Lists the rows of a table that were left out; only if there are any."""
_FILES = ("config.yaml", ENVIRONMENT, CONSTRAINTS)
FILES = {
    RESULTS: (*_FILES, "table.md", "table.csv", RESULTS),
    CHOICE: (*_FILES, CHOICE_TABLE, CHOICE),
    SUSPECTS: (*_FILES, SUSPECTS),
}
"""Those that describe a run, or a choice, as a whole."""
WRITTEN = (
    *(*FILES[RESULTS], CHOICE_TABLE, CHOICE, SUSPECTS, BAD_ROWS),
    *storage.SUBFOLDERS,
)
"""Everything that a run or a choice writes into its folder."""
PAGES = ("report.html", "report.md")  # of ``rnnbench report``
CHECKSUMS = ("predictions_sha256", "weights_sha256")
"""The facts beside the record of a trial."""
EARLIER = (
    "an earlier version made it compact, and kept the scores of the true labels; run"
    " the benchmark again"
)
CORRECTION = "correction_"  # begins the name of an array, before that of its metric
Key = tuple[str, int, str]  # the model, the seed and the fingerprint of a trial
Array = NDArray[Any]
Declared = tuple[tuple[int, ...], np.dtype[Any]]  # the shape and the type of an array
SPEED = "speed.json"
SITE = "site.json"
KINDS = {
    RESULTS: "a run",
    CHOICE: "a choice",
    SUSPECTS: "a list of suspects",
    SPEED: "a speed benchmark",
    SITE: "a site",
}
VERDICT = "a verdict"  # a run made of answers alone
OUTSIDE = "outside"  # its engine
HINT = "use --out to name a new or empty folder"
OPTIONS = {SUSPECTS: "--folder"}
"""The option that names the folder of a record, if it is not ``--out``."""
OWN_TEXTS = "texts.jsonl"  # the texts that a call in Python was given
OWN_PARTS = "texts"  # a folder with a file of them for each part of a data set
LOCK = ".lock"
HOLDER = ".lock.json"  # says who holds the lock
UNIMPORTANT = re.compile(
    r"\.(git.*|nojekyll|well-known|domains"
    r"|nfs.*|DS_Store|directory|snapshot|ipynb_checkpoints"
    r"|lock|lock\.json|rnnbench-.*)"
)
"""Hidden names that may be in a folder that counts as empty: those of Git, web servers
and file systems, and ours. A folder with other hidden names, such as a home folder, is
in use."""


def hint_for(record: str) -> str:
    """Return which option names another folder for a record."""
    return HINT.replace("--out", OPTIONS.get(record, "--out"))


def check_folder(folder: Path, record: str, *, is_verdict: bool = False) -> None:
    """Raise ``UserError`` unless a folder is new, is empty or holds the right kind.

    A verdict has the ``record`` of a run, but neither may replace the other.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, not a folder ({hint_for(record)})")
    names = _names_in(folder)
    if not names:
        return
    wanted = VERDICT if is_verdict else KINDS[record]
    kind = _kind_in(folder)
    if kind == wanted:
        return
    if kind is None and record in FILES:
        if _holds_trials_of_others(folder, is_verdict=is_verdict):
            kind = f"trials that are not those of {wanted}"
        elif _is_begun(folder, names):
            return
    if kind is None:
        kind = f"something other than {wanted}: {listed(sorted(names))}"
    raise UserError(f"{folder}: holds {kind} ({hint_for(record)})")


def _holds_trials_of_others(folder: Path, *, is_verdict: bool) -> bool:
    """Return whether trials of a verdict are in the folder of a run, or the reverse."""
    if not _is_ours(folder / ENVIRONMENT) or not _has_trials(folder):
        return False
    return _has_outside_trials(folder) != is_verdict


def _is_begun(folder: Path, names: set[str]) -> bool:
    """Return whether a folder is that of a run or a choice which was interrupted."""
    if _is_ours(folder / ENVIRONMENT):
        return True
    # It may hold only what is written before ``environment.json``.
    first = {TRIALS, PREDICTIONS}
    allowed = {*first, storage.TRACKING, "config.yaml"}
    is_first = names <= first or first <= names <= allowed
    return is_first and not _has_trials(folder)


def _has_trials(folder: Path) -> bool:
    folders = (folder / TRIALS, folder / PREDICTIONS)
    return any(any(path.glob("[!.]*")) for path in folders)


def _names_in(folder: Path) -> set[str]:
    """Return the names in a folder because of which it does not count as empty."""
    if not folder.is_dir():
        return set()
    names = {path.name for path in folder.iterdir()}
    unimportant = {name for name in names if UNIMPORTANT.fullmatch(name)}
    return names - unimportant - {OWN_TEXTS, OWN_PARTS}


def _kind_in(folder: Path) -> str | None:
    """Return the kind of finished result in a folder; ``None`` if there is none."""
    for name, kind in KINDS.items():
        if _is_ours(folder / name):
            if storage.peek(folder / name).get("engine") == OUTSIDE:
                return VERDICT
            return kind
    return None


def _has_outside_trials(folder: Path) -> bool:
    """Return whether the first trial in a folder has answers from outside."""
    records = sorted((folder / TRIALS).glob("[!.]*.json"))
    return bool(records) and storage.peek(records[0]).get("engine") == OUTSIDE


def _is_ours(file: Path) -> bool:
    """Return whether rnnbench, of whatever version, wrote a JSON document."""
    document = storage.peek(file)
    if "schema_version" not in document:
        return False
    return "checksum" in document or "contenders" in document


@contextmanager
def lock_folder(
    folder: Path, command: str, record: str = RESULTS, *, is_verdict: bool = False
) -> Iterator[None]:
    """Make and lock ``folder`` for the block; others are told the ``command``."""
    check_folder(folder, record, is_verdict=is_verdict)
    file = folder / LOCK
    holder_file = folder / HOLDER
    not_ours = "rnnbench did not write it (move it away, or use another folder)"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Without system calls for locks, it has content while another process holds it.
        if file.is_file() and file.stat().st_size and not holder_file.exists():
            raise UserError(f"{file}: {not_ours}")
        lock = storage.acquire(FileLock(file, timeout=0))
    except Timeout:
        other = _holder_in_words(holder_file)
        if other is None:  # it just begins, or ends
            other = "it is not known which"
        raise UserError(
            f"{folder}: another process is writing there: {other}\nWait until it has "
            f"finished, or {hint_for(record)}."
        ) from None
    except OSError as error:
        raise UnwritableError(folder, error) from error
    with lock:
        if holder_file.is_file() and _holder_in_words(holder_file) is None:
            raise UserError(f"{holder_file}: {not_ours}")
        now = datetime.now().astimezone().isoformat(" ", "seconds")
        holder = {
            "pid": os.getpid(),
            "host": platform.node(),
            "since": now,
            "command": command,
        }
        storage.write_text(holder_file, json.dumps(holder))
        storage.sweep(folder)
        try:
            yield
        finally:
            with suppress(OSError):
                holder_file.unlink()


def _holder_in_words(file: Path) -> str | None:
    holder = storage.peek(file)
    with suppress(KeyError):
        process = f"process {holder['pid']} on {holder['host']}"
        return f"{process}, since {holder['since']}: {holder['command']}"
    return None


class TrialFiles(NamedTuple):
    """The files of one trial."""

    record: Path
    predictions: Path
    weights: Path
    checkpoint: Path


def place_of(folder: Path, key: Key) -> TrialFiles:
    """Return where a trial is stored in the folder of a run."""
    model, seed, fingerprint = key
    name = f"{model}-seed{seed}-{fingerprint}"
    if not re.fullmatch(rf"{POINT}-seed-?\d+-[0-9a-f]{{64}}", name):
        hint = "should be a model, a seed and 64 lower-case hexadecimal digits"
        fault = f"{spell(name)} is not the name of a trial ({hint})"
        raise DamagedResultError(f"unusable result: {folder}: {fault}")
    short = name[:-48]  # with 16 digits of the fingerprint
    return TrialFiles(
        folder / TRIALS / f"{short}.json",
        folder / PREDICTIONS / f"{short}.npz",
        folder / MODELS / f"{short}.npz",
        folder / CHECKPOINTS / f"{short}.npz",
    )


@dataclass(frozen=True)
class Store:
    """The files in the folder of a run.

    Errors name the file: ``UnwritableError`` if it cannot be written,
    ``FileNotFoundError`` if it is missing, and ``DamagedResultError`` if it is not as
    it was written.
    """

    folder: Path

    def check_writable(self, record: str) -> None:
        """Make sure, before anything is trained, that all files can be written."""
        folders = [self.folder / TRIALS, self.folder / PREDICTIONS]
        for name in (MODELS, CHECKPOINTS):  # they are made when they are needed
            if (self.folder / name).exists():
                folders.append(self.folder / name)
        for folder in folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK):
                    raise PermissionError(errno.EACCES, "Permission denied")
            except OSError as error:
                raise UnwritableError(folder, error) from error
        for name in (*FILES[record], BAD_ROWS):
            storage.check_replaceable(self.folder / name)

    def save(self, result: TrialResult) -> None:
        """Write a finished trial."""
        record = result.record
        weights = result.weights
        place = place_of(self.folder, (record.model, record.seed, record.fingerprint))
        _check_size(place.predictions, [result.labels, result.scores])
        _check_size(place.weights, weights or [])
        checksums = {}
        if weights is not None:
            with storage.atomic_write(place.weights) as opened:
                np.savez(opened, *weights)
            checksums["weights_sha256"] = storage.sha256_file(place.weights)
        else:
            place.weights.unlink(missing_ok=True)
        _write(place, result, checksums)
        with suppress(OSError):  # it is not there, or a folder
            place.checkpoint.unlink()

    def remove_checkpoints(self, models: Iterable[str]) -> None:
        """Remove the files from which trainings of some models would continue.

        Their folder is removed, too, unless it holds other files.
        """
        folder = self.folder / CHECKPOINTS
        for model in models:
            for file in folder.glob(f"{glob.escape(model)}-seed*.npz"):
                with suppress(OSError):
                    file.unlink()
        with suppress(OSError):
            folder.rmdir()

    def make_compact(self, key: Key) -> TrialResult:
        """Store no more of a trial than tables need, except its network; return it."""
        files, record, checksums = self._read(key)
        stored = _read_result(files.predictions, record)
        if record.compact:
            return stored
        light = compact(stored)
        with uninterrupted():
            _write(files, light, checksums)
        return light

    def load(self, key: Key, *, with_model: bool = False) -> TrialResult:
        """Return a stored trial; ``with_model``, its network must be there, too."""
        files, record, _ = self._read(key, with_model=with_model)
        return _read_result(files.predictions, record)

    def holds(self, key: Key, *, with_model: bool = False) -> bool:
        """Return whether the files of a trial exist, perhaps with its weights."""
        files = place_of(self.folder, key)
        has_result = files.record.is_file() and files.predictions.is_file()
        if with_model:
            return has_result and files.weights.is_file()
        return has_result

    def scores(self, key: Key) -> NDArray[np.float32]:
        """Return the scores of a stored trial."""
        return self.load(key).scores

    def kept(self, key: Key) -> tuple[TrialRecord, Path]:
        """Return the record of a trained model, and the file of its weights."""
        files, record, _ = self._read(key, with_model=True)
        return record, files.weights

    def _read(
        self, key: Key, *, with_model: bool = False
    ) -> tuple[TrialFiles, TrialRecord, storage.Document]:
        """Return the files of a trial, its record and their checksums, all checked."""
        files = place_of(self.folder, key)
        record, checksums = storage.read_record(files.record, TrialRecord, *CHECKSUMS)
        predictions = checksums.get("predictions_sha256")
        storage.check_file(files.predictions, predictions, files.record)
        if with_model:
            weights = checksums.get("weights_sha256")
            if weights is None:
                raise FileNotFoundError(
                    errno.ENOENT, "it was not kept", str(files.weights)
                )
            storage.check_file(files.weights, weights, files.record)
        if (record.model, record.seed, record.fingerprint) != key:
            raise FileNotFoundError(errno.ENOENT, "no such trial", str(files.record))
        return files, record, checksums


def _read_result(file: Path, record: TrialRecord) -> TrialResult:
    """Return a trial from the file of its predictions."""
    with _unpacking(file), np.load(file, allow_pickle=False) as stored:
        name_of_scores = _name_of_scores(record)
        if name_of_scores not in stored:
            fault = f"it has no {name_of_scores}"
            if record.compact:
                fault = EARLIER
            raise ValueError(fault)
        labels = stored["labels"]
        scores = stored[name_of_scores]
        answers = stored.get("given")
        fault = _fault(record, labels, scores, answers)
        if fault:
            raise ValueError(fault)
        corrections = _corrections(stored, len(labels))
    return TrialResult(record, labels, scores, given=answers, corrections=corrections)


def bytes_of_predictions(labels: Labels, n_topics: int) -> int:
    """Return how large the labels and scores of test documents are."""
    return labels.nbytes + len(labels) * n_topics * np.dtype(np.float32).itemsize


def _check_size(file: Path, arrays: Sequence[Array]) -> None:
    size = sum(array.nbytes for array in arrays)
    if size > storage.MAX_HASHED:
        allowed = f"(allowed: {storage.MAX_HASHED:,})"
        raise RnnbenchError(f"{file}: cannot be stored: {size:,} bytes {allowed}")


def _fault(
    record: TrialRecord,
    labels: Array,
    scores: Array,
    answers: Array | None,
) -> str:
    """Return what is wrong with stored predictions; empty if nothing is."""
    arrays = [labels]
    if answers is not None:
        arrays.append(answers)
    lengths = {len(array) for array in arrays}
    if scores.dtype.kind != "f" or scores.ndim != 2 or lengths != {len(scores)}:
        return "scores have the wrong shape or type"
    if not np.isfinite(scores).all():
        return "scores are not finite"
    for array in arrays:
        fault = TASKS[record.task].fault(array, scores.shape[1])
        if fault:
            return fault
    is_log_probability = record.score_kind == "log_probabilities"
    if is_log_probability and scores.max(initial=0.0) > ROUNDING:
        return "probabilities above 1"
    return ""


def _name_of_scores(record: TrialRecord) -> str:
    """Return the name of the array of scores; earlier compact files had another one."""
    return "compact_scores" if record.compact else "scores"


def _corrections(
    stored: Mapping[str, Array], n_documents: int
) -> dict[str, NDArray[np.float32]]:
    """Return the corrections in a file, by the name of their metric."""
    corrections = {}
    for name in stored:  # without reading the other arrays again
        if not name.startswith(CORRECTION):
            continue
        values = stored[name]
        if values.dtype != np.float32 or values.shape != (n_documents,):
            raise ValueError(f"{name} has the wrong shape or type")
        if not np.isfinite(values).all():
            raise ValueError(f"{name} is not finite")
        corrections[name.removeprefix(CORRECTION)] = values
    return corrections


def _write(
    place: TrialFiles, result: TrialResult, checksums: Mapping[str, str]
) -> None:
    scores = _name_of_scores(result.record)
    arrays: dict[str, Array] = {"labels": result.labels, scores: result.scores}
    if result.given is not None:
        arrays["given"] = result.given
    for name, values in result.corrections.items():
        arrays[f"{CORRECTION}{name}"] = values
    with storage.atomic_write(place.predictions) as opened:
        storage.write_arrays(opened, arrays)
    digests = {
        **checksums,
        "predictions_sha256": storage.sha256_file(place.predictions),
    }
    # The record comes last, so it never exists without the rest.
    storage.write_document(place.record, result.record, **digests)


@contextmanager
def _unpacking(file: Path) -> Iterator[zipfile.ZipFile]:
    """Check how large a file unpacks; any error in it says that it is damaged."""
    try:
        with zipfile.ZipFile(file) as archive:
            storage.check_unpacked(archive)
            yield archive
    except Exception as error:  # a forged file makes NumPy raise almost anything
        raise DamagedResultError(f"unusable result: {file}: {error}") from error


def read_weights(file: Path, expected: Sequence[Declared] | None = None) -> Weights:
    """Return the weights of a model, each with its ``expected`` shape and type.

    NumPy makes room for whatever size an array declares, so all are compared before one
    is read.
    """
    with _unpacking(file) as archive:
        members = archive.namelist()
        n_weights = len(members) if expected is None else len(expected)
        names = [f"arr_{number}" for number in range(n_weights)]
        if members != [f"{name}.npy" for name in names]:
            fault = f"{len(members)} arrays, but the network has {n_weights} weights"
            raise ValueError(fault)
        for number, member in enumerate(members):
            (shape, dtype), size = _declared(archive, member)
            if expected is not None and (shape, dtype) != expected[number]:
                shape_needed, dtype_needed = expected[number]
                needs = f"{dtype_needed} {shape_needed}"
                raise ValueError(
                    f"{member} is {dtype} {shape},"
                    f" but the network in config.yaml has {needs}"
                )
            if size != archive.getinfo(member).file_size:
                raise ValueError(f"{member} is not as large as it declares")
        with np.load(file, allow_pickle=False) as stored:
            weights = [stored[name] for name in names]
        if not all(np.isfinite(array).all() for array in weights):
            raise ValueError("some of its weights are not finite")
    return weights


def _declared(archive: zipfile.ZipFile, member: str) -> tuple[Declared, int]:
    """Return the shape, the type and the size that an array in an archive declares."""
    with archive.open(member) as opened:
        np.lib.format.read_magic(opened)
        shape, _, dtype = np.lib.format.read_array_header_1_0(opened)
        size = opened.tell() + math.prod(shape) * dtype.itemsize
    return (shape, dtype), size
