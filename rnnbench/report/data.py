"""A dataset, and one of its documents, for people and for machines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich import columns
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from rnnbench.analysis.notes import Note, notes_on_data
from rnnbench.data.audit import DatasetSummary, TopicCount
from rnnbench.data.corpus import Corpus
from rnnbench.data.dataset import INDEX_FROM, PAD, START, UNKNOWN, Data
from rnnbench.data.source import Source
from rnnbench.data.vocabulary import Document
from rnnbench.models.descriptions import BaselineModel, LayeredNetwork, Model
from rnnbench.models.layers.feedforward import WordCounts
from rnnbench.points import model_of
from rnnbench.report.table import Columns, Table, table_of
from rnnbench.text import counted, listed, visible

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
TOPICS_SHOWN = 10
BAR_WIDTH = 12
"""The columns of the bar of the most frequent topic."""
HEADING, NAME, ASIDE, REPLACED = "bold cyan", "bold", "dim", "yellow"
INDENT = (0, 0, 0, 3)
START_MARK = "(start)"
EMBEDDED = "word ids, each of which selects a vector of an embedding"
INPUTS = {
    "numbers": "the id of each word as a number, one feature at each step",
    "scaled_numbers": "the id of each word, divided by {n_ids:,}, one feature at each step",
    "ids": f"{EMBEDDED}, even for padding",
    "masked_ids": f"{EMBEDDED}; padding is skipped",
    "tfidf": "the TF-IDF of each id",
    "shares": "the share of each id among the words",
    "text": "the ids as a text, without the padding and the start mark",
    "words": "the words as a text, without those that are unknown or cut off",
}
"""The kinds of input that models get from a document, in words."""

Inputs = Mapping[str, Sequence[str]]
"""The names of the models of a config, by their kind of input."""


def data_facts(corpus: Corpus, summary: DatasetSummary, section: Data) -> dict[str, Any]:
    """Return the facts that ``--json`` prints."""
    notes = notes_on_data(summary, section, corpus)
    return {
        **corpus.provenance,
        **summary.model_dump(exclude={"source", "origin", "fingerprint", "topics"}),
        "dataset_fingerprint": summary.fingerprint,
        "documents": len(corpus),
        "topics": len(summary.topics),
        "vocabulary": len(corpus.vocabulary),
        "length_quantiles": length_quantiles(corpus),
        "topic_counts": [count.model_dump() for count in summary.topics_by_frequency],
        "topics_only_in_test": summary.topics_only_in_test,
        "notes": [note.model_dump() for note in notes],
    }


def length_quantiles(corpus: Corpus) -> dict[str, int]:
    """Return quantiles of the number of words in a document, by percentage."""
    return {f"{q:.0%}": int(np.quantile(corpus.lengths, q)) for q in QUANTILES}


def data_views(
    corpus: Corpus, summary: DatasetSummary, section: Data
) -> list[Table | RenderableType]:
    """Return the facts, the most frequent topics with bars, and the notes."""
    provenance = corpus.provenance
    cut = "all words" if section.num_words is None else f"num_words {section.num_words:,}"
    quantiles = length_quantiles(corpus)
    length = "any length" if section.maxlen is None else f"maxlen {section.maxlen}"
    rows = {
        "source": f"{provenance['source']} ({provenance['from']})",
        "corpus": (
            f"{len(corpus):,} documents, {len(summary.topics)} topics, "
            f"{len(corpus.vocabulary):,} words"
        ),
        "fingerprint": corpus.fingerprint,
        "words in each": ", ".join(f"{share} {n:,}" for share, n in quantiles.items()),
        "dataset": (
            f"{summary.train_size:,} documents to train on, {summary.test_size:,} to test on, "
            f"{summary.timesteps:,} steps ({cut}, {length})"
        ),
        "dataset fingerprint": summary.fingerprint,
        "majority baseline": (
            f"always answering '{summary.majority_topic}' scores {summary.majority_accuracy:.4f}"
        ),
        "duplicates": summary.duplicates_in_words(),
        "whole texts": summary.duplicates_in_words(whole=True),
        "topics only in test": ", ".join(summary.topics_only_in_test) or "none",
    }
    facts = Grid.grid(padding=(0, 2))
    for name, value in rows.items():
        facts.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    notes = list(notes_on_data(summary, section, corpus))
    return [facts, _topics(summary), *([Text(), notes_text(notes)] if notes else [])]


def _topics(summary: DatasetSummary) -> Table:
    shown = summary.topics_by_frequency[:TOPICS_SHOWN]
    total, most = summary.train_size + summary.test_size, shown[0].train + shown[0].test
    columns: Columns[TopicCount] = {
        "topic": lambda count: count.topic,
        "": lambda count: "█" * round(BAR_WIDTH * (count.train + count.test) / most) or "▏",
        "train": lambda count: f"{count.train:,}",
        "test": lambda count: f"{count.test:,}",
        "share": lambda count: f"{(count.train + count.test) / total:.1%}",
    }
    caption = f"The most frequent of {counted(len(summary.topics), 'topic')}."
    return table_of(shown, columns, caption, text_columns=2)


def sources_text(sources: Iterable[Source]) -> Grid:
    """Return a table of all sources."""
    table = Grid(*(Column(header, overflow="fold") for header in ("--data", "documents", "--path")))
    for source in sources:
        table.add_row(source.name, source.help, source.file)
    return table


def notes_text(notes: Sequence[Note]) -> RenderableType:
    """Return each note: its title, its evidence and its advice."""
    if not notes:
        return Text("Nothing to note.")
    lines: list[RenderableType] = []
    for note in notes:
        advice = Padding(Text(f"{note.evidence} {note.advice}"), (0, 0, 0, 2))
        lines += [Text(note.title, style="bold"), advice]
    return Group(*lines)


# One document


def document_facts(document: Document, inputs: Inputs | None) -> dict[str, Any]:
    """Return the facts that ``--json`` prints."""
    return {
        "number": document.number,
        "topic": document.topic,
        "place": document.place,
        "words": document.words,
        "ids": document.ids,
        "n_ids": document.n_ids,
        "unknown": document.unknown,
        "cut_off": {"count": document.n_cut, "side": document.cut_side},
        "padding": {"count": document.n_padding, "side": document.padding_side},
        "sequence": document.sequence,
        "inputs": [{"models": names, "kind": kind} for kind, names in (inputs or {}).items()],
    }


def document_text(document: Document, inputs: Inputs | None) -> RenderableType:
    """Return a document in parts: its words, their ids, and the inputs of models.

    ``inputs`` is ``None`` if there is no config.
    """
    document = replace(document, words=list(map(visible, document.words)))  # before lines are made
    size = counted(len(document.words), "word")
    title = f"document {document.number}, topic {document.topic}, {size}, {document.place}"
    parts: list[RenderableType] = [
        Text(title, "bold"),
        Text(" ".join(document.words)),
        Text("Words and their ids", HEADING),
        Padding(Group(*_glosses(document), *map(Text, _remarks(document))), INDENT),
    ]
    if inputs is None:
        parts.append(Text("Name a config, such as all, to see what its models are given.", ASIDE))
    elif inputs:
        parts.append(Text("The inputs of the models", HEADING))
        lines = [
            Text.assemble((listed([*dict.fromkeys(map(model_of, names))]), NAME), f": {meaning}")
            for kind, names in inputs.items()
            for meaning in [INPUTS[kind].format(n_ids=document.n_ids)]
        ]
        parts.append(Padding(Text("\n").join(lines), INDENT))
    return Group(*[line for part in parts for line in (part, "")][:-1])


def _glosses(document: Document) -> list[RenderableType]:
    """Return the words with their ids below, and a line each for cut-off words and for padding."""
    words = [START_MARK, *document.words]
    glosses = [
        Text(f"{word}\n{id_}\n", REPLACED if id_ == UNKNOWN else "")
        for word, id_ in zip(words, document.ids, strict=True)
    ][document.kept]
    parts: list[RenderableType] = [columns.Columns(glosses, (0, 2))]
    for name, n, side in (
        ("cut off", document.n_cut, document.cut_side),
        (f"padding ({PAD})", document.n_padding, document.padding_side),
    ):
        if n:
            line = Text(f"{name}: {counted(n, 'step')}\n", ASIDE)
            parts.insert(0 if side == "pre" else len(parts), line)
    return parts


def _remarks(document: Document) -> Iterator[str]:
    """Yield lines on the length, on words that are cut off or unknown, and on the ids."""
    n, n_cut = len(document.ids), document.n_cut
    length = f"The start mark and {counted(n - 1, 'word')} make {counted(n, 'step')}."
    if document.sequence is None:
        reason = f": it is not shorter than data.maxlen, {document.maxlen}"
        yield f"{length} No model is given this document{reason if document.maxlen else ''}."
    else:
        steps = f"{length} Every sequence has {counted(len(document.sequence), 'step')}"
        if n_cut:
            end = {"pre": "first", "post": "last"}[document.cut_side]
            yield f"{steps}: the {end} {n_cut:,} are cut off."
        elif document.n_padding:
            side = {"pre": "before", "post": "after"}[document.padding_side]
            zeros = counted(document.n_padding, "step")
            yield f"{steps}, so {zeros} of padding go {side} the words; nothing is cut off."
        else:
            yield f"{steps}: there is no padding, and nothing is cut off."
    if n_cut:
        words, kept = [START_MARK, *document.words], document.kept
        yield f"Cut off: {' '.join([*words[: kept.start or 0], *words[kept.stop :]])}"
    if document.unknown:
        yield f"Unknown: {' '.join(document.unknown)}"
    yield (
        f"{PAD} is padding, {START} the start mark, {UNKNOWN} an unknown word. The id of any other "
        f"word is its rank by frequency plus {INDEX_FROM}, and below {document.n_ids:,}."
    )


def models_by_input(models: Mapping[str, Model]) -> Inputs:
    """Return the names of models by their kind of input."""
    found: dict[str, list[str]] = {}
    for name, model in models.items():
        found.setdefault(_input_of(model), []).append(name)
    return found


def _input_of(model: Model) -> str:
    if isinstance(model, BaselineModel):
        return "words" if model.baseline.reads_words else "text"
    if not isinstance(model, LayeredNetwork):
        return "ids"
    first = model.layers[0]
    if isinstance(first, WordCounts):
        return first.values
    if first.takes == "ids":
        return "masked_ids" if first.gives_mask else "ids"
    return "numbers" if model.inputs == "ids" else "scaled_numbers"
