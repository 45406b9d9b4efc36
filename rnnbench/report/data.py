"""A dataset described for people and for machines."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.data.audit import Audit, Document
from rnnbench.data.dataset import Dataset
from rnnbench.data.load import CachedCorpus
from rnnbench.data.settings import Data
from rnnbench.data.source import Source

TOPICS_SHOWN = 10
BAR_WIDTH = 30


def data_facts(corpus: CachedCorpus, dataset: Dataset, audit: Audit) -> dict[str, Any]:
    """Return the facts as ``--json`` prints them."""
    facts = asdict(audit)
    facts["length_quantiles"] = {f"{q:.0%}": n for q, n in audit.length_quantiles.items()}
    facts["topic_counts"] = [
        {"topic": topic, "train": train, "test": test} for topic, train, test in audit.topic_counts
    ]
    return {
        **corpus.corpus.provenance,
        "corpus_fingerprint": corpus.fingerprint,
        "dataset_fingerprint": dataset.fingerprint,
        **facts,
    }


def data_text(
    corpus: CachedCorpus, dataset: Dataset, audit: Audit, section: Data
) -> RenderableType:
    """Return the facts as a table, and the most frequent topics with bars."""
    provenance = corpus.corpus.provenance
    cut = "all words" if section.num_words is None else f"num_words {section.num_words:,}"
    length = "any length" if section.maxlen is None else f"maxlen {section.maxlen}"
    rows = {
        "source": f"{provenance['source']} ({provenance['from']})",
        "corpus": f"{audit.wires:,} newswires, {audit.topics} topics, {audit.vocabulary:,} words",
        "fingerprint": corpus.fingerprint,
        "words in each": ", ".join(f"{q:.0%} {n:,}" for q, n in audit.length_quantiles.items()),
        "dataset": (
            f"{audit.train_size:,} newswires to train on, {audit.test_size:,} to test on, "
            f"{audit.timesteps:,} steps ({cut}, {length})"
        ),
        "dataset fingerprint": dataset.fingerprint,
        "majority baseline": (
            f"always answering '{audit.majority_topic}' scores {audit.majority_accuracy:.4f}"
        ),
        "train/test overlap": (
            f"{audit.overlap} test newswires are in the training set too, "
            f"{audit.overlap_same_label} of them with the same label"
        ),
        "topics only in test": ", ".join(audit.topics_only_in_test) or "none",
    }
    facts = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        facts.add_row(Text(name, style="bold"), Text(value, overflow="fold"))
    return Group(facts, "", _topics(audit))


def _topics(audit: Audit) -> Table:
    table = Table(title=f"The most frequent of {audit.topics} topics", title_justify="left")
    table.add_column("topic")
    table.add_column("train", justify="right")
    table.add_column("test", justify="right")
    table.add_column("share", justify="right")
    table.add_column("")
    total = audit.train_size + audit.test_size
    for topic, train, test in audit.topic_counts[:TOPICS_SHOWN]:
        share = (train + test) / total
        bar = "█" * round(share * BAR_WIDTH) or "▏"
        table.add_row(topic, f"{train:,}", f"{test:,}", f"{share:.1%}", bar)
    return table


def document_text(document: Document) -> Text:
    """Return a heading and the words of a document."""
    words, place = document.words, document.place
    heading = f"newswire {document.number}, topic {document.topic}, {len(words)} words, {place}"
    return Text.assemble((heading, "bold"), "\n\n", " ".join(words))


def sources_text(sources: Iterable[Source]) -> Table:
    """Return a table of the sources there are."""
    table = Table("--data", "newswires", "--path")
    for source in sources:
        table.add_row(source.name, source.help, source.file)
    return table
