"""The sections about topics: their F1, missed and added ones, and confusion."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis.errors import f1_by_topic, frequent_topics, mistakes_by_topic
from rnnbench.labels import topics_of
from rnnbench.report.sections.base import Reported, ReportSection, SectionPart
from rnnbench.report.table import MISSING, Table
from rnnbench.text import counted
from rnnbench.training.outcome import labels_of

SHOWN_TOPICS = 100
"""The most topics of which missed and added ones are shown."""
SHOWN_OTHERS = 3


def topics(reported: Reported) -> ReportSection:
    """Return the F1 of each model on each topic, with a link to an error if any."""
    dataset = reported.results.dataset
    trials = reported.run.trials
    noun = dataset.noun
    positions = frequent_topics(labels_of(trials), len(dataset.topics))
    f1 = f1_by_topic(trials, positions)
    rows = []
    n_missed = 0
    for position, *values in zip(positions, *f1.values(), strict=True):
        count = dataset.topics[position]
        train = str(count.train) if dataset.train_size else MISSING
        row = [count.topic, train, str(count.test)]
        for value in values:
            row.append(f"{value:.2f}")
        rows.append(row)
        if not any(values):
            n_missed += 1
    caption = (
        f"Means over seeds, for the {noun}s in the test set, with the number of "
        "training and test documents of each. An F1 score on only a handful of "
        "documents says little."
    )
    links: dict[str, str] = {}
    for document in reported.hardest:
        for position in topics_of(document.topics):
            name = dataset.topic_names[position]
            links.setdefault(name, f"#error-{document.position}")
    table = Table([noun, "train", "test", *f1], rows, caption, links=links)
    lead = (
        "The stronger the blue of a cell, the closer it is to 1. Links lead to errors "
        "below."
    )
    result = f"right answers for every {noun}"
    if n_missed:
        n_topics = counted(len(positions), noun)
        result = f"no right answer by any model for {n_missed} of {n_topics}"
    return ReportSection("topics", f"F1 by {noun}", [("heatmap", table)], lead, result)


def mistakes(reported: Reported) -> ReportSection:
    """Return which topics the best model misses and adds, and which it confuses."""
    dataset = reported.results.dataset
    best = reported.results.best.name
    noun = dataset.noun
    trials = reported.run.trials[best]
    positions = frequent_topics(trials[0].labels, SHOWN_TOPICS)
    names = [dataset.topic_names[position] for position in positions]
    missed, added = mistakes_by_topic(trials, positions)
    rows = []
    most_first = np.argsort(-(missed + added).diagonal(), kind="stable")
    for row in most_first.tolist():
        cells = [_mistakes(missed[row], row, names), _mistakes(added[row], row, names)]
        if cells != [MISSING, MISSING]:
            n_test = str(dataset.topics[positions[row]].test)
            rows.append([names[row], n_test, *cells])
    caption = (
        "Numbers of documents: means over seeds. In brackets: the "
        f"{noun}s that they were wrongly given, if one is missed, and those that they "
        f"have, if one is added. Of many {noun}s, the {SHOWN_TOPICS} most frequent are "
        "counted."
    )
    table = Table([noun, "test", "missed", "added"], rows, caption, text_columns=4)
    lead = (
        f"How many documents {best} did not give their {noun}, and how many it gave a "
        "wrong one."
    )
    n_missed = int(missed.trace())
    n_added = int(added.trace())
    result = f"{best} misses {n_missed:,} {noun}s and adds {n_added:,}"
    parts: list[SectionPart] = [("wordy", table)] if rows else []
    return ReportSection("mistakes", f"Missed and added {noun}s", parts, lead, result)


def _mistakes(counts: NDArray[np.float64], topic: int, names: Sequence[str]) -> str:
    """Return the number of mistakes with a topic, and the topics in its place."""
    if not counts[topic]:
        return MISSING
    others = []
    for other in np.argsort(-counts, kind="stable").tolist():
        if other != topic and counts[other] > 0:
            others.append(f"{names[other]} {counts[other]:.3g}")
    text = f"{counts[topic]:.3g}"
    if others:
        text += f" ({', '.join(others[:SHOWN_OTHERS])})"
    return text


def confusion(reported: Reported) -> ReportSection:
    """Return the place of the answers of each model for the most frequent topics."""
    dataset = reported.results.dataset
    best = reported.results.best.name
    noun = dataset.noun
    wrong = Counter[tuple[int, int]]()
    for trial in reported.run.trials[best]:
        for label, answer in zip(trial.labels, trial.answers, strict=True):
            if label != answer:
                wrong[label, answer] += 1
    result = f"{best} makes no mistake"
    if wrong:
        ((label, answer), _) = wrong.most_common(1)[0]
        true = dataset.topic_names[label]
        wrong_topic = dataset.topic_names[answer]
        result = f"{best} most often mistakes '{true}' for '{wrong_topic}'"
    lead = (
        f"For the most frequent {noun}s: the share of the documents of the row's "
        f"{noun} that were classified as the column's {noun}; means over seeds. Right "
        "answers are on the diagonal."
    )
    return ReportSection("confusion", "Confusion", [], lead, result)
