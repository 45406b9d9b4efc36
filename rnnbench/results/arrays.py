"""The arrays of a trial: its predictions, whole or compact, and the weights of its network."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnbench.storage import DamagedResultError, atomic_write, check_unpacked
from rnnbench.training.outcome import History, TrialResult, Weights

BEST = 3
"""The number of topics of each document whose scores are kept in any case."""
DIGITS = 8
"""The binary digits that are kept of a score; some scores keep all."""
HISTORY_DIGITS = 4
"""The decimal digits that are kept of a loss and an accuracy in a history."""
Declared = tuple[tuple[int, ...], np.dtype[Any]]
"""The shape and the type of an array."""


def write_predictions(file: Path, labels: NDArray[np.int32], scores: NDArray[np.float32]) -> None:
    """Write labels ``(n_test,)`` and scores ``(n_test, n_topics)``.

    Raises:
        UnwritableError: ``file`` cannot be written.
    """
    with atomic_write(file) as opened:
        np.savez_compressed(opened, labels=labels, scores=scores)


def read_predictions(file: Path) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return labels ``(n_test,)`` and scores ``(n_test, n_topics)``.

    Raises:
        DamagedResultError: ``file`` does not hold them.
    """
    try:
        check_unpacked(file)
        with np.load(file, allow_pickle=False) as stored:
            labels, scores = stored["labels"], stored["scores"]
            if (labels.dtype.kind, scores.dtype.kind) != ("i", "f"):
                raise ValueError("labels or scores have the wrong type")
            if (labels.ndim, scores.ndim) != (1, 2) or len(labels) != len(scores):
                raise ValueError("labels or scores have the wrong shape")
            in_range = (labels >= 0) & (labels < scores.shape[1])
            if not (np.isfinite(scores).all() and in_range.all()):
                raise ValueError("labels or scores are out of range")
    except Exception as error:  # a forged file makes NumPy and zipfile raise almost anything
        raise DamagedResultError(f"unusable result: {file}: {error}") from error
    return labels, scores


def write_weights(file: Path, weights: Weights) -> None:
    """Write the weights of a network in their order.

    Raises:
        UnwritableError: ``file`` cannot be written.
    """
    with atomic_write(file) as opened:
        np.savez(opened, *weights)


def read_weights(file: Path, expected: Sequence[Declared]) -> Weights:
    """Return the weights of a network, in their order.

    NumPy makes room for whatever an array declares to be. So all declarations are compared with the
    network before anything is read.

    Args:
        file: of the weights.
        expected: the shape and the type of each.

    Raises:
        DamagedResultError: ``file`` does not hold such weights.
    """
    names = [f"arr_{number}" for number in range(len(expected))]
    try:
        check_unpacked(file)
        with zipfile.ZipFile(file) as archive:
            found = archive.namelist()
            if found != [f"{name}.npy" for name in names]:
                raise ValueError(f"{len(found)} arrays, but the network has {len(names)} weights")
            for name, (shape, dtype) in zip(found, expected, strict=True):
                with archive.open(name) as member:
                    np.lib.format.read_magic(member)
                    is_shape, _, is_dtype = np.lib.format.read_array_header_1_0(member)
                if (is_shape, is_dtype) != (shape, dtype):
                    raise ValueError(
                        f"{name} is {is_dtype} {is_shape}, but the network in config.yaml has "
                        f"{dtype} {shape}"
                    )
        with np.load(file, allow_pickle=False) as stored:
            weights = [stored[name] for name in names]
        if not all(np.isfinite(array).all() for array in weights):
            raise ValueError("some of its weights are not finite")
        return weights
    except Exception as error:  # see above
        raise DamagedResultError(f"unusable result: {file}: {error}") from error


def compact(result: TrialResult) -> TrialResult:
    """Return a trial with fewer scores and digits, and with the same metrics to the last digit.

    The score of each document's true topic stays as it is. Lower scores that are not among the best
    three become the lowest score of the trial. The others lose digits, unless that would change
    their order. So the answer, the best three and the rank of the true topic stay.
    """
    history = result.record.history.model_dump()
    rounded = History(**{name: list(map(_rounded, curve)) for name, curve in history.items()})
    record = result.record.model_copy(update={"compact": True, "history": rounded})
    return TrialResult(record, result.labels, compact_scores(result.labels, result.scores))


def compact_scores(labels: NDArray[np.int32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores ``(n_test, n_topics)`` as ``compact`` stores them."""
    own = scores[range(len(labels)), labels, np.newaxis]
    best = np.sort(scores, axis=1)[:, -BEST:]
    level = np.where(scores < np.minimum(own, best[:, :1]), scores.min(), scores)
    fraction, exponent = np.frexp(level)
    short = np.ldexp(np.trunc(fraction * 2**DIGITS) / 2**DIGITS, exponent)
    short = np.where(level == own, own, short)
    order = np.argsort(level, axis=1)
    before, after = (np.take_along_axis(rows, order, axis=1) for rows in (level, short))
    steps = [rows[:, 1:] > rows[:, :-1] for rows in (before, after)]
    same = (steps[0] == steps[1]).all(axis=1, keepdims=True)
    return np.where(same, short, level)


def _rounded(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.{HISTORY_DIGITS}g}")
