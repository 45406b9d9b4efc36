"""A dataset, one of its documents, and the models of a config, for people and for
machines.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain, combinations
from typing import Any

import numpy as np
from rich import box, columns
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from rnnbench.analysis.notes import Note, notes_on_data
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.corpus import noun_of
from rnnbench.data.load import PreparedData
from rnnbench.data.padding import INDEX_FROM, PAD, START, UNKNOWN
from rnnbench.data.source import Source
from rnnbench.data.vocabulary import Document
from rnnbench.labels import keys_of, topics_of
from rnnbench.models.describe import Description, LayerFacts
from rnnbench.models.descriptions import (
    ABOUT_A_MODEL,
    BaselineModel,
    LayeredNetwork,
    Model,
)
from rnnbench.models.layers.base import Shape
from rnnbench.models.layers.feedforward import WordCounts
from rnnbench.points import model_of
from rnnbench.report.table import MISSING, Table, grid, stacked
from rnnbench.section import spell_parameters
from rnnbench.text import counted, listed, summary_of, visible

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
NAME, ASIDE, REPLACED = "bold", "dim", "yellow"
START_MARK = "(start)"
EMBEDDED = "word ids, each of which selects a vector of an embedding"
INPUTS = {  # the kinds of input that models get from a document, in words
    "numbers": "the id of each word as a number, one feature at each step",
    "scaled_numbers": "the id of each word, divided by {n_ids:,}, one feature at each step",
    "ids": f"{EMBEDDED}, even for padding",
    "masked_ids": f"{EMBEDDED}; padding is skipped",
    "tfidf": "the TF-IDF of each id",
    "shares": "the share of each id among the words",
    "text": "the ids as a text, without the padding and the start mark",
    "words": "the words as a text, without those that are unknown or cut off",
}
View = tuple[Mapping[str, Any], *tuple[Table | RenderableType, ...]]
"""The record of something, which ``--json`` prints, and what people see of it."""


def data_view(prepared: PreparedData) -> View:
    """Return the facts of a dataset, the most frequent topics with bars, and the
    notes.
    """
    corpus, summary, section = prepared.corpus, prepared.summary, prepared.config
    provenance, notes = corpus.provenance, list(notes_on_data(summary, section, corpus))
    quantiles = {f"{q:.0%}": int(np.quantile(corpus.lengths, q)) for q in QUANTILES}
    record = {
        **provenance,
        **summary.model_dump(exclude={"source", "origin", "fingerprint", "topics"}),
        "dataset_fingerprint": summary.fingerprint,
        "documents": len(corpus),
        "topics": len(summary.topics),
        "vocabulary": len(corpus.vocabulary),
        "length_quantiles": quantiles,
        "topic_counts": [count.model_dump() for count in summary.topics_by_frequency],
        "topics_only_in_test": summary.topics_only_in_test,
        "notes": [note.model_dump() for note in notes],
    }
    noun = summary.noun
    cut = (
        "all words" if section.num_words is None else f"num_words {section.num_words:,}"
    )
    length = "any length" if section.maxlen is None else f"maxlen {section.maxlen}"
    rows = {
        "source": f"{provenance['source']} ({provenance['from']})",
        "corpus": f"{len(corpus):,} documents, {counted(len(summary.topics), noun)}, "
        f"{len(corpus.vocabulary):,} words",
        "fingerprint": corpus.fingerprint,
        "words in each": ", ".join(f"{share} {n:,}" for share, n in quantiles.items()),
        "dataset": f"{summary.train_size:,} documents to train on, {summary.test_size:,} to test "
        f"on, {summary.timesteps:,} steps ({cut}, {length})",
        "dataset fingerprint": summary.fingerprint,
        "majority baseline": f"always answering '{summary.majority_topic}' scores "
        f"{summary.majority_score:.4f}",
        "duplicates": summary.duplicates_in_words(),
        "whole texts": summary.duplicates_in_words(whole=True),
        f"{noun}s only in test": ", ".join(summary.topics_only_in_test) or "none",
    }
    if not summary.kind.has_one_label:
        sizes, pairs = _together(prepared)
        record["topics_a_document"] = dict(sorted(sizes.items()))
        record["pairs"] = [
            {"topics": pair, "documents": n} for pair, n in pairs.most_common()
        ]
        rows[f"{noun}s a document"] = ", ".join(
            f"{n}: {sizes[n]:,}" for n in sorted(sizes)
        )
        few = [f"{' + '.join(pair)} {n:,}" for pair, n in pairs.most_common(5)]
        rows["most often together"] = ", ".join(few) or "none"
    return (
        record,
        grid(rows.items(), (NAME, "")),
        _frequent_topics(summary),
        "",
        notes_text(notes),
    )


def _together(prepared: PreparedData) -> tuple[Counter[int], Counter[tuple[str, str]]]:
    dataset, sizes, pairs = prepared.dataset, Counter[int](), Counter[tuple[str, str]]()
    for key in chain(keys_of(dataset.y_train), keys_of(dataset.y_test)):
        own = topics_of(key)
        sizes[len(own)] += 1
        pairs.update(combinations([dataset.topics[topic] for topic in own], 2))
    return sizes, pairs


def _frequent_topics(summary: DatasetSummary) -> Table:
    shown, rows = summary.topics_by_frequency[:10], []
    most, total = shown[0].train + shown[0].test, summary.train_size + summary.test_size
    for count in shown:
        both = count.train + count.test
        bar, share = "█" * round(12 * both / most) or "▏", f"{both / total:.1%}"
        rows.append([count.topic, bar, f"{count.train:,}", f"{count.test:,}", share])
    caption = f"The most frequent of {counted(len(summary.topics), summary.noun)}."
    return Table(
        [summary.noun, "", "train", "test", "share"], rows, caption, text_columns=2
    )


def sources_view(sources: Iterable[Source]) -> View:
    """Return all sources, and the files that they can read."""
    record = {
        source.name: {"help": source.help, "file": source.file} for source in sources
    }
    table = Grid(
        *(
            Column(header, overflow="fold")
            for header in ("--data", "documents", "--path")
        )
    )
    for name, facts in record.items():
        table.add_row(name, *facts.values())
    return {"sources": record}, table


def notes_text(notes: Sequence[Note]) -> RenderableType:
    """Return each note: its title, its evidence and its advice."""
    lines: list[RenderableType] = []
    for note in notes:
        lines += [
            Text(note.title, NAME),
            Padding.indent(Text(f"{note.evidence} {note.advice}"), 2),
        ]
    return Group(*lines) if lines else Text("Nothing to note.")


def document_view(document: Document, inputs: Mapping[str, list[str]] | None) -> View:
    """Return a document's words, ids, and the inputs of models; ``None`` without a
    config.
    """
    if inputs and document.sequence is None:  # no model is given it
        inputs = {}
    plain = ("number", "topic", "place", "words", "ids", "n_ids", "unknown")
    record = {
        **{key: getattr(document, key) for key in plain},
        "cut_off": {"count": document.n_cut, "side": document.data.truncating},
        "padding": {"count": document.n_padding, "side": document.data.padding},
        "sequence": document.sequence,
        "inputs": [
            {"models": names, "kind": kind} for kind, names in (inputs or {}).items()
        ],
    }
    document = replace(
        document, words=list(map(visible, document.words))
    )  # before lines are made
    size, place = counted(len(document.words), "word"), document.place
    title = (
        f"document {document.number}, {document.noun} {document.topic}, {size}, {place}"
    )
    parts: list[tuple[str, list[RenderableType]]] = [
        ("", [Text(title, NAME), Text(" ".join(document.words))]),
        (
            "Words and their ids",
            [Group(*_glosses(document), *map(Text, _remarks(document)))],
        ),
    ]
    if inputs is None:
        hint = Text(
            "Name a config, such as all, to see what its models are given.", ASIDE
        )
        parts.append(("", [hint]))
    elif inputs:
        lines = []
        for kind, names in inputs.items():
            of_models = listed([*dict.fromkeys(map(model_of, names))])
            words = INPUTS[kind].format(n_ids=document.n_ids)
            lines.append(Text.assemble((of_models, NAME), f": {words}"))
        parts.append(("The inputs of the models", [Text("\n").join(lines)]))
    return record, stacked(parts)


def _glosses(document: Document) -> list[RenderableType]:
    words = zip([START_MARK, *document.words], document.ids, strict=True)
    glosses = [
        Text(f"{word}\n{id_}\n", REPLACED if id_ == UNKNOWN else "")
        for word, id_ in words
    ]
    parts: list[RenderableType] = [columns.Columns(glosses[document.kept], (0, 2))]
    for name, n, side in (
        ("cut off", document.n_cut, document.data.truncating),
        (f"padding ({PAD})", document.n_padding, document.data.padding),
    ):
        if n:
            line = Text(f"{name}: {counted(n, 'step')}\n", ASIDE)
            parts.insert(0 if side == "pre" else len(parts), line)
    return parts


def _remarks(document: Document) -> Iterator[str]:
    n = len(document.ids)
    length = f"The start mark and {counted(n - 1, 'word')} make {counted(n, 'step')}."
    if document.sequence is None:
        reason = f": it is not shorter than data.maxlen, {document.data.maxlen}"
        yield f"{length} No model is given this document{reason if document.data.maxlen else ''}."
    else:
        sides = document.data.truncating, document.data.padding
        cut = f"the {'first' if sides[0] == 'pre' else 'last'} {document.n_cut:,} are cut off"
        where = "before" if sides[1] == "pre" else "after"
        padding = f"{document.n_padding:,} of padding {where} it"
        facts = [cut] * bool(document.n_cut) + [padding] * bool(document.n_padding)
        whole = f": {' and '.join(facts)}" if facts else ""
        yield f"{length} Every sequence has {counted(len(document.sequence), 'step')}{whole}."
    if document.n_cut:
        words, kept = [START_MARK, *document.words], document.kept
        yield f"Cut off: {' '.join([*words[: kept.start or 0], *words[kept.stop :]])}"
    if document.unknown:
        yield f"Unknown: {' '.join(document.unknown)}"
    yield (
        f"{PAD} is padding, {START} the start mark, {UNKNOWN} an unknown word. The id of any other "
        f"word is its rank by frequency plus {INDEX_FROM}, and below {document.n_ids:,}."
    )


def models_by_input(models: Mapping[str, Model]) -> Mapping[str, list[str]]:
    """Return the names of models by their kind of input."""
    found: dict[str, list[str]] = {}
    for name, model in models.items():
        found.setdefault(_input_of(model), []).append(name)
    return found


def _input_of(model: Model) -> str:
    if model.reads_words:
        return "words"
    if isinstance(model, BaselineModel):
        return "text"
    if not isinstance(model, LayeredNetwork):
        return "ids"
    first = model.layers[0]
    if isinstance(first, WordCounts):
        return first.values
    if first.takes == "ids":
        return "masked_ids" if first.gives_mask else "ids"
    return "numbers" if model.inputs == "ids" else "scaled_numbers"


def models_view(
    models: Mapping[str, Model], params: Mapping[str, int], remark: str
) -> View:
    """Return a line for each model; ``remark`` says why trainable ``params`` are not
    known.
    """
    keys = ("name", "kind", "layers", "trainable_params")
    facts = [
        (name, one.kind, one.in_short(), params.get(name))
        for name, one in models.items()
    ]
    rows = [[*words, MISSING if n is None else f"{n:,}"] for *words, n in facts]
    table = Table(
        ["model", "kind", "layers", "trainable"], rows, remark, text_columns=3
    )
    return {
        "models": [dict(zip(keys, of_model, strict=True)) for of_model in facts]
    }, table


def parameters_view(name: str, model: Model) -> View:
    """Return a model that is no network, with its parameters."""
    kind, described = model.kind, getattr(model, "ensemble", model)
    if isinstance(model, BaselineModel):
        kind, described = model.baseline.kind, model.baseline
    summary = summary_of(type(described).__doc__)
    parameters = {key: value for key, value in described if key not in ABOUT_A_MODEL}
    rows = [
        [key, v if isinstance(v, str) else json.dumps(v)]
        for key, v in parameters.items()
    ]
    below = Table(["parameter", "value"], rows, "") if rows else "It has no parameters."
    record = {
        "name": name,
        "kind": model.kind,
        model.kind: kind,
        "parameters": parameters,
    }
    return record, Text.assemble((name, NAME), f": {kind}\n"), Text(summary), below


def network_view(
    name: str,
    model: Model,
    description: Description,
    shape: Shape,
    provenance: Mapping[str, Any],
) -> View:
    """Return a network, layer by layer; in the record, ``null`` in a shape is the
    batch.
    """
    layers, totals = [], (description.trainable_params, description.other_params)
    footer = "\n".join(f"{total:,}" for total in totals)
    headers = (
        Column("layer", "trainable\nother", overflow="fold"),
        Column("output", overflow="fold"),
        Column("parameters", footer, justify="right"),
    )
    look: dict[str, Any] = {
        "box": box.SIMPLE,
        "show_edge": False,
        "pad_edge": False,
        "leading": 1,
    }
    table = Grid(*headers, show_footer=True, **look)
    for facts in description.layers:
        described = facts.described_by and facts.described_by.model_dump(mode="json")
        layers.append(asdict(facts) | {"described_by": described})
        outputs = [
            ["batch" if n is None else n for n in output] for output in facts.outputs
        ]
        table.add_row(
            _layer_text(facts, model, shape),
            "\n".join(f"({', '.join(map(str, dimensions))})" for dimensions in outputs),
            f"{facts.trainable_params + facts.other_params:,}",
        )
    about = {"name": name, "kind": model.kind, "data": {**provenance, **asdict(shape)}}
    source = provenance["source"]
    caption = f"\nData: {source} ({provenance['from']}), {shape.timesteps:,} steps, "
    caption += f"{counted(shape.n_topics, noun_of(source))}, {shape.n_ids:,} ids. "
    caption += "Batch: documents that are read at once."
    title = Text.assemble((name, NAME), f": {model.in_short()}\n")
    return (
        {**about, **vars(description), "layers": layers},
        title,
        table,
        Text(caption, ASIDE),
    )


def _layer_text(facts: LayerFacts, model: Model, shape: Shape) -> Text:
    name, lines = facts.keras_class, [""]
    if layer := facts.described_by:
        title, lines = (
            layer.in_short(),
            [layer.summary(), spell_parameters(layer.settings())],
        )
    elif name == "InputLayer":
        title = "word ids"
    elif isinstance(model, LayeredNetwork):  # the config does not name the layer
        is_scaled = model.inputs == "scaled_ids"
        words = {
            "Reshape": "one feature at each step: the id as a number",
            "Rescaling": f"divided by {shape.n_ids:,}"
            if is_scaled
            else "times 1: inputs are ids",
        }
        title, lines = name.lower(), [words.get(name, "")]
    else:
        title = f"{facts.name} ({name})"
    return Text.assemble(
        (title, NAME), ("".join(f"\n{line}" for line in lines if line), ASIDE)
    )
