"""A dataset, and one of its documents, for people and for machines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
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
from rnnbench.points import model_of
from rnnbench.report.table import Columns, Table, table_of
from rnnbench.text import counted, listed, visible
from rnnbench.training.inputs import Input

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
TOPICS_SHOWN = 10
BAR_WIDTH = 12
"""The columns of the bar of the most frequent topic."""
HEADING, NAME, ASIDE, REPLACED = "bold cyan", "bold", "dim", "yellow"
INDENT = (0, 0, 0, 3)
GAP = 2
"""Columns between two words."""
START_MARK = "(start)"
FEW = 3
"""Zeros are written one by one if fewer than this follow each other."""

Inputs = Mapping[str, Input]
"""The input of each model of a config, by the name of the model."""


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


class Gloss(NamedTuple):
    """A word, and what stands below it."""

    above: str
    below: str
    style: str = ""

    @property
    def width(self) -> int:
        """The columns that both take."""
        return max(cell_len(self.above), cell_len(self.below))


@dataclass(frozen=True)
class Glosses:
    """Words with a gloss below each, in as many lines as a terminal needs."""

    glosses: Sequence[Gloss]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width, rows = options.max_width, list[list[Gloss]]()
        for gloss in self.glosses:  # one that is too long stands alone
            if not rows or sum(other.width + GAP for other in rows[-1]) + gloss.width > width:
                rows.append([])
            rows[-1].append(gloss)
        for number, row in enumerate(rows):
            yield from [""] * (number > 0)
            for half in (0, 1):
                words = (set_cell_size(gloss[half], min(gloss.width, width)) for gloss in row)
                styled = (Text(word, gloss.style) for word, gloss in zip(words, row, strict=True))
                line = Text(" " * GAP).join(styled)
                line.rstrip()
                yield line


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
        "inputs": [
            {
                "models": models,
                "kind": given.kind,
                "shape": given.shape,
                "values": given.values,
                "weights": [
                    {"id": id_, "word": _words_by_id(document)[id_], "weight": weight}
                    for id_, weight in given.weights
                ],
            }
            for given, models in _by_input(inputs or {}).items()
        ],
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
        Padding(Glosses(_glosses(document)), INDENT),
        Padding(Text("\n".join(_remarks(document))), INDENT),
    ]
    if inputs is None:
        parts.append(Text("Name a config, such as all, to see what its models are given.", ASIDE))
    elif inputs:
        parts.append(Text("The inputs of the models", HEADING))
        for given, names in _by_input(inputs).items():
            # A point keeps its own name if the model has another input at another point.
            split = {model_of(name) for name in inputs if name not in names}
            short = [name if model_of(name) in split else model_of(name) for name in names]
            text = _input_text(document, given, list(dict.fromkeys(short)))
            parts.append(Padding(text, INDENT))
    return Group(*[line for part in parts for line in (part, "")][:-1])


def _by_input(inputs: Inputs) -> dict[Input, list[str]]:
    """Return the names of the models that have each input."""
    found: dict[Input, list[str]] = {}
    for name, given in inputs.items():
        found.setdefault(given, []).append(name)
    return found


def _words_by_id(document: Document) -> dict[int, str]:
    return dict(zip(document.ids[1:], document.words, strict=True)) | {UNKNOWN: "(unknown)"}


def _glosses(document: Document) -> list[Gloss]:
    """Return the words with their ids, and a gloss each for cut-off words and for padding."""
    words = [START_MARK, *document.words]
    glosses = [
        Gloss(word, f"{id_}", REPLACED if id_ == UNKNOWN else "")
        for word, id_ in zip(words, document.ids, strict=True)
    ][document.kept]
    for name, n, below, side in (
        ("cut off", document.n_cut, "-", document.cut_side),
        ("padding", document.n_padding, f"{PAD}", document.padding_side),
    ):
        gloss = [Gloss(f"{name}, {counted(n, 'step')}", below, ASIDE)] if n else []
        glosses = [*gloss, *glosses] if side == "pre" else [*glosses, *gloss]
    return glosses


def _remarks(document: Document) -> Iterator[str]:
    """Yield lines on the length, on words that are cut off or unknown, and on the ids."""
    yield " ".join(_length(document))
    if document.n_cut:
        words, kept = [START_MARK, *document.words], document.kept
        yield f"Cut off: {' '.join([*words[: kept.start or 0], *words[kept.stop :]])}"
    if document.unknown:
        yield f"Unknown: {' '.join(document.unknown)}"
    yield (
        f"{PAD} is padding, {START} the start mark, {UNKNOWN} an unknown word. The id of any other "
        f"word is its rank by frequency plus {INDEX_FROM}, and below {document.n_ids:,}."
    )


def _length(document: Document) -> Iterator[str]:
    n = len(document.ids)
    yield f"The start mark and {counted(n - 1, 'word')} make {counted(n, 'step')}."
    if document.sequence is None:
        reason = f": it is not shorter than data.maxlen, {document.maxlen}"
        yield f"No model is given this document{reason if document.maxlen else ''}."
        return
    steps = f"Every sequence has {counted(len(document.sequence), 'step')}"
    if document.n_cut:
        end = {"pre": "first", "post": "last"}[document.cut_side]
        yield f"{steps}: the {end} {document.n_cut:,} are cut off."
    elif document.n_padding:
        side = {"pre": "before", "post": "after"}[document.padding_side]
        zeros = counted(document.n_padding, "step")
        yield f"{steps}, so {zeros} of padding go {side} the words; nothing is cut off."
    else:
        yield f"{steps}: there is no padding, and nothing is cut off."


def _input_text(document: Document, given: Input, models: Sequence[str]) -> Text:
    """Return the names of some models, what their input means, and its values."""
    vectors = "word ids, each of which selects a vector of an embedding"
    meaning = {
        "numbers": "the id of each word as a number, one feature at each step",
        "scaled_numbers": f"the id of each word, divided by {document.n_ids:,}, one feature at "
        "each step",
        "ids": f"{vectors}, even for padding",
        "masked_ids": f"{vectors}; padding is skipped",
        "tfidf": "the TF-IDF of each id, 0 except for these",
        "shares": "the share of each id among the words, 0 except for these",
        "text": "a text, without the padding and the start mark",
    }[given.kind]
    if given.kind == "text":
        values = f"{given.values[0]}"
    elif given.kind in ("tfidf", "shares"):
        words = _words_by_id(document)
        ranked = sorted(given.weights, key=lambda pair: -pair[1])
        values = ", ".join(f"{words[id_]} {weight:.4f}" for id_, weight in ranked) or "none"
    else:
        values = ", ".join(_numbers(given.values))
    shape = f", {given.shape}" if given.shape else ""
    return Text.assemble((listed(models), NAME), f": {meaning}{shape}\n{values}")


def _numbers(values: Sequence[int | float | str]) -> Iterator[str]:
    """Yield the numbers; a row of zeros is counted."""
    for value, run in groupby(values):
        n = len(list(run))
        text = f"{value}" if isinstance(value, int) or value == PAD else f"{value:.6f}"
        if value == PAD and n >= FEW:
            yield f"{PAD} ({n:,} times)"
        else:
            yield from [text] * n
