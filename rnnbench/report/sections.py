"""The sections of a report, as data that both templates show in one loop."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnbench.analysis import errors as answered
from rnnbench.analysis.comparisons import SHOWN_IN_PAIRS, in_order_of, power_of_pairs
from rnnbench.analysis.notes import notes_on_run
from rnnbench.analysis.summary import drop_duplicates
from rnnbench.environment import ProcessorRecord
from rnnbench.errors import RnnbenchError
from rnnbench.labels import Key, in_words, topics_of
from rnnbench.metrics import METRICS, ONE, SEVERAL
from rnnbench.prediction.predict import find_model
from rnnbench.registry import Registry
from rnnbench.report import tables
from rnnbench.report.plots import PLOTS, Plot
from rnnbench.report.table import MISSING, Table, number_first, with_points
from rnnbench.report.words import metrics_of, scope, which_epoch
from rnnbench.results.run import StoredRun
from rnnbench.results.schema import DIGITS, Results
from rnnbench.results.store import CONSTRAINTS
from rnnbench.text import counted, heading, listed

Kind = Literal[
    "table",
    "heatmap",
    "wordy",
    "figure",
    "gallery",
    "figures",
    "facts",
    "command",
    "mistake",
]
Part = tuple[Kind, Any]
"""A piece of a section: the macro that shows it in each template, and what the macro
shows.

A table, a heat map (which shades the columns after the third by their numbers) or a
wordy table (whose words wrap) shows a ``Table``; a figure shows a ``Plot``, a gallery
several small ones side by side, and figures show several that unfold; facts are texts
by name; a command is a line to type; a mistake is a misclassified document.
"""

Texts = (
    Sequence[answered.DocumentText] | None
)  # those of the test documents, if they are available
LETTERS_PER_WORD = 20  # of a text that is shown, on average; the rest is cut off
SHOWN_TOPICS = 100  # the most of which mistakes are shown
NO_TEXTS = " Their words are not shown, because they were not asked for or are not in the cache."


@dataclass(frozen=True)
class ReportSection:
    """A section of a page: its link target, heading, content, the text above it, and a
    result.
    """

    id: str
    title: str
    parts: Sequence[Part]
    lead: str = ""
    result: str = ""
    """Its finding, in one line. A page folds a section that has one; others stay
    open."""

    @property
    def plots(self) -> list[Plot]:
        """All plots in it."""
        found: list[Plot] = []
        for kind, shown in self.parts:
            found += {"figure": [shown], "figures": shown, "gallery": shown}.get(
                kind, []
            )
        return found


@dataclass(frozen=True)
class Reported:
    """The content that sections are made of: a run with its best model first, and
    documents.
    """

    run: StoredRun
    texts: Texts
    words: int  # the most words that are shown of a document
    hardest: Sequence[answered.HardDocument]  # the misclassified documents to show

    @property
    def results(self) -> Results:
        return self.run.results


SectionMaker = Callable[[Reported], ReportSection]


def make_sections(
    run: StoredRun, texts: Texts, words: int, n_errors: int
) -> list[ReportSection]:
    """Return the sections of a report that have something to show, each with its plots
    first.

    ``n_errors`` misclassified documents are shown, with at most ``words`` words of each
    if the ``texts`` of the test documents are available. ``PluginError``: a plot or a
    section of another package failed, or a plot names no section.
    """
    reported = Reported(
        run, texts, words, answered.hardest_documents(run.trials, n_errors)
    )
    sections, task = dict[str, ReportSection](), run.results.dataset.kind
    for make in SECTIONS.usable():
        if (make in OF_TOPICS and not task.has_topics) or not task.is_among(
            ONLY_FOR.get(make, ())
        ):
            continue
        with SECTIONS.blamed(make.__name__):
            section = make(reported)
            if not isinstance(section, ReportSection):
                raise TypeError(
                    f"it returned {type(section).__name__}, not ReportSection"
                )
        sections[section.id] = section
    parts: dict[str, list[Part]] = {id_: [] for id_ in sections}
    for kind in PLOTS.usable():
        if not task.is_among(kind.tasks):
            continue
        with PLOTS.blamed(kind.kind):
            if kind.section not in parts:
                raise ValueError(
                    f"no section '{kind.section}' (allowed: {', '.join(parts)})"
                )
            plots = [plot for plot in kind.in_report(run) if plot.svg]  # drawn here
            of_models = [plot for plot in plots if plot.models]
            parts[kind.section] += [
                ("figure", plot) for plot in plots if not plot.models
            ]
            parts[kind.section] += [("figures", of_models)] if of_models else []
            parts[kind.section] += [
                ("table", table) for plot in plots if (table := plot.table())
            ]
    whole = [
        replace(one, parts=[*parts[id_], *one.parts]) for id_, one in sections.items()
    ]
    return [section for section in whole if section.parts]


def best_first(run: StoredRun) -> StoredRun:
    """Return the run with models and pairs in the order of score; the best stays the
    best.
    """
    results, rest = run.results, run.results.without_duplicates
    models = sorted(results.models, key=lambda model: -round(model.score.mean, DIGITS))
    names = [*(model.name for model in models), results.dataset.majority_name]
    ordered: dict[str, Any] = {"comparisons": in_order_of(names, results.comparisons)}
    if rest:
        pairs = {"comparisons": in_order_of(names, rest.comparisons)}
        ordered["without_duplicates"] = rest.model_copy(update=pairs)
    results = results.model_copy(update=ordered | {"models": models})
    return replace(
        run, results=results, trials={name: run.trials[name] for name in names[:-1]}
    )


def score(reported: Reported) -> ReportSection:
    """Return the scores of the models."""
    name = reported.results.dataset.kind.score_name
    table = number_first(tables.score_table(reported.results, is_wide=True))
    colours = " Networks are blue, baselines orange." * reported.results.is_trained_here
    lead = f"Models are in the order of their {name}.{colours}"
    return ReportSection("score", heading(name), [("table", table)], lead)


def published(reported: Reported) -> ReportSection:
    """Return the published scores, and where each source is found."""
    results, best = reported.results, reported.results.best.name
    parts: list[Part] = [
        ("table", number_first(one)) for one in tables.published_tables(results)
    ]
    if sources := {
        result.source: result.where for result in results.published if result.where
    }:
        parts.append(("facts", sources))
    lies = [
        of.lies(of.model if of.is_of_our_model else best) for of in results.published
    ]
    result = f"{lies.count('above')} of {len(lies)} above our intervals"
    return ReportSection("published", "Published results", parts, "", result)


def differences(reported: Reported) -> ReportSection:
    """Return the differences of the models in pairs."""
    pairs, table = (
        reported.results.comparisons,
        tables.comparisons_table(reported.results),
    )
    lead = "Intervals are not corrected for the number of comparisons; verdicts are."
    if len(reported.results.models) > SHOWN_IN_PAIRS:
        lead += " The plot shows only the pairs with the best."
    result = f"{sum(pair.is_clear for pair in pairs)} of {counted(len(pairs), 'difference')} clear"
    return ReportSection("differences", "Differences", [("table", table)], lead, result)


def duplicates(reported: Reported) -> ReportSection:
    """Return the tables without duplicates, if some test documents are duplicates, but
    not all.
    """
    dataset, parts = reported.results.dataset, list[Part]()
    if 0 < len(dataset.duplicates.positions) < dataset.test_size:
        rest = best_first(drop_duplicates(reported.run)).results
        caption = f"On the other {rest.dataset.test_size:,} documents."
        scores = number_first(tables.score_table(rest))
        for table in (
            scores,
            tables.comparisons_table(rest),
            tables.metrics_table(rest),
        ):
            parts.append(("table", replace(table, caption=caption)))
    lead = (
        f"{dataset.duplicates_in_words()}. The tables have the columns of those above."
    )
    result = tables.verdicts_without(reported.results)
    return ReportSection("duplicates", "Without duplicates", parts, lead, result)


def power(reported: Reported) -> ReportSection:
    """Return what the run could have found."""
    pairs = power_of_pairs(reported.run)
    table = tables.power_table(pairs[:20], reported.results)
    lead = "The differences that this run could have found, and the seeds that would show more."
    if len(pairs) > 20:
        lead += " The first 20 pairs are shown; rnnbench compare RUN shows all of them."
    result = f"{counted(len(pairs), 'pair')} without a clear difference"
    return ReportSection("power", "Power", [("table", table)], lead, result)


def metrics(reported: Reported) -> ReportSection:
    """Return the other metrics, and the costs."""
    results = reported.results
    shown = [tables.metrics_table(results)] if metrics_of(results.models) else []
    shown += [tables.cost_table(results)] if results.is_trained_here else []
    parts: list[Part] = [("table", table) for table in shown]
    result, second = "", results.dataset.kind.second
    if second is not None:
        score, name = max(
            (model.metrics[second].mean, model.name) for model in results.models
        )
        result = f"best {METRICS[second].header}: {score:.4f} ({name})"
    return ReportSection("metrics", "Other metrics and costs", parts, "", result)


def calibration(reported: Reported) -> ReportSection:
    """Return how far the probabilities of answers are from the share of right
    answers.
    """
    results = reported.results
    found = {
        name: answered.calibration_error(trials, **results.dataset.dependence)
        for name, trials in reported.run.trials.items()
        if all(trial.record.score_kind == "log_probabilities" for trial in trials)
    }
    headers = ["model", "ECE", f"95 % interval {scope(len(results.seeds_used))}"]
    rows = [[name, f"{ece:.3f}", f"{ends:.3f}"] for name, (ece, ends) in found.items()]
    caption = (
        f"Expected calibration error (ECE): in {answered.N_BINS} bins of equal width, how far the "
        "mean probability of answers is from their accuracy. Chance makes it too high; the "
        "interval allows for that. Models without probabilities are left out."
    )
    parts: list[Part] = [("table", with_points(Table(headers, rows, caption)))]
    errors = sorted(f"{error:.3f} ({name})" for name, (error, _) in found.items())
    result = f"expected calibration error {' to '.join(dict.fromkeys([*errors[:1], *errors[-1:]]))}"
    return ReportSection(
        "calibration", "Calibration", parts if found else [], "", result
    )


def learning(reported: Reported) -> ReportSection:
    """Return the place of the learning curves, which there are if any model trained in
    epochs.
    """
    lead = (
        "Lines are medians over seeds, in bands from the lowest to the highest. On the training "
        "documents, they are means over the batches of an epoch, while the weights still change."
    )
    result = f"epoch of the networks: {which_epoch(reported.results)}"
    return ReportSection("learning", "Learning curves", [], lead, result)


def topics(reported: Reported) -> ReportSection:
    """Return the F1 of each model on each topic; a topic leads to the first error that
    has it.
    """
    dataset, trials = reported.results.dataset, reported.run.trials
    counts, noun = dataset.topics, dataset.noun
    shown = answered.frequent_topics(next(iter(trials.values()))[0].labels, len(counts))
    f1 = answered.f1_by_topic(trials, shown)
    rows = []
    for topic, *values in zip(shown, *f1.values(), strict=True):
        train = f"{counts[topic].train}" if dataset.train_size else MISSING
        own = [counts[topic].topic, train, f"{counts[topic].test}"]
        rows.append([*own, *(f"{value:.2f}" for value in values)])
    caption = f"Means over seeds, for the {noun}s in the test set, with the number of training and "
    caption += "test documents of each. An F1 score on only a handful of documents says little."
    links = {
        counts[topic].topic: f"#error-{document.position}"
        for document in reversed(reported.hardest)
        for topic in topics_of(document.topics)
    }
    table = Table([noun, "train", "test", *f1], rows, caption, links=links)
    lead = "The stronger the blue of a cell, the closer it is to 1. Links lead to errors below."
    result = f"right answers for every {noun}"
    if n_missed := sum(not any(values) for values in zip(*f1.values(), strict=True)):
        result = f"no right answer by any model for {n_missed} of {counted(len(shown), noun)}"
    return ReportSection("topics", f"F1 by {noun}", [("heatmap", table)], lead, result)


def mistakes(reported: Reported) -> ReportSection:
    """Return which topics the best model misses and adds, and which it gives in their
    place.
    """
    dataset, best = reported.results.dataset, reported.results.best.name
    trials, names = reported.run.trials[best], [count.topic for count in dataset.topics]
    shown = answered.frequent_topics(trials[0].labels, SHOWN_TOPICS)
    missed, added = answered.mistakes_by_topic(trials, shown)

    def cell(counts: NDArray[np.float64], place: int) -> str:
        if not counts[place]:
            return MISSING
        others = np.argsort(-counts, kind="stable").tolist()
        few = [at for at in others if at != place and counts[at] > 0][:3]
        found = ", ".join(f"{names[shown[at]]} {counts[at]:.3g}" for at in few)
        return f"{counts[place]:.3g}" + (f" ({found})" if few else "")

    rows = [
        [names[shown[at]], str(dataset.topics[shown[at]].test), *cells]
        for at in np.argsort(-(missed + added).diagonal(), kind="stable").tolist()
        if (cells := [cell(missed[at], at), cell(added[at], at)]) != [MISSING, MISSING]
    ]
    noun, n_missed, n_added = dataset.noun, *(int(of.trace()) for of in (missed, added))
    caption = (
        f"Numbers of documents: means over seeds. In brackets: the {noun}s that they were wrongly "
        f"given, if one is missed, and those that they have, if one is added. Of many {noun}s, the "
        f"{SHOWN_TOPICS} most frequent are counted."
    )
    table = Table([noun, "test", "missed", "added"], rows, caption, text_columns=4)
    lead = f"How many documents {best} did not give their {noun}, and how many it gave a wrong one."
    result = f"{best} misses {n_missed:,} {noun}s and adds {n_added:,}"
    parts: list[Part] = [("wordy", table)] if rows else []
    return ReportSection("mistakes", f"Missed and added {noun}s", parts, lead, result)


def confusion(reported: Reported) -> ReportSection:
    """Return the place of the answers of each model for the most frequent topics."""
    noun, best = reported.results.dataset.noun, reported.results.best.name
    names = [count.topic for count in reported.results.dataset.topics]
    wrong = Counter[str]()
    for trial in reported.run.trials[best]:
        for own, given in zip(trial.labels, trial.answers, strict=True):
            wrong[f"'{names[own]}' for '{names[given]}'"] += own != given
    most = f"{best} most often mistakes {wrong.most_common(1)[0][0]}"
    lead = (
        f"For the most frequent {noun}s: the share of the documents of the row's {noun} that were "
        f"classified as the column's {noun}; means over seeds. Right answers are on the diagonal."
    )
    result = most if wrong.total() else f"{best} makes no mistake"
    return ReportSection("confusion", "Confusion", [], lead, result)


def errors(reported: Reported) -> ReportSection:
    """Return the number of errors on each kind of document, and single documents."""
    dataset, texts, table = (
        reported.results.dataset,
        reported.texts,
        errors_table(reported.run),
    )
    names, parts = (
        [count.topic for count in dataset.topics],
        list[Part]([("table", table)]),
    )
    for (number, topics, _, given), why in zip(
        reported.hardest, _reasons(reported), strict=True
    ):
        text = texts[number] if texts else None
        name = f"test document {dataset.ids[number] if dataset.ids else number}"
        if text and text.excerpt:
            name = text.excerpt.place
        facts = {
            "position": number,
            "topic": in_words(topics, names),
            "name": name,
            "text": _beginning(text, reported.words) if text else "",
            "answers": {
                model: _given(answer, topics, names)
                + f" ({n} of {of} seeds)" * (n < of)
                for model, (answer, n, of) in given.items()
            },
        }
        parts.append(("mistake", facts | why))
    lead = "How many documents of each kind were misclassified, and the documents misclassified "
    lead += "most often." + NO_TEXTS * (texts is None)
    result = f"{table.rows[-1][1]} documents misclassified by every model"
    return ReportSection("errors", "Errors", parts, lead, result)


def _beginning(document: answered.DocumentText, n_words: int) -> str:
    """Return the first words of a document, as they were written if that is known."""
    words = document.excerpt.text.split() if document.excerpt else document.words
    text = " ".join(words[:n_words])
    longest = LETTERS_PER_WORD * n_words  # some languages have no spaces between words
    is_cut = len(words) > n_words or len(text) > longest
    return f"{text[:longest]} …" if is_cut else text


def _given(given: Key, own: Key, names: Sequence[str]) -> str:
    """Return the topic that a document was given or, of any number, those missed and
    added.
    """
    if isinstance(own, int):
        return in_words(given, names)
    right, found = {*topics_of(own)}, {*topics_of(given)}
    kinds = {"missed": right - found, "added": found - right}
    parts = [
        f"{kind} {in_words(tuple(sorted(of)), names)}"
        for kind, of in kinds.items()
        if of
    ]
    return " and ".join(parts) or "right"


def _reasons(reported: Reported) -> list[dict[str, Any]]:
    """Return what decided the best kept model's answers to the hardest documents, if
    known.
    """
    hardest, texts = reported.hardest, reported.texts
    reasons: list[dict[str, Any]] = [{"why": "", "words": {}} for _ in hardest]
    if texts and hardest:
        with suppress(RnnbenchError):  # files that the rest does not need may be gone
            kept = find_model(reported.run.folder, None, None, reported.results)
            words = [texts[mistake.position].words for mistake in hardest]
            found = kept.answers(words, 1, explain=True)
            for reason, one in zip(reasons, found, strict=True):
                if one.decided_by:
                    who = f"{kept.name} (seed {kept.seed}) answers {one.answer}"
                    reason["why"] = f"{who}. {one.decided_by.meaning}"
                    reason["words"] = one.decided_by.words
    return reasons


def errors_table(run: StoredRun) -> Table:
    """Return the number of errors of each model on each kind of test document."""
    labels = next(iter(run.trials.values()))[0].labels
    kinds = answered.kinds_of_documents(labels, run.results.dataset)
    shares = {
        model: answered.mistaken_shares(trials) for model, trials in run.trials.items()
    }
    by_all = np.all([share > 0.5 for share in shares.values()], axis=0)
    rows = [
        [model, *(f"{share[chosen].sum():.1f}" for chosen in kinds.values())]
        for model, share in shares.items()
    ]
    rows.append(
        ["all models", *(f"{by_all[chosen].sum()}" for chosen in kinds.values())]
    )
    caption = (
        "The test documents that each model misclassified: means over seeds. The number of "
        "documents is in the heading. all models: the documents that every model misclassified "
        "with more than half of its seeds."
    )
    headers = [
        "model",
        *(f"{kind} ({chosen.sum():,})" for kind, chosen in kinds.items()),
    ]
    return with_points(Table(headers, rows, caption, is_last_apart=True))


def data(reported: Reported) -> ReportSection:
    """Return the facts of the dataset."""
    dataset = reported.results.dataset
    never = ", ".join(dataset.topics_only_in_test)
    facts = {
        "run": tables.trained_on(reported.results),
        f"majority {dataset.noun}": f"{dataset.majority_topic}: always predicting it scores "
        f"{dataset.majority_score:.4f}",
        "duplicates": dataset.duplicates_in_words(),
        "whole texts": dataset.duplicates_in_words(whole=True),
        "only in test": f"{never}: no model can have learned these"
        if never
        else "none",
        "dataset": dataset.fingerprint,
        "split": dataset.split_fingerprint,
        "corpus": dataset.corpus_fingerprint,
    }
    result = f"{dataset.source} ({dataset.origin}), {counted(len(dataset.topics), dataset.noun)}"
    return ReportSection("data", "Data", [("facts", facts)], "", result)


def notes(reported: Reported) -> ReportSection:
    """Return the traps that apply to the run."""
    found = {
        note.title: f"{note.evidence} {note.advice}"
        for note in notes_on_run(reported.run)
    }
    parts: list[Part] = [("facts", found)] if found else []
    lead = "Common traps that apply to this run."
    return ReportSection("notes", "Notes", parts, lead, listed(list(found), 2, "; "))


def reproduce(reported: Reported) -> ReportSection:
    """Return the command of a run; see ``reproduce_by``."""
    return reproduce_by(reported.results.command, reported.run.environment)


def reproduce_by(command: str, environment: Mapping[str, Any]) -> ReportSection:
    """Return a command, and the data, the machine and the versions that it ran with."""
    apart, versions = (
        ("versions", "installed", "schema_version"),
        environment["versions"],
    )
    facts = {
        key.replace("_", " "): environment[key]
        for key in environment
        if key not in apart
    }
    processor = ProcessorRecord.model_validate(facts.pop("processor", None) or {})
    facts["processor"] = processor.in_words() or "not recorded"
    lead = (
        "Beside this file, config.yaml has every default, and the exact versions of all packages "
        f"are in {CONSTRAINTS}, for pip install -c. Another processor may round sums differently."
    )
    parts: list[Part] = [("command", command), ("facts", facts | versions)]
    result = f"rnnbench {versions['rnnbench']}, {environment['cpu']}"
    return ReportSection("reproduce", "Reproduce", parts, lead, result)


SECTIONS: Registry[SectionMaker] = Registry(
    "section",
    FunctionType,
    [
        score, published, differences, metrics, calibration, duplicates, power, learning,
        topics, confusion, mistakes, errors, data, notes, reproduce,
    ],
    key="__name__",
)  # fmt: skip
"""The functions that return sections, by name, in the order of the report."""
OF_TOPICS = (topics, errors)  # those that need answers that are topics
ONLY_FOR: dict[SectionMaker, Sequence[str]] = {
    calibration: ONE,
    confusion: ONE,
    mistakes: SEVERAL,
}
"""The names of the kinds of task that have a section, if not all do."""
