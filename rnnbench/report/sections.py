"""The sections of a report, as data that both templates show in one loop.

To add a section, write a function that returns it, and add the function to ``SECTIONS``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from rnnbench.analysis.comparisons import MAX_IN_PAIRS, SHOWN_IN_PAIRS, power_of_pairs
from rnnbench.analysis.errors import HardDocument, f1_by_topic, frequent_topics, hardest_documents
from rnnbench.analysis.notes import notes_on_run
from rnnbench.analysis.summary import drop_duplicates
from rnnbench.data.audit import DatasetSummary
from rnnbench.report.errors import errors_table, mistake
from rnnbench.report.plots import accuracy_plot, confusion_plot, differences_plot, learning_plot
from rnnbench.report.power import power_table
from rnnbench.report.published import published_tables
from rnnbench.report.run_tables import (
    accuracy_table,
    comparisons_table,
    cost_table,
    metrics_table,
)
from rnnbench.report.table import Table
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import DIGITS, Results
from rnnbench.results.store import CONSTRAINTS

Kind = Literal[
    "table", "heatmap", "wordy", "figure", "gallery", "figures", "facts", "command", "mistake"
]
Part = tuple[Kind, Any]
"""A piece of a section: the macro that shows it in each template, and what the macro shows.

A table, a heat map (which shades the columns after the third by their numbers) or a wordy table
(whose words wrap) shows a ``Table``; a figure shows a ``Plot``, a gallery several small ones side
by side, and figures show several that unfold; facts are texts by name; a command is a line to type;
a mistake is made by ``mistake``.
"""

COLOURS_OF_SHARES = "The stronger the blue of a cell, the closer it is to 1."
SHOWN_POWERS = 20
"""The most pairs in the section on power."""
NO_TEXTS = (
    " Their words are not shown: either none were asked for, or the documents of this run are not "
    "in the cache of the machine that wrote this report."
)


@dataclass(frozen=True)
class Section:
    """A section of a report: its link target, heading, content, and the text above the content."""

    id: str
    title: str
    parts: Sequence[Part]
    lead: str = ""


@dataclass(frozen=True)
class Reported:
    """The content that sections are made of.

    Attributes:
        run: the run, with its best model first.
        texts: the words of the test documents, if they are available.
        words: the most words that are shown of a document.
        hardest: the misclassified documents to show.
    """

    run: StoredRun
    texts: Sequence[Sequence[str]] | None
    words: int
    hardest: Sequence[HardDocument]

    @property
    def results(self) -> Results:
        """The summary of the run."""
        return self.run.results


def make_sections(
    run: StoredRun, texts: Sequence[Sequence[str]] | None, words: int, n_errors: int
) -> list[Section]:
    """Return the sections of a report, without those that have nothing to show.

    ``n_errors`` misclassified documents are shown, with at most ``words`` words of each if the
    ``texts`` of the test documents are available.
    """
    reported = Reported(run, texts, words, hardest_documents(run.trials, n_errors))
    sections = (make(reported) for make in SECTIONS)
    return [section for section in sections if section.parts]


def _accuracy(reported: Reported) -> Section:
    table = accuracy_table(reported.results, is_wide=True)
    return Section(
        "accuracy",
        "Accuracy",
        [("figure", accuracy_plot(reported.run)), ("table", table)],
        "Models are in the order of their test accuracy. Networks are blue, baselines orange.",
    )


def _published(reported: Reported) -> Section:
    """Return the published accuracies, and where each source is found."""
    published = reported.results.published
    parts: list[Part] = [("table", table) for table in published_tables(reported.results)]
    if sources := {each.source: each.where for each in published if each.where}:
        parts.append(("facts", sources))
    return Section("published", "Published accuracies", parts)


def _differences(reported: Reported) -> Section:
    plot, table = differences_plot(reported.run), comparisons_table(reported.results)
    return Section(
        "differences",
        "Differences",
        [("figure", plot), ("table", table)] if plot else [("table", table)],
        "Pairs of models on the same test documents. Each interval is for its own "
        "comparison alone; whether a difference is clear is decided after correcting for the "
        f"number of comparisons. With more than {SHOWN_IN_PAIRS} models, the plot shows only "
        f"the pairs with the best model; with more than {MAX_IN_PAIRS}, so does the table.",
    )


def _duplicates(reported: Reported) -> Section:
    return Section(
        "duplicates",
        "Without duplicates",
        _tables_without_duplicates(reported.run),
        "Accuracies, differences and other metrics without the test documents that are also in "
        "the training set.",
    )


def _tables_without_duplicates(run: StoredRun) -> list[Part]:
    n, test_size = len(run.results.dataset.duplicate_positions), run.results.dataset.test_size
    if not 0 < n < test_size:
        return []
    rest = best_first(drop_duplicates(run)).results
    tables = (accuracy_table(rest), comparisons_table(rest), metrics_table(rest))
    return [("table", table) for table in tables]


def _power(reported: Reported) -> Section:
    pairs = power_of_pairs(reported.run)[:SHOWN_POWERS]
    return Section(
        "power",
        "Power",
        [("table", power_table(pairs, reported.results))],
        "The differences that this run could have found, and the seeds that would show more. "
        f"Of many pairs, the first {SHOWN_POWERS} are shown; rnnbench power has all of them.",
    )


def _metrics(reported: Reported) -> Section:
    tables = metrics_table(reported.results), cost_table(reported.results)
    return Section("metrics", "Other metrics", [("table", table) for table in tables])


def _learning(reported: Reported) -> Section:
    plot = learning_plot(reported.run)
    return Section(
        "learning",
        "Learning curves",
        [("figure", plot)] if plot else [],
        "Lines are medians over seeds; bands run from the lowest to the highest seed. On the "
        "training documents, loss and accuracy are means over the batches of an epoch, while "
        "the weights are still changing. Each network has a colour of its own.",
    )


def _topics(reported: Reported) -> Section:
    return Section(
        "topics",
        "F1 by topic",
        [("heatmap", _topic_table(reported.run, reported.hardest))],
        f"{COLOURS_OF_SHARES} Topics with links have documents among the errors below.",
    )


def _confusion(reported: Reported) -> Section:
    run = reported.run
    return Section(
        "confusion",
        "Confusion",
        [("figures", [confusion_plot(run, model) for model in run.trials])],
        "For the most frequent topics: the share of the documents of the row's topic that were "
        "classified as the column's topic; means over seeds. Right answers are on the "
        f"diagonal. {COLOURS_OF_SHARES}",
    )


def _errors(reported: Reported) -> Section:
    topics = [count.topic for count in reported.results.dataset.topics]
    parts: list[Part] = [("table", errors_table(reported.run))]
    for document in reported.hardest:
        words = reported.texts[document.position] if reported.texts else []
        parts.append(("mistake", mistake(document, topics, words, reported.words)))
    return Section(
        "errors",
        "Errors",
        parts,
        "How many documents of each kind were misclassified, and the documents misclassified most "
        "often." + NO_TEXTS * (reported.texts is None),
    )


def _data(reported: Reported) -> Section:
    return Section("data", "Data", [("facts", _data_facts(reported.results.dataset))])


def _notes(reported: Reported) -> Section:
    notes = {note.title: f"{note.evidence} {note.advice}" for note in notes_on_run(reported.run)}
    parts: list[Part] = [("facts", notes)] if notes else []
    return Section("notes", "Notes", parts, "Common traps that apply to this run.")


def _reproduce(reported: Reported) -> Section:
    run = reported.run
    return Section(
        "reproduce",
        "Reproduce",
        [("command", run.results.command), ("facts", _circumstances(run))],
        "The command, its data, and the machine and versions it ran with. The config with "
        f"every default is in config.yaml beside this file{_constraints(run)}. Another "
        "processor may round sums differently.",
    )


SECTIONS = (
    _accuracy,
    _published,
    _differences,
    _duplicates,
    _power,
    _metrics,
    _learning,
    _topics,
    _confusion,
    _errors,
    _data,
    _notes,
    _reproduce,
)
"""Each returns a section, in the order of the report."""


def best_first(run: StoredRun) -> StoredRun:
    """Return the run with its models in the order of their accuracy; the best stays the best."""
    models = sorted(run.results.models, key=lambda model: -round(model.accuracy.mean, DIGITS))
    return replace(
        run,
        results=run.results.model_copy(update={"models": models}),
        trials={model.name: run.trials[model.name] for model in models},
    )


def _constraints(run: StoredRun) -> str:
    if not (run.folder / CONSTRAINTS).exists():  # an older version wrote the run
        return ""
    return f", and the exact versions of all packages are in {CONSTRAINTS}, for pip install -c"


def _topic_table(run: StoredRun, hardest: Sequence[HardDocument]) -> Table:
    """Return the F1 of each model on each topic of the test set, the most frequent first.

    A topic leads to the first of the ``hardest`` documents that has it.
    """
    counts = run.results.dataset.topics
    topics = frequent_topics(next(iter(run.trials.values()))[0].labels, len(counts))
    f1 = f1_by_topic(run.trials, topics)
    rows = [
        [counts[topic].topic, str(counts[topic].train), str(counts[topic].test)]
        + [f"{of_model[row]:.2f}" for of_model in f1.values()]
        for row, topic in enumerate(topics)
    ]
    caption = (
        "Means over seeds, for the topics in the test set, with the number of training and test "
        "documents of each. An F1 score on only a handful of documents says little."
    )
    links = {counts[each.topic].topic: f"#error-{each.position}" for each in reversed(hardest)}
    return Table(["topic", "train", "test", *f1], rows, caption, links=links)


def _data_facts(dataset: DatasetSummary) -> dict[str, str]:
    return {
        "source": _data_source(dataset),
        "documents": f"{dataset.train_size:,} for training, {dataset.test_size:,} for testing, "
        f"{dataset.timesteps} steps each",
        "majority topic": f"{dataset.majority_topic}: always predicting it scores "
        f"{dataset.majority_accuracy:.4f}",
        "duplicates": dataset.duplicates_in_words(),
        "whole texts": dataset.duplicates_in_words(whole=True),
        "only in test": ", ".join(dataset.topics_only_in_test) + ": no model can have learned these"
        if dataset.topics_only_in_test
        else "no topic",
        "dataset": dataset.fingerprint,
        "split": dataset.split_fingerprint,
        "corpus": dataset.corpus_fingerprint,
    }


def _data_source(dataset: DatasetSummary) -> str:
    return f"{dataset.source} ({dataset.origin})"


def _circumstances(run: StoredRun) -> dict[str, Any]:
    """Return the data, the machine and the versions of a run."""
    dataset, environment = run.results.dataset, run.environment
    apart = ("versions", "installed", "schema_version")
    facts = {key.replace("_", " "): environment[key] for key in environment if key not in apart}
    source = f"{_data_source(dataset)}, corpus {dataset.corpus_fingerprint}"
    return {"data source": source, **facts, **environment["versions"]}
