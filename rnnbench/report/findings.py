"""The verdict on a run in sentences: who leads, who is not told apart, who is cheap."""

from collections.abc import Mapping

from rnnbench.metrics import FIT_SECONDS, METRICS
from rnnbench.report.table import MISSING
from rnnbench.report.words import CLEAR, NOT_CLEAR
from rnnbench.results.comparison import TOO_FEW_SEEDS, Comparison
from rnnbench.results.schema import ModelSummary, Results
from rnnbench.text import counted, listed

FEW = TOO_FEW_SEEDS.capitalize()
SHOWN_TOPICS = 3
"""The most labels that are listed as never answered."""


def findings(results: Results, stuck: Mapping[str, str] | None = None) -> list[str]:
    """Return the verdict on a run in sentences.

    ``stuck`` has the seeds of models that always give the same answer.
    """
    sentences = []
    if results.missing:
        sentences.append(f"This run is partial: {results.n_missing_in_words()}.")
    estimate = results.dataset.estimate_in_words()
    if estimate:
        sentences.append(estimate)
    sentences += _about_the_best(results)
    sentences += _about_labels(results)
    sentences += _about_duplicates(results)
    sentences += _about_the_majority(results)
    if stuck:
        models = listed([f"{name} ({seeds})" for name, seeds in stuck.items()])
        sentences.append(f"Always gives the same answer: {models}.")
    return sentences


def headline(results: Results) -> str:
    """Return who leads, and who cannot be told apart from it."""
    return " ".join(_about_the_best(results)[:2])


def _about_the_best(results: Results) -> list[str]:
    best = results.best
    others = by_verdict(results.against_best)
    leads = "leads with" if len(results.models) > 1 else "has"
    verdict = (
        f"{best.name} {leads} a {results.dataset.score_name} of {best.score.mean:.3f} "
        f"(95 % interval {best.interval:.3f})"
    )
    if others[CLEAR] and not others[NOT_CLEAR] and not others[TOO_FEW_SEEDS]:
        verdict += ", and is clearly better than all other models"
    sentences = [f"{verdict}."]
    if others[NOT_CLEAR]:
        sentences.append(f"Cannot be told apart from it: {listed(others[NOT_CLEAR])}.")
    if others[TOO_FEW_SEEDS]:
        sentences.append(f"{FEW} to tell it from {listed(others[TOO_FEW_SEEDS])}.")
    if others[NOT_CLEAR] and cheapest(results):
        sentences.append(cheapest(results))
    return sentences


def _about_labels(results: Results) -> list[str]:
    """Return which labels the best never answers, and whether another has more F1."""
    dataset = results.dataset
    best = results.best
    sentences = []
    never = []
    for count in dataset.topics_by_frequency:
        if count.topic in best.topics_never_predicted:
            share = f"{count.test:,} of {dataset.test_size:,} documents"
            never.append(f"'{count.topic}' ({share})")
    if never:
        sentences.append(f"{best.name} never answers {listed(never, SHOWN_TOPICS)}.")
    second = dataset.kind.second
    if second is None:
        return sentences
    first = max(results.models, key=lambda model: model.metrics[second].mean)
    of_best = best.metrics[second].mean
    of_first = first.metrics[second].mean
    if f"{of_first:.3f}" > f"{of_best:.3f}":
        header = METRICS[second].header
        sentences.append(
            f"{best.name} does not lead in {header} ({of_best:.3f}): {first.name} does "
            f"({of_first:.3f})."
        )
    return sentences


def _about_duplicates(results: Results) -> list[str]:
    """Return which model leads without test documents that are in training, too."""
    rest = results.without_duplicates
    if rest is None:
        return []
    first = max(rest.scores, key=lambda name: rest.scores[name].mean)
    leads = "leads"
    if first == results.best.name:
        leads = "still leads"
    n_tests = results.dataset.test_size
    almost = ""
    if results.dataset.near_copies:
        almost = ", or almost"
    return [
        f"{n_tests - rest.test_size:,} of {n_tests:,} test documents are also in the "
        f"training set{almost}; without them, {first} {leads} with "
        f"{rest.scores[first].mean:.3f}."
    ]


def _about_the_majority(results: Results) -> list[str]:
    dataset = results.dataset
    majority = (
        f"always answering '{dataset.majority_topic}', which scores "
        f"{dataset.majority_score:.3f}"
    )
    comparisons = results.comparisons_of(dataset.majority_name)
    models = by_verdict(comparisons)
    clearly_worse = [name for name in models[CLEAR] if comparisons[name].difference > 0]
    sentences = []
    for verdict, names in (
        ("Clearly worse than", clearly_worse),
        ("Not clearly better than", models[NOT_CLEAR]),
        (f"{FEW} for a verdict against", models[TOO_FEW_SEEDS]),
    ):
        if names:
            sentences.append(f"{verdict} {majority}: {listed(names)}.")
    return sentences or [f"Clearly better than {majority}: all models."]


def by_verdict(comparisons: Mapping[str, Comparison]) -> dict[str, list[str]]:
    """Return the names of models by the verdicts on them."""
    names: dict[str, list[str]] = {CLEAR: [], NOT_CLEAR: [], TOO_FEW_SEEDS: []}
    for name, comparison in comparisons.items():
        names[comparison.verdict].append(name)
    return names


def cheapest(results: Results) -> str:
    """Return the cheapest model that is not clearly worse; empty if not known."""
    name = results.cheapest
    if name is None or len(results.models) == 1:
        return ""
    seconds = results.by_name[name].fit_seconds
    if seconds is None:
        return ""
    how = f"trained in {seconds.mean:{FIT_SECONDS.format}} s"
    if name == results.best.name:
        how = f"the best itself, {how}"
    return f"Cheapest model that is not clearly worse: {name} ({how})."


def unclear_from(results: Results, model: ModelSummary) -> str:
    """Return which of the best and the majority do not clearly differ from a model."""
    majority = results.dataset.majority_name
    comparisons = {
        "the best": results.against_best.get(model.name),
        majority: results.comparisons_of(model.name).get(majority),
    }
    unclear = []
    if model.name == results.best.name:
        unclear.append("best")
    for name, comparison in comparisons.items():
        if comparison is not None and not comparison.is_clear:
            unclear.append(TOO_FEW_SEEDS if comparison.has_too_few_seeds else name)
    return ", ".join(dict.fromkeys(unclear)) or MISSING


def no_clear_difference(results: Results) -> str:
    """Return a caption that says what no clear difference means."""
    n_comparisons = counted(results.n_corrected_for, "comparison")
    if len(results.models) == 1:
        return (
            "No clear difference: a p-value of 0.05 or more, corrected for "
            f"{n_comparisons}."
        )
    return (
        "No clear difference from the best: the p-value of being as good as the best "
        f"is 0.05 or more. From {results.dataset.majority_name}: a p-value of 0.05 or "
        f"more, corrected for {n_comparisons}."
    )
