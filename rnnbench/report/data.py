"""A dataset described for people and for machines."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.analysis.notes import notes_on_data
from rnnbench.data.audit import DatasetSummary
from rnnbench.data.cache import CachedCorpus
from rnnbench.data.corpus import Corpus
from rnnbench.data.settings import Data
from rnnbench.data.source import Source
from rnnbench.report.notes import notes_text

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
TOPICS_SHOWN = 10
BAR_WIDTH = 30


def data_facts(corpus: CachedCorpus, summary: DatasetSummary, section: Data) -> dict[str, Any]:
    """Return the facts that ``--json`` prints."""
    notes = notes_on_data(summary, section, corpus.corpus)
    return {
        **corpus.corpus.provenance,
        **summary.model_dump(exclude={"source", "origin", "fingerprint", "topics"}),
        "dataset_fingerprint": summary.fingerprint,
        "documents": len(corpus.corpus),
        "topics": len(summary.topics),
        "vocabulary": len(corpus.corpus.vocabulary),
        "length_quantiles": length_quantiles(corpus.corpus),
        "topic_counts": [count.model_dump() for count in summary.topics_by_frequency],
        "topics_only_in_test": summary.topics_only_in_test,
        "notes": [note.model_dump() for note in notes],
    }


def length_quantiles(corpus: Corpus) -> dict[str, int]:
    """Return quantiles of the number of words in a document, by percentage."""
    return {f"{q:.0%}": int(np.quantile(corpus.lengths, q)) for q in QUANTILES}


def data_text(corpus: CachedCorpus, summary: DatasetSummary, section: Data) -> RenderableType:
    """Return the facts as a table, and the most frequent topics with bars."""
    provenance = corpus.corpus.provenance
    cut = "all words" if section.num_words is None else f"num_words {section.num_words:,}"
    quantiles = length_quantiles(corpus.corpus)
    length = "any length" if section.maxlen is None else f"maxlen {section.maxlen}"
    rows = {
        "source": f"{provenance['source']} ({provenance['from']})",
        "corpus": (
            f"{len(corpus.corpus):,} documents, {len(summary.topics)} topics, "
            f"{len(corpus.corpus.vocabulary):,} words"
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
    facts = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        facts.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    notes = list(notes_on_data(summary, section, corpus.corpus))
    return Group(facts, "", _topics(summary), "", notes_text(notes) if notes else "")


def _topics(summary: DatasetSummary) -> Table:
    table = Table(title=f"The most frequent of {len(summary.topics)} topics", title_justify="left")
    table.add_column("topic")
    table.add_column("train", justify="right")
    table.add_column("test", justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    total = summary.train_size + summary.test_size
    for count in summary.topics_by_frequency[:TOPICS_SHOWN]:
        share = (count.train + count.test) / total
        bar = "█" * round(share * BAR_WIDTH) or "▏"
        table.add_row(count.topic, f"{count.train:,}", f"{count.test:,}", f"{share:.1%}", bar)
    return table


def sources_text(sources: Iterable[Source]) -> Table:
    """Return a table of all sources."""
    table = Table("--data", "documents", "--path")
    for source in sources:
        table.add_row(source.name, source.help, source.file)
    return table
