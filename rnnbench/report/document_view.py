"""A document and what models are given of it, for people and for machines."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from rnnbench.data.padding import INDEX_FROM, PAD, START, UNKNOWN
from rnnbench.data.vocabulary import Document
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model
from rnnbench.models.layers.feedforward import WordCounts
from rnnbench.points import model_of
from rnnbench.report.layout import View, stacked
from rnnbench.text import counted, listed, visible

NAME = "bold"
ASIDE = "dim"
REPLACED = "yellow"
START_MARK = "(start)"
EMBEDDED = "word ids, each of which selects a vector of an embedding"
SCALED = "the id of each word, divided by {n_ids:,}, one feature at each step"
INPUTS = {
    "numbers": "the id of each word as a number, one feature at each step",
    "scaled_numbers": SCALED,
    "ids": f"{EMBEDDED}, even for padding",
    "masked_ids": f"{EMBEDDED}; padding is skipped",
    "tfidf": "the TF-IDF of each id",
    "shares": "the share of each id among the words",
    "text": "the ids as a text, without the padding and the start mark",
    "words": "the words as a text, without those that are unknown or cut off",
}
"""The kinds of input that models get from a document, in words."""


def document_view(document: Document, inputs: Mapping[str, list[str]] | None) -> View:
    """Return a document's words and ids, and the inputs of models.

    ``inputs`` has the names of models by their kind of input; ``None`` without a
    config.
    """
    if inputs and document.sequence is None:  # no model is given it
        inputs = {}
    record = _record(document, inputs or {})
    words = [visible(word) for word in document.words]  # before lines are made
    document = replace(document, words=words)
    title = (
        f"document {document.number}, {document.noun} {document.topic}, "
        f"{counted(len(words), 'word')}, {document.place}"
    )
    remarks = [Text(remark) for remark in _remarks(document)]
    parts: list[tuple[str, list[RenderableType]]] = [
        ("", [Text(title, NAME), Text(" ".join(words))]),
        ("Words and their ids", [Group(*_glosses(document), *remarks)]),
    ]
    if inputs is None:
        hint = "Name a config, such as all, to see what its models are given."
        parts.append(("", [Text(hint, ASIDE)]))
    elif inputs:
        lines = []
        for kind, names in inputs.items():
            models = listed(list(dict.fromkeys(map(model_of, names))))
            description = INPUTS[kind].format(n_ids=document.n_ids)
            lines.append(Text.assemble((models, NAME), f": {description}"))
        parts.append(("The inputs of the models", [Text("\n").join(lines)]))
    return record, stacked(parts)


def _record(document: Document, inputs: Mapping[str, list[str]]) -> dict[str, object]:
    return {
        "number": document.number,
        "topic": document.topic,
        "place": document.place,
        "words": document.words,
        "ids": document.ids,
        "n_ids": document.n_ids,
        "unknown": document.unknown,
        "cut_off": {"count": document.n_cut, "side": document.data.truncating},
        "padding": {"count": document.n_padding, "side": document.data.padding},
        "sequence": document.sequence,
        "inputs": [{"models": names, "kind": kind} for kind, names in inputs.items()],
    }


def _glosses(document: Document) -> list[RenderableType]:
    """Return the words with their ids below them, and what is cut off and added."""
    words = [START_MARK, *document.words]
    glosses = []
    for word, number in zip(words, document.ids, strict=True):
        style = REPLACED if number == UNKNOWN else ""
        glosses.append(Text(f"{word}\n{number}\n", style))
    parts: list[RenderableType] = [Columns(glosses[document.kept], (0, 2))]
    for name, n, side in (
        ("cut off", document.n_cut, document.data.truncating),
        (f"padding ({PAD})", document.n_padding, document.data.padding),
    ):
        if n:
            line = Text(f"{name}: {counted(n, 'step')}\n", ASIDE)
            parts.insert(0 if side == "pre" else len(parts), line)
    return parts


def _remarks(document: Document) -> Iterator[str]:
    yield f"{_length(document)} {_cut_and_padding(document)}"
    if document.n_cut:
        kept = document.kept
        words = [START_MARK, *document.words]
        cut = [*words[: kept.start or 0], *words[kept.stop :]]
        yield f"Cut off: {' '.join(cut)}"
    if document.unknown:
        yield f"Unknown: {' '.join(document.unknown)}"
    yield (
        f"{PAD} is padding, {START} the start mark, {UNKNOWN} an unknown word. The id "
        f"of any other word is its rank by frequency plus {INDEX_FROM}, and below "
        f"{document.n_ids:,}."
    )


def _length(document: Document) -> str:
    n = len(document.ids)
    return f"The start mark and {counted(n - 1, 'word')} make {counted(n, 'step')}."


def _cut_and_padding(document: Document) -> str:
    """Return what becomes of a document that is too long or too short, if any."""
    data = document.data
    if document.sequence is None:
        reason = ""
        if data.maxlen:
            reason = f": it is not shorter than data.maxlen, {data.maxlen}"
        return f"No model is given this document{reason}."
    changes = []
    if document.n_cut:
        end = "first" if data.truncating == "pre" else "last"
        changes.append(f"the {end} {document.n_cut:,} are cut off")
    if document.n_padding:
        side = "before" if data.padding == "pre" else "after"
        changes.append(f"{document.n_padding:,} of padding {side} it")
    text = f"Every sequence has {counted(len(document.sequence), 'step')}"
    if changes:
        text += f": {' and '.join(changes)}"
    return f"{text}."


def models_by_input(models: Mapping[str, Model]) -> Mapping[str, list[str]]:
    """Return the names of models by their kind of input, a key of ``INPUTS``."""
    names: dict[str, list[str]] = {}
    for name, model in models.items():
        names.setdefault(_input_of(model), []).append(name)
    return names


def _input_of(model: Model) -> str:
    if model.reads_words:
        return "words"
    match model:
        case BaselineModel():
            return "text"
        case LayeredNetwork(layers=[WordCounts(values=values), *_]):
            return values
        case LayeredNetwork(layers=[first, *_]) if first.takes != "ids":
            return "numbers" if model.inputs == "ids" else "scaled_numbers"
        case LayeredNetwork(layers=[first, *_]) if first.gives_mask:
            return "masked_ids"
    return "ids"
