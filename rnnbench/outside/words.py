"""The verdict in one sentence: ``in_one_sentence(judged.results)``."""

from collections.abc import Mapping

from rnnbench.report.findings import by_verdict
from rnnbench.report.words import CLEAR, NOT_CLEAR, short_p
from rnnbench.results.comparison import TOO_FEW_SEEDS, Comparison
from rnnbench.results.schema import Results
from rnnbench.text import listed


def in_one_sentence(results: Results) -> str:
    """Return who is better than whom, or that it cannot be told.

    A model alone is compared with always giving the most frequent label.
    """
    best = results.best
    score_name = results.dataset.score_name
    rivals = results.against_best
    if not rivals and results.dataset.kind.has_topics:
        rivals = results.comparisons_of(best.name)
    if not rivals:
        interval = f"(95 % interval {best.interval:.3f})"
        return f"{best.name} has a {score_name} of {best.score.mean:.3f} {interval}."
    return about_best(best.name, best.score.mean, score_name, rivals)


def about_best(
    best: str, mean: float, score_name: str, rivals: Mapping[str, Comparison]
) -> str:
    """Return how the best model, which has this mean, differs from the others."""
    score = f"a {score_name} of {mean:.3f}"
    if not rivals:
        return f"{best} has {score}."
    if len(rivals) == 1:
        (pair,) = rivals.values()
        return _about(pair.seen_from(best), mean, score)
    names = by_verdict(rivals)
    parts = [f"{best} leads with {score}"]
    if names[CLEAR]:
        clear = "all others"
        if len(names[CLEAR]) < len(rivals):
            clear = listed(names[CLEAR])
        parts.append(f"it is clearly better than {clear}")
    if names[NOT_CLEAR]:
        parts.append(f"it cannot be told apart from {listed(names[NOT_CLEAR])}")
    if names[TOO_FEW_SEEDS]:
        parts.append(f"{TOO_FEW_SEEDS} to tell it from {listed(names[TOO_FEW_SEEDS])}")
    return "; ".join(parts) + "."


def _about(pair: Comparison, mean: float, score: str) -> str:
    """Return a sentence about two models, of which the first has this mean."""
    verdict = f"{pair.a} and {pair.b} cannot be told apart"
    if pair.has_too_few_seeds:
        verdict = f"{TOO_FEW_SEEDS.capitalize()} to tell {pair.a} from {pair.b}"
    elif pair.is_clear:
        verdict = f"{pair.a} is clearly better than {pair.b}"
        if pair.difference < 0:
            verdict = f"{pair.a} is clearly worse than {pair.b}"
    return (
        f"{verdict}: {score} against {mean - pair.difference:.3f} (difference "
        f"{pair.difference:+.3f}, 95 % interval {pair.interval:+.3f}, "
        f"p = {short_p(pair.p_corrected)})."
    )
