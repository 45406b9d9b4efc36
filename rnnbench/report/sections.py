"""The sections of a report, as data that both templates show in one loop.

To add a section, write a function that returns it, and add the function to ``SECTIONS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, Literal

from rnnbench.analysis.comparisons import MAX_IN_PAIRS, SHOWN_IN_PAIRS, power_of_pairs
from rnnbench.analysis.errors import (
    HardDocument,
    count_errors,
    f1_by_topic,
    frequent_topics,
    hardest_documents,
)
from rnnbench.analysis.notes import notes_on_run
from rnnbench.analysis.summary import drop_duplicates
from rnnbench.registry import Registry
from rnnbench.report.plot import Plot
from rnnbench.report.plots_of_run import PLOTS
from rnnbench.report.table import Table, with_points
from rnnbench.report.tables_of_run import (
    accuracy_table,
    comparisons_table,
    cost_table,
    metrics_table,
    power_table,
    published_tables,
)
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
a mistake is a misclassified document.
"""

BY_ALL = "all models"
SHOWN_POWERS = 20
COLOURS_OF_SHARES = "The stronger the blue of a cell, the closer it is to 1."
NO_TEXTS = (
    " Their words are not shown: either none were asked for, or the documents of this run are not "
    "in the cache of the machine that wrote this report."
)


@dataclass(frozen=True)
class ReportSection:
    """A section of a page: its link target, heading, content, and the text above the content."""

    id: str
    title: str
    parts: Sequence[Part]
    lead: str = ""

    @property
    def plots(self) -> list[Plot]:
        """All plots in it."""
        plots: list[Plot] = []
        for kind, content in self.parts:
            if kind in ("figure", "figures", "gallery"):
                plots += [content] if kind == "figure" else content
        return plots


@dataclass(frozen=True)
class Reported:
    """The content that sections are made of."""

    run: StoredRun
    """The run, with its best model first."""
    texts: Sequence[Sequence[str]] | None
    """The words of the test documents, if they are available."""
    words: int
    """The most words that are shown of a document."""
    hardest: Sequence[HardDocument]
    """The misclassified documents to show."""

    @property
    def results(self) -> Results:
        """The summary of the run."""
        return self.run.results


def make_sections(
    run: StoredRun, texts: Sequence[Sequence[str]] | None, words: int, n_errors: int
) -> list[ReportSection]:
    """Return the sections of a report, without those that have nothing to show.

    Each begins with the plots that belong to it; those of single models unfold.

    ``n_errors`` misclassified documents are shown, with at most ``words`` words of each if the
    ``texts`` of the test documents are available.

    Raises:
        PluginError: a plot or a section of another package failed, or a plot names no section.
    """
    reported = Reported(run, texts, words, hardest_documents(run.trials, n_errors))
    sections: dict[str, ReportSection] = {}
    for make in SECTIONS.usable():
        with SECTIONS.blamed(make.__name__):
            section = make(reported)
            if not isinstance(section, ReportSection):
                raise TypeError(f"it returned {type(section).__name__}, not ReportSection")
        sections[section.id] = section
    parts: dict[str, list[Part]] = {id_: [] for id_ in sections}
    for kind in PLOTS.usable():
        with PLOTS.blamed(kind.kind):
            if kind.section not in parts:
                raise ValueError(f"no section '{kind.section}' (allowed: {', '.join(parts)})")
            plots = [plot for plot in kind.in_report(run) if plot.svg]  # drawn here
            of_models = [plot for plot in plots if plot.models]
            parts[kind.section] += [("figure", plot) for plot in plots if not plot.models]
            parts[kind.section] += [("figures", of_models)] if of_models else []
            parts[kind.section] += [("table", table) for plot in plots if (table := plot.table())]
    whole = [replace(one, parts=[*parts[id_], *one.parts]) for id_, one in sections.items()]
    return [section for section in whole if section.parts]


def best_first(run: StoredRun) -> StoredRun:
    """Return the run with its models in the order of their accuracy; the best stays the best."""
    models = sorted(run.results.models, key=lambda model: -round(model.accuracy.mean, DIGITS))
    return replace(
        run,
        results=run.results.model_copy(update={"models": models}),
        trials={model.name: run.trials[model.name] for model in models},
    )


def accuracy(reported: Reported) -> ReportSection:
    """Return the accuracies."""
    return ReportSection(
        "accuracy",
        "Accuracy",
        [("table", accuracy_table(reported.results, is_wide=True))],
        "Models are in the order of their accuracy. Networks are blue, baselines orange.",
    )


def published(reported: Reported) -> ReportSection:
    """Return the published accuracies, and where each source is found."""
    results = reported.results
    parts: list[Part] = [("table", table) for table in published_tables(results)]
    if sources := {result.source: result.where for result in results.published if result.where}:
        parts.append(("facts", sources))
    return ReportSection("published", "Published accuracies", parts)


def differences(reported: Reported) -> ReportSection:
    """Return the differences of the models in pairs."""
    return ReportSection(
        "differences",
        "Differences",
        [("table", comparisons_table(reported.results))],
        "Pairs of models on the same test documents. Each interval is for its own "
        "comparison alone; whether a difference is clear is decided after correcting for the "
        f"number of comparisons. With more than {SHOWN_IN_PAIRS} models, the plot shows only "
        f"the pairs with the best model; with more than {MAX_IN_PAIRS}, so does the table.",
    )


def duplicates(reported: Reported) -> ReportSection:
    """Return the tables without duplicates, if some test documents are duplicates, but not all."""
    dataset, parts = reported.results.dataset, list[Part]()
    if 0 < len(dataset.duplicates.positions) < dataset.test_size:
        rest = best_first(drop_duplicates(reported.run)).results
        parts = [
            ("table", make(rest)) for make in (accuracy_table, comparisons_table, metrics_table)
        ]
    return ReportSection(
        "duplicates",
        "Without duplicates",
        parts,
        "Accuracies, differences and other metrics without the test documents that are also in "
        "the training set.",
    )


def power(reported: Reported) -> ReportSection:
    """Return what the run could have found."""
    pairs = power_of_pairs(reported.run)[:SHOWN_POWERS]
    return ReportSection(
        "power",
        "Power",
        [("table", power_table(pairs, reported.results))],
        "The differences that this run could have found, and the seeds that would show more. "
        f"Of many pairs, the first {SHOWN_POWERS} are shown; rnnbench compare RUN has all of them.",
    )


def metrics(reported: Reported) -> ReportSection:
    """Return the other metrics, and the costs."""
    tables = metrics_table(reported.results), cost_table(reported.results)
    return ReportSection("metrics", "Other metrics", [("table", table) for table in tables])


def learning(_reported: Reported) -> ReportSection:
    """Return the place of the learning curves, which there are if any model trained in epochs."""
    return ReportSection(
        "learning",
        "Learning curves",
        [],
        "Lines are medians over seeds; bands run from the lowest to the highest seed. On the "
        "training documents, loss and accuracy are means over the batches of an epoch, while "
        "the weights are still changing. Each network has a colour of its own.",
    )


def topics(reported: Reported) -> ReportSection:
    """Return the F1 of each model on each topic; a topic leads to the first error that has it."""
    trials, counts = reported.run.trials, reported.results.dataset.topics
    shown = frequent_topics(next(iter(trials.values()))[0].labels, len(counts))
    f1 = f1_by_topic(trials, shown)
    rows = [
        [count.topic, f"{count.train}", f"{count.test}", *(f"{value:.2f}" for value in values)]
        for count, *values in zip([counts[topic] for topic in shown], *f1.values(), strict=True)
    ]
    caption = (
        "Means over seeds, for the topics in the test set, with the number of training and test "
        "documents of each. An F1 score on only a handful of documents says little."
    )
    links = {
        counts[document.topic].topic: f"#error-{document.position}"
        for document in reversed(reported.hardest)
    }
    table = Table(["topic", "train", "test", *f1], rows, caption, links=links)
    lead = f"{COLOURS_OF_SHARES} Topics with links have documents among the errors below."
    return ReportSection("topics", "F1 by topic", [("heatmap", table)], lead)


def confusion(_reported: Reported) -> ReportSection:
    """Return the place of the answers of each model for the most frequent topics."""
    return ReportSection(
        "confusion",
        "Confusion",
        [],
        "For the most frequent topics: the share of the documents of the row's topic that were "
        "classified as the column's topic; means over seeds. Right answers are on the "
        f"diagonal. {COLOURS_OF_SHARES}",
    )


def errors(reported: Reported) -> ReportSection:
    """Return the number of errors on each kind of document, and single documents."""
    names, texts = [count.topic for count in reported.results.dataset.topics], reported.texts
    parts: list[Part] = [("table", errors_table(reported.run))]
    for document in reported.hardest:
        words = texts[document.position] if texts else []
        text = " ".join(words[: reported.words]) + " …" * (len(words) > reported.words)
        answers = {
            model: names[answer.topic]
            + (f" ({answer.trials} of {answer.of} seeds)" if answer.trials < answer.of else "")
            for model, answer in document.answers.items()
        }
        facts = {"position": document.position, "topic": names[document.topic]}
        parts.append(("mistake", facts | {"text": text, "answers": answers}))
    return ReportSection(
        "errors",
        "Errors",
        parts,
        "How many documents of each kind were misclassified, and the documents misclassified most "
        "often." + NO_TEXTS * (texts is None),
    )


def errors_table(run: StoredRun) -> Table:
    """Return the number of errors of each model on each kind of test document."""
    counts = count_errors(run.trials, run.results.dataset)
    rows = [[model, *(f"{count.by_model[model]:.1f}" for count in counts)] for model in run.trials]
    rows.append([BY_ALL, *(f"{count.by_all}" for count in counts)])
    caption = (
        "The test documents that each model misclassified: means over seeds. The number of "
        f"documents is in the heading. {BY_ALL}: the documents that every model misclassified with "
        "more than half of its seeds."
    )
    headers = ["model", *(f"{count.kind} ({count.n:,})" for count in counts)]
    return with_points(Table(headers, rows, caption, is_last_apart=True))


def data(reported: Reported) -> ReportSection:
    """Return the facts of the dataset."""
    dataset = reported.results.dataset
    never = ", ".join(dataset.topics_only_in_test)
    facts = {
        "source": f"{dataset.source} ({dataset.origin})",
        "documents": f"{dataset.train_size:,} for training, {dataset.n_tests:,} for testing, "
        f"{dataset.timesteps} steps each",
        "majority topic": f"{dataset.majority_topic}: always predicting it scores "
        f"{dataset.majority_accuracy:.4f}",
        "duplicates": dataset.duplicates_in_words(),
        "whole texts": dataset.duplicates_in_words(whole=True),
        "only in test": f"{never}: no model can have learned these" if never else "no topic",
        "dataset": dataset.fingerprint,
        "split": dataset.split_fingerprint,
        "corpus": dataset.corpus_fingerprint,
    }
    return ReportSection("data", "Data", [("facts", facts)])


def notes(reported: Reported) -> ReportSection:
    """Return the traps that apply to the run."""
    found = {note.title: f"{note.evidence} {note.advice}" for note in notes_on_run(reported.run)}
    parts: list[Part] = [("facts", found)] if found else []
    return ReportSection("notes", "Notes", parts, "Common traps that apply to this run.")


def reproduce(reported: Reported) -> ReportSection:
    """Return the command, and the data, the machine and the versions that it ran with."""
    dataset, environment = reported.results.dataset, reported.run.environment
    apart = ("versions", "installed", "schema_version")
    facts = {
        "data source": f"{dataset.source} ({dataset.origin}), corpus {dataset.corpus_fingerprint}",
        **{key.replace("_", " "): environment[key] for key in environment if key not in apart},
        **environment["versions"],
    }
    return ReportSection(
        "reproduce",
        "Reproduce",
        [("command", reported.results.command), ("facts", facts)],
        "The command, its data, and the machine and versions it ran with. The config with every "
        "default is in config.yaml beside this file, and the exact versions of all packages are in "
        f"{CONSTRAINTS}, for pip install -c. Another processor may round sums differently.",
    )


SECTIONS: Registry[Callable[[Reported], ReportSection]] = Registry(
    "section",
    FunctionType,
    [
        accuracy, published, differences, duplicates, power, metrics, learning,
        topics, confusion, errors, data, notes, reproduce,
    ],
    key="__name__",
)  # fmt: skip
"""The functions that return sections, by name, in the order of the report."""
