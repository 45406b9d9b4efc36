"""A dataset described for people and for machines."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import RenderableType
from rich.table import Column
from rich.table import Table as Grid
from rich.text import Text

from rnnbench.analysis.notes import notes_on_data
from rnnbench.data.audit import DatasetSummary, TopicCount
from rnnbench.data.corpus import Corpus
from rnnbench.data.settings import Data
from rnnbench.data.source import Source
from rnnbench.report.notes import notes_text
from rnnbench.report.table import Columns, Table, table_of
from rnnbench.words import counted

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
TOPICS_SHOWN = 10
BAR_WIDTH = 12
"""The columns of the bar of the most frequent topic."""


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

    def bar(count: TopicCount) -> str:
        return "█" * round(BAR_WIDTH * (count.train + count.test) / most) or "▏"

    columns: Columns[TopicCount] = {
        "topic": lambda count: count.topic,
        "": bar,
        "train": lambda count: f"{count.train:,}",
        "test": lambda count: f"{count.test:,}",
        "share": lambda count: f"{(count.train + count.test) / total:.1%}",
    }
    caption = f"The most frequent of {counted(len(summary.topics), 'topic')}."
    return replace(table_of(shown, columns, caption), text_columns=2)


def sources_text(sources: Iterable[Source]) -> Grid:
    """Return a table of all sources."""
    table = Grid(*(Column(header, overflow="fold") for header in ("--data", "documents", "--path")))
    for source in sources:
        table.add_row(source.name, source.help, source.file)
    return table
