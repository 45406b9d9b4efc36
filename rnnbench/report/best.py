"""The best model of a run, in a sentence."""

from rnnbench.results.schema import Results
from rnnbench.words import listed


def best_in_words(results: Results) -> str:
    """Return which model is best, and from which others its accuracy does not clearly differ.

    Always answering the most frequent topic is one of the others.
    """
    best = results.best
    pairs = {
        (each.b if each.a == best.name else each.a): each
        for each in results.comparisons
        if best.name in (each.a, each.b)
    }
    undecided = [name for name, each in pairs.items() if each.has_too_few_seeds]
    unclear = [name for name, each in pairs.items() if not each.is_clear and name not in undecided]
    which = "The best model is" if len(results.models) > 1 else "The only model is"
    parts = [f"{which} {best.name}, with a test accuracy of {best.accuracy.mean:.4f}"]
    if unclear:
        parts.append(f"no clear difference from {listed(unclear)}")
    if undecided:
        parts.append(f"too few seeds to tell it from {listed(undecided)}")
    return "; ".join(parts) + "."
