"""Writing a kept model to a file that works without rnnbench.

``export(kept, PythonFile(), out, texts)`` compares the file with the model first.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from rnnbench.config.schema import Benchmark
from rnnbench.data.cached import cached_documents
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.prediction.exports.file import Answer, FileFormat
from rnnbench.prediction.exports.onnx_file import OnnxFile
from rnnbench.prediction.exports.python_file import PythonFile
from rnnbench.prediction.predict import KeptModel
from rnnbench.results.schema import Results
from rnnbench.section import StoredRecord
from rnnbench.storage import atomic_write, temporary_folder
from rnnbench.text import counted

MOST = 1_000  # texts to compare answers to
AT_ONCE = 64
TOLERANCE = 1e-5
HARD_TEXTS = (
    "",
    "?!",
    "\t\r\n\x0b",
    "It\u2019s 2 o'clock\u00a0in ZÜRICH, naïve 中文 😀 \u0130!",
)
"""Texts that are easily split into other words."""


class Exported(StoredRecord):
    """A file that was written."""

    model: str
    seed: int
    format: str
    file: str
    size: int
    """In bytes."""
    texts: int
    """Texts to which the file gave the model's answers; 0 if it was not compared."""
    difference: float
    """The largest difference between their probabilities or margins."""

    def in_words(self) -> str:
        """Return what was written, and what it was compared with."""
        if not self.texts:
            return f"Written to {self.file}"
        answers = f"the same answers as {self.model} to {counted(self.texts, 'text')}"
        largest = f"scores differ by up to {self.difference:.1g}"
        return f"Written to {self.file}; it gives {answers} ({largest})"


class KerasFile(FileFormat):
    """A network for Keras, which is not compared."""

    name = "keras"
    ending = ".keras"

    def content(self, kept: KeptModel) -> bytes:
        """Return the file; ``UserError`` if it is no network of Keras."""
        with quiet_tensorflow():
            network = kept.keras
            from rnnbench.models.build import to_bytes

            return to_bytes(network)


FORMATS: tuple[FileFormat, ...] = (PythonFile(), OnnxFile(), KerasFile())


def format_of(name: str | None, out: Path | None) -> FileFormat:
    """Return the format with a name or, without one, that of a new file."""
    ending = PythonFile.ending
    if out:
        ending = out.suffix.lower()
    wrong = f"--format: got '{name}'"
    if name is None:
        wrong = f"--out {out}: got '{ending}'"
    allowed = []
    for file_format in FORMATS:
        if name == file_format.name or (name is None and ending == file_format.ending):
            return file_format
        allowed.append(f"{file_format.name} ({file_format.ending})")
    raise UserError(f"{wrong} (allowed: {', '.join(allowed)})")


def export(
    kept: KeptModel,
    file_format: FileFormat,
    out: Path,
    texts_to_compare: Callable[[], Sequence[str]],
) -> Exported:
    """Write a kept model to a file, unless the file answers differently.

    ``RnnbenchError``: it does. ``UserError``: the model cannot be such a file.
    """
    content = file_format.content(kept)
    n_texts = 0
    difference = 0.0
    with temporary_folder() as folder:
        file = folder / f"model{file_format.ending}"
        file.write_bytes(content)
        with _blaming(file_format.name):
            answer = file_format.reader(file)
            if answer:
                texts = texts_to_compare()
                n_texts = len(texts)
                difference = _difference(kept, answer, texts, file_format.name)
    with atomic_write(out) as opened:
        opened.write(content)
    return Exported(
        model=kept.name,
        seed=kept.seed,
        format=file_format.name,
        file=str(out),
        size=len(content),
        texts=n_texts,
        difference=difference,
    )


@contextmanager
def _blaming(format_name: str) -> Iterator[None]:
    """Have other errors say that the file does not work."""
    try:
        yield
    except RnnbenchError:
        raise
    except Exception as error:
        fault = f"the {format_name} file does not work"
        raise RnnbenchError(f"{fault}: {error}; nothing was written") from error


def _difference(
    kept: KeptModel, answer: Answer, texts: Sequence[str], format_name: str
) -> float:
    """Return the largest difference of scores; ``RnnbenchError`` if it is large."""
    largest = 0.0
    n_other = 0
    for start in range(0, len(texts), AT_ONCE):
        block = texts[start : start + AT_ONCE]
        scores, is_given = answer(block)
        expected = kept.shown_scores(block)
        labels = kept.task.form.indicators(kept.labels(block), expected.shape[1])
        n_other += int((is_given != labels).any(axis=1).sum())
        scores = np.where(np.isneginf(scores), expected, scores)  # was not learned
        largest = float(np.maximum(largest, np.abs(scores - expected).max()))
    if n_other or not largest <= TOLERANCE:
        fault = f"the {format_name} file answers differently from {kept.name}"
        of_texts = f"{n_other} of {len(texts)} texts have other labels"
        raise RnnbenchError(
            f"{fault}: {of_texts}, scores differ by up to {largest:.1g} "
            f"(allowed: {TOLERANCE:g}); nothing was written"
        )
    return largest


def texts_of(kept: KeptModel, results: Results, benchmark: Benchmark) -> list[str]:
    """Return texts of the run, and some that are hard to split into words.

    If there are too few documents in the cache, words that the model knows are added.
    """
    texts: list[str] = []
    cached = cached_documents(results.dataset, benchmark.data)
    if cached:
        corpus, dataset = cached
        documents = np.append(dataset.test_documents, dataset.train_documents)
        texts += map(corpus.text, documents[:MOST].tolist())
    words = kept.vocabulary.words
    for start in range(0, len(words), max(1, len(words) // MOST)):
        some = words[start : start + kept.vocabulary.timesteps]
        texts.append(kept.vocabulary.separator.join(some))
    return [*texts[:MOST], *HARD_TEXTS]
