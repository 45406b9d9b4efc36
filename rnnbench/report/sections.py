"""The sections of a report, as data that both templates show in one loop.

To add a section, write a function that returns it and name the function in ``SECTIONS``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rnnbench.analysis.errors import HardWire, hardest_wires
from rnnbench.analysis.summary import majority_name
from rnnbench.analysis.topics import f1_by_topic, frequent_topics
from rnnbench.report import table
from rnnbench.report.plots import Plot, accuracy_plot, confusion_plot, learning_plot
from rnnbench.results.run import Run
from rnnbench.results.schema import Results


@dataclass(frozen=True)
class Part:
    """A piece of a section.

    Attributes:
        kind: the macro that shows it, in each template. ``table`` and ``heatmap`` show a ``Table``
            (a heat map shades all columns after the third by their numbers), ``figure`` a ``Plot``,
            ``figures`` plots that unfold, ``facts`` a dict of names and texts, ``command`` a
            command line, and ``mistake`` a ``Mistake``.
        content: the argument of the macro.
    """

    kind: Literal["table", "heatmap", "figure", "figures", "facts", "command", "mistake"]
    content: Any


@dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes:
        id: the target of the link to it, unique in the report.
        title: its heading.
        parts: its content, from top to bottom.
        lead: the text below the heading; empty for none.
    """

    id: str
    title: str
    parts: Sequence[Part]
    lead: str = ""

    def plots(self) -> Iterator[Plot]:
        """Yield the plots in it."""
        for part in self.parts:
            if part.kind == "figure":
                yield part.content
            elif part.kind == "figures":
                yield from part.content


@dataclass(frozen=True)
class Mistake:
    """A test document that many models misclassified.

    Attributes:
        position: its place in the test set, from 0.
        topic: the true topic.
        text: its first words; empty if they are not available.
        answers: the answer of each model.
    """

    position: int
    topic: str
    text: str
    answers: dict[str, str]


@dataclass(frozen=True)
class Contents:
    """Everything that a report is made from.

    Attributes:
        run: the run.
        texts: the words of each test document, if they are available.
        words: the number of words of a document shown at most.
        n_errors: the number of misclassified documents shown.
    """

    run: Run
    texts: Sequence[Sequence[str]] | None
    words: int
    n_errors: int

    @property
    def results(self) -> Results:
        """The summary of the run."""
        return self.run.results


def make_sections(contents: Contents) -> list[Section]:
    """Return the sections of a report; those that have nothing to show are left out."""
    return [section for make in SECTIONS if (section := make(contents))]


def findings(results: Results) -> list[str]:
    """Return the main results in sentences."""
    by_accuracy = sorted(results.models, key=lambda model: -model.accuracy.mean)
    best, always = by_accuracy[0], majority_name(results.dataset)
    level = [m.name for m in by_accuracy[1:] if "the best" in table.unclear_from(results, m.name)]
    no_better = [m.name for m in by_accuracy if always in table.unclear_from(results, m.name)]
    interval = best.accuracy_interval
    sentences = [
        f"{best.name} has the highest test accuracy, {best.accuracy.mean:.3f} "
        f"(95 % interval {interval.low:.3f} to {interval.high:.3f})."
    ]
    if level:
        sentences.append(f"Not clearly worse: {', '.join(level)}.")
    sentences.append(
        f"Not clearly different from {always}, which scores "
        f"{results.dataset.majority_accuracy:.3f}: {', '.join(no_better) or 'none'}."
    )
    if not all(model.is_baseline for model in results.models):
        sentences.append(_which_epoch(results))
    return sentences


def _which_epoch(results: Results) -> str:
    if not results.validation_split:
        return (
            f"Each network is evaluated after the last of {results.epochs} epochs; no data was "
            "used to choose an epoch."
        )
    return (
        f"Each network is evaluated at the best of {results.epochs} epochs, chosen on "
        f"{results.validation_split:.0%} of the training documents, which were held out from "
        "training. The test documents were not used to choose anything."
    )


def _accuracy(contents: Contents) -> Section:
    parts = [
        Part("figure", accuracy_plot(contents.run)),
        Part("table", table.accuracy_table(contents.results)),
    ]
    return Section("accuracy", "Accuracy", parts)


def _published(contents: Contents) -> Section | None:
    if not contents.results.published:
        return None
    shown = table.published_table(contents.results)
    return Section("published", "Published accuracies", [Part("table", shown)])


def _differences(contents: Contents) -> Section:
    return Section(
        "differences",
        "Differences",
        [Part("table", table.comparisons_table(contents.results))],
        "Every pair of models on the same test documents. Each interval is for its own comparison "
        "alone; whether a difference is clear is decided after correcting for the number of "
        "comparisons.",
    )


def _metrics(contents: Contents) -> Section:
    tables = [table.metrics_table(contents.results), table.cost_table(contents.results)]
    return Section("metrics", "Other metrics", [Part("table", each) for each in tables])


def _learning(contents: Contents) -> Section | None:
    if (plot := learning_plot(contents.run)) is None:
        return None
    return Section(
        "learning",
        "Learning curves",
        [Part("figure", plot)],
        "Lines are medians over seeds; bands run from the lowest to the highest seed. On the "
        "training documents, loss and accuracy are means over the batches of an epoch, while the "
        "weights are still changing.",
    )


def _topics(contents: Contents) -> Section:
    models, counts = contents.results.models, contents.results.dataset.topics
    labels = next(iter(contents.run.trials.values()))[0].labels
    topics = frequent_topics(labels, len(counts))
    f1 = f1_by_topic(contents.run.trials, topics)
    rows = [
        [counts[topic].topic, str(counts[topic].train), str(counts[topic].test)]
        + [f"{f1[model.name][row]:.2f}" for model in models]
        for row, topic in enumerate(topics)
    ]
    headers = ["topic", "train", "test", *(model.name for model in models)]
    caption = (
        "Means over seeds, for the topics in the test set, with the number of training and test "
        "documents of each. An F1 score on a handful of documents is little more than an anecdote."
    )
    return Section("topics", "F1 by topic", [Part("heatmap", table.Table(headers, rows, caption))])


def _confusion(contents: Contents) -> Section:
    plots = [confusion_plot(contents.run, model) for model in contents.run.trials]
    return Section(
        "confusion",
        "Confusion",
        [Part("figures", plots)],
        "For the most frequent topics: the share of the documents of the row's topic that were "
        "classified as the column's topic; means over seeds.",
    )


def _errors(contents: Contents) -> Section:
    hardest = hardest_wires(contents.run.trials, contents.n_errors)
    parts = [Part("mistake", _mistake(document, contents)) for document in hardest]
    lead = f"The {len(parts)} test documents that were misclassified most often."
    if contents.texts is None:
        lead += (
            " Their words are not shown: either none were asked for, or the newswires of this run "
            "are not in the cache of the machine that wrote this report."
        )
    return Section("errors", "Errors", parts, lead)


def _mistake(document: HardWire, contents: Contents) -> Mistake:
    topics = [count.topic for count in contents.results.dataset.topics]
    answers = {
        model: topics[answer.topic]
        + (f" ({answer.trials} of {answer.of} seeds)" if answer.trials < answer.of else "")
        for model, answer in document.answers.items()
    }
    words = contents.texts[document.position] if contents.texts else []
    text = " ".join(words[: contents.words]) + " …" * (len(words) > contents.words)
    return Mistake(document.position, topics[document.topic], text, answers)


def _data(contents: Contents) -> Section:
    dataset = contents.results.dataset
    only_in_test = [count.topic for count in dataset.topics if count.test and not count.train]
    facts = {
        "source": f"{dataset.source} ({dataset.origin})",
        "documents": f"{dataset.train_size:,} for training, {dataset.test_size:,} for testing, "
        f"{dataset.timesteps} steps each",
        "majority topic": f"{dataset.majority_topic}: always predicting it scores "
        f"{dataset.majority_accuracy:.4f}",
        "overlap": f"{dataset.overlap} test documents also occur in the training set, "
        f"{dataset.overlap_same_label} of them with the same label",
        "only in test": f"{', '.join(only_in_test)}: no model can have learned these"
        if only_in_test
        else "no topic",
        "dataset": dataset.fingerprint,
        "split": dataset.split_fingerprint,
        "corpus": dataset.corpus_fingerprint,
    }
    return Section("data", "Data", [Part("facts", facts)])


def _reproduce(contents: Contents) -> Section:
    machine = contents.run.environment
    facts = {
        key.replace("_", " "): value
        for key, value in machine.items()
        if key not in ("versions", "schema_version")
    }
    return Section(
        "reproduce",
        "Reproduce",
        [Part("command", contents.results.command), Part("facts", facts | machine["versions"])],
        "The command, and the machine and versions it ran with. The config with every default is "
        "in config.yaml beside this file.",
    )


SECTIONS = (
    _accuracy,
    _published,
    _differences,
    _metrics,
    _learning,
    _topics,
    _confusion,
    _errors,
    _data,
    _reproduce,
)
