"""A dataset, the sources and the notes on data, for people and for machines."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, combinations
from pathlib import Path

import numpy as np
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from rnnbench.analysis.notes import Note, notes_on_data
from rnnbench.data import cache
from rnnbench.data.load import PreparedData
from rnnbench.data.source import Source
from rnnbench.data.summary import DatasetSummary
from rnnbench.labels import keys_of, topics_of
from rnnbench.report.layout import View, grid
from rnnbench.report.table import Table
from rnnbench.text import counted

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
SHOWN_TOPICS = 10
SHOWN_PAIRS = 5
BAR_WIDTH = 12
NAME = "bold"
DIGITS = re.compile("([0-9a-f]{8})[0-9a-f]{56}")
"""Of a checksum, which tables shorten."""


def data_view(prepared: PreparedData) -> View:
    """Return a dataset in rows, its most frequent topics with bars, and the notes."""
    corpus = prepared.corpus
    summary = prepared.summary
    notes = list(notes_on_data(summary, prepared.config, corpus))
    quantiles = {
        f"{share:.0%}": int(np.quantile(corpus.lengths, share)) for share in QUANTILES
    }
    record: dict[str, object] = {
        **corpus.provenance,
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
    rows = _rows(prepared, quantiles)
    if not summary.kind.has_one_label:
        sizes, pairs = _together(prepared)
        record["topics_a_document"] = sizes
        record["pairs"] = [{"topics": pair, "documents": n} for pair, n in pairs]
        sizes_in_words = ", ".join(f"{size}: {n:,}" for size, n in sizes.items())
        rows[f"{summary.noun}s a document"] = sizes_in_words
        most = [f"{' + '.join(pair)} {n:,}" for pair, n in pairs[:SHOWN_PAIRS]]
        rows["most often together"] = ", ".join(most) or "none"
    return (
        record,
        grid(rows.items(), (NAME, "")),
        _frequent_topics(summary),
        "",
        notes_text(notes),
    )


def _rows(prepared: PreparedData, quantiles: Mapping[str, int]) -> dict[str, str]:
    corpus = prepared.corpus
    summary = prepared.summary
    data = prepared.config
    words = "all words"
    if data.num_words is not None:
        words = f"num_words {data.num_words:,}"
    length = "any length"
    if data.maxlen is not None:
        length = f"maxlen {data.maxlen}"
    n_topics = counted(len(summary.topics), summary.noun)
    return {
        "source": f"{corpus.provenance['source']} ({corpus.provenance['from']})",
        "corpus": (
            f"{len(corpus):,} documents, {n_topics}, {len(corpus.vocabulary):,} words"
        ),
        "fingerprint": corpus.fingerprint,
        "words in each": ", ".join(f"{share} {n:,}" for share, n in quantiles.items()),
        "dataset": (
            f"{summary.train_size:,} documents to train on, {summary.test_size:,} to "
            f"test on, {summary.timesteps:,} steps ({words}, {length})"
        ),
        "dataset fingerprint": summary.fingerprint,
        "majority baseline": (
            f"always answering '{summary.majority_topic}' scores "
            f"{summary.majority_score:.4f}"
        ),
        "duplicates": summary.duplicates_in_words(),
        "whole texts": summary.duplicates_in_words(whole_texts=True),
        "copies in training": (
            f"{summary.copies_in_training:,} of {summary.train_size:,} training "
            "documents are copies or near-copies of others"
        ),
        f"{summary.noun}s only in test": (
            ", ".join(summary.topics_only_in_test) or "none"
        ),
    }


Pair = tuple[str, str]


def _together(prepared: PreparedData) -> tuple[dict[int, int], list[tuple[Pair, int]]]:
    """Return how many documents have so many topics, and each pair of topics."""
    dataset = prepared.dataset
    sizes = Counter[int]()
    pairs = Counter[Pair]()
    for key in chain(keys_of(dataset.y_train), keys_of(dataset.y_test)):
        names = [dataset.topics[topic] for topic in topics_of(key)]
        sizes[len(names)] += 1
        pairs.update(combinations(names, 2))
    return dict(sorted(sizes.items())), pairs.most_common()


def _frequent_topics(summary: DatasetSummary) -> Table:
    counts = summary.topics_by_frequency[:SHOWN_TOPICS]
    most = counts[0].train + counts[0].test
    n_documents = summary.train_size + summary.test_size
    rows = []
    for count in counts:
        n = count.train + count.test
        bar = "█" * round(BAR_WIDTH * n / most) or "▏"
        share = f"{n / n_documents:.1%}"
        rows.append([count.topic, bar, f"{count.train:,}", f"{count.test:,}", share])
    caption = f"The most frequent of {counted(len(summary.topics), summary.noun)}."
    headers = [summary.noun, "", "train", "test", "share"]
    return Table(headers, rows, caption, text_columns=2)


def sources_view(sources: Iterable[Source]) -> View:
    """Return all sources, and the files that they can read."""
    record = {}
    table = Grid()
    for header in ("--data", "documents", "--path"):
        table.add_column(header, overflow="fold")
    for source in sources:
        record[source.name] = {"help": source.help, "file": source.file}
        table.add_row(source.name, source.help, source.file)
    return {"sources": record}, table


def cache_view(files: Sequence[Path], *, is_cleared: bool) -> View:
    """Return files of the cache, which are there or ``is_cleared``."""
    folder = cache.folder()
    records = []
    rows = []
    total = 0
    for file in files:
        size = file.stat().st_size
        name = file.relative_to(folder).as_posix()
        day = datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()
        records.append({"file": name, "bytes": size, "written": day})
        rows.append([DIGITS.sub(r"\1…", name), f"{size / 1e6:,.1f}", day])
        total += size
    caption = f"{folder}: {total / 1e6:,.1f} MB"
    if is_cleared:
        caption += " removed"
    record = {"folder": str(folder), "is_cleared": is_cleared, "files": records}
    return record, Table(["file", "MB", "written"], rows, caption)


def notes_text(notes: Sequence[Note]) -> RenderableType:
    """Return each note: its title, its evidence and its advice."""
    lines: list[RenderableType] = []
    for note in notes:
        lines.append(Text(note.title, NAME))
        lines.append(Padding.indent(Text(f"{note.evidence} {note.advice}"), 2))
    return Group(*lines) if lines else Text("Nothing to note.")
