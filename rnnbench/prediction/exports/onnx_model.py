"""A kept model as a graph of ONNX: ``model_of(kept)``.

Its input is word ids. Its outputs are scores, and whether each label is given. Its
metadata hold the labels, and code that turns texts into ids.
"""

import inspect
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np
from onnx import helper

from rnnbench.data.padding import INDEX_FROM, START
from rnnbench.errors import UserError
from rnnbench.prediction.exports.file import splitting_of
from rnnbench.prediction.exports.graph import Graph, Traced
from rnnbench.prediction.exports.program import IDS, IS_GIVEN, SCORES
from rnnbench.prediction.exports.python_file import PythonFile
from rnnbench.prediction.predict import KeptModel
from rnnbench.report.template import find_template

OPSET = 18
"""The version of the operators, which ONNX Runtime has since 1.14."""
IR_VERSION = 8
LARGEST = 2**31 - 2**24  # bytes of constants; the graph needs some more


def model_of(kept: KeptModel) -> bytes:
    """Return the graph of a model; ``UserError`` if ONNX cannot compute it."""
    model = helper.make_model(
        _graph_of(kept),
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        producer_name="rnnbench",
    )
    helper.set_model_props(model, _about(kept))
    content: bytes = model.SerializeToString()
    return content


def _graph_of(kept):
    """Return the graph that the code of a Python file makes from traced inputs."""
    exported = ModuleType("exported")
    code = PythonFile().content(kept)
    exec(code, vars(exported))  # noqa: S102 - rnnbench has just written it
    graph = Graph()
    ids = graph.input(np.zeros((2, kept.vocabulary.timesteps), int), IDS)
    vars(exported).update(REPLACED)
    outputs = []
    for name, answer in zip((SCORES, IS_GIVEN), exported.answer(ids), strict=True):
        graph.nodes.append(helper.make_node("Identity", [answer.name], [name]))
        outputs.append(graph.input(answer.example, name))
    size = sum(map(_size, graph.constants.values()))
    if size > LARGEST:
        raise _impossible("ONNX models are limited to 2 GB")
    return graph.proto([ids], outputs, is_inside=False)


def _size(constant):
    return constant.example.nbytes


def _impossible(fault: str) -> UserError:
    return UserError(f"--format onnx: {fault} (allowed: --format python)")


def _about(kept: KeptModel) -> dict[str, str]:
    """Return the metadata: labels, words, and code that turns texts into ids."""
    splitting = splitting_of(kept.vocabulary)
    template = find_template("encode_alone.py.j2", __package__)
    code = template.render(
        vocabulary=kept.vocabulary,
        split=splitting.split.__name__,
        code=inspect.getsource(splitting.split),
    )
    return {
        "labels": json.dumps(kept.vocabulary.topics),
        "scores": kept.kind,
        "words": json.dumps(kept.vocabulary.words),
        "pattern": splitting.pattern,
        "encode": code,
    }


def _rows_of(vectors, numbers):
    """Add a look-up, which NumPy leaves to the first of two arrays."""
    return np.take(numbers.graph.array(vectors), numbers, axis=0)


def _recurrent(x, mask, w, cell, direction):
    """Add a scan, whose steps are a graph inside the graph."""
    next_of, *functions_of_cell = cell
    outer = x.graph
    inner = Graph(outer)
    start = np.take(x, 0, axis=1) @ np.zeros((x.shape[2], len(w[1])), np.float32)
    h = inner.input(start.example)
    c = inner.input(start.example)
    step = inner.input(x.example[:, 0])
    counts = inner.input(mask.example[:, 0])
    next_h, next_c = next_of(step, (h, c), w, *functions_of_cell)
    is_on = counts[:, None]
    ends = [np.where(is_on, next_h, h), np.where(is_on, next_c, c)]
    ends.append(inner.add("Identity", ends[:1], start.example))
    backwards = int(direction < 0)
    attributes = {
        "body": inner.proto([h, c, step, counts], ends),
        "num_scan_inputs": 2,
        "scan_input_axes": [1, 1],
        "scan_input_directions": [backwards, backwards],
        "scan_output_axes": [1],
        "scan_output_directions": [backwards],
    }
    example = np.zeros((*mask.shape, len(w[1])), np.float32)
    examples = [start.example, start.example, example]
    outputs = outer.add("Scan", [start, start, x, mask], examples, attributes)
    return outputs[2], mask


@dataclass(frozen=True)
class _TextsOfIds:
    """Word ids in place of texts, and the words if these are read."""

    ids: Traced
    words: Sequence[str] = ()


def _texts_of_words(ids, words, separator):
    if not separator:
        raise _impossible("ONNX cannot count n-grams in texts split into characters")
    return _TextsOfIds(ids, words)


def _weighted_sums(texts, w, parts):
    coef, intercept, idf = w
    graph = texts.ids.graph
    sums = texts.ids[:, :1].astype(float) * 0 + intercept
    for (find, _, _), columns, changed, scaled in parts:
        if columns:
            counts = _counts(texts, find, list(columns)).astype(float)
            values = np.where(counts > 0, changed(np.maximum(counts, 1)), 0)
            places = list(columns.values())
            weights = graph.array(coef[places]).astype(float)
            sums = sums + scaled(values * idf[places]) @ weights
    return sums


def _counts(texts, find, names):
    """Return how often each text has each term, by what finds them."""
    split: Callable[[str], list[str]] = str.split
    number: Callable[[str], int] = int
    if find.__name__ != "word_ngrams":
        tokens = _characters(texts, is_across=find.__name__ == "char_ngrams")
        split = list
        number = ord
    elif texts.words:
        tokens = _compacted(texts.ids, texts.ids > INDEX_FROM)
        numbers = defaultdict(int, zip(texts.words, itertools.count(INDEX_FROM + 1)))
        number = numbers.__getitem__
    else:
        tokens = _compacted(texts.ids, texts.ids > START)
    pool = []
    for term in names:
        pool.append(list(map(number, split(term))))
    lengths = np.array(list(map(len, pool)))
    # The operator reads the length of a term from its place.
    order = np.argsort(lengths, kind="stable")
    sizes = np.bincount(lengths) * np.arange(lengths.max() + 1)
    attributes = {
        "mode": "TF",
        "min_gram_length": int(lengths.min()),
        "max_gram_length": int(lengths.max()),
        "max_skip_count": 0,
        "ngram_counts": np.cumsum(sizes)[:-1].tolist(),
        "ngram_indexes": order.tolist(),
        "pool_int64s": list(itertools.chain(*map(pool.__getitem__, order))),
    }
    example = np.zeros((len(texts.ids.example), len(names)), np.float32)
    return tokens.graph.add("TfIdfVectorizer", [tokens], example, attributes)


def _characters(texts, *, is_across):
    """Return the characters of words, with a blank before or on both sides."""
    rows = []
    for word in texts.words:
        if is_across:
            rows.append(f" {word}")
        else:
            rows.append("".join(f" {part} \0" for part in word.split()))
    longest = max(map(len, rows))
    if longest * len(rows) > LARGEST // 8:
        raise _impossible(f"a word of {longest:,} characters is too long")
    table = np.full((INDEX_FROM + 1 + len(rows), longest), -1)
    for row, characters in zip(table[INDEX_FROM + 1 :], rows, strict=True):
        row[: len(characters)] = list(map(ord, characters))
    taken = _rows_of(table, texts.ids)
    tokens = np.reshape(taken, (-1, taken.shape[1] * taken.shape[2]))
    tokens = _compacted(tokens, tokens >= 0)
    if is_across:
        return tokens[:, 1:]
    return tokens


def _compacted(tokens, is_kept):
    """Return the tokens that are kept, then -1."""
    steps = tokens.shape[1]
    places = np.where(is_kept, np.cumsum(is_kept, axis=1) - 1, steps)
    empty = tokens[:, :1] * 0 + np.full((1, steps + 1), -1)
    inputs = [empty, places, tokens]
    moved = tokens.graph.add("ScatterElements", inputs, empty.example, {"axis": 1})
    return moved[:, :steps]


REPLACED = {
    "rows_of": _rows_of,
    "recurrent": _recurrent,
    "texts_of_ids": _TextsOfIds,
    "texts_of_words": _texts_of_words,
    "weighted_sums": _weighted_sums,
}
"""Functions that a graph has other operators for, such as loops."""
