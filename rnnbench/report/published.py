"""Published accuracies beside ours, as tables."""

from collections.abc import Sequence

from rnnbench.report.numbers import MISSING, interval_text, mean_and_std
from rnnbench.report.table import Table, with_points
from rnnbench.results.schema import ModelSummary, PublishedAccuracy, Results

CAVEAT = "*"
"""The mark of a published accuracy with a caveat; the caption has the caveat."""
ON_THE_SAME = "Only accuracies on the same documents are shown."


def published_tables(results: Results) -> list[Table]:
    """Return our models among those of others, and ours beside earlier results of the same."""
    others = [each for each in results.published if not each.is_of_our_model]
    same = [each for each in results.published if each.is_of_our_model]
    among = [_among_others(results, others)] if others else []
    return [*among, *([_beside_the_same(same)] if same else [])]


def _among_others(results: Results, others: Sequence[PublishedAccuracy]) -> Table:
    """Return our models and those of others, the best first."""
    best = results.best
    theirs = [(each.accuracy, _cells_of_theirs(each, best)) for each in others]
    ours = [(model.accuracy.mean, _cells_of_ours(model, best)) for model in results.models]
    ranked = sorted([*theirs, *ours], key=lambda row: -row[0])  # of equals, theirs come first
    headers = ["model", "by", "accuracy ± std", "saw test texts", "pretrained", "lies"]
    rows = [cells for _, cells in ranked]
    return with_points(Table(headers, rows, _about_others(best, others), text_columns=2))


def _cells_of_theirs(published: PublishedAccuracy, best: ModelSummary) -> list[str]:
    return [
        f"{published.model} {CAVEAT}" if published.caveat else published.model,
        published.source,
        mean_and_std(published.accuracy, published.std),
        {True: "yes", False: "no", None: MISSING}[published.transductive],
        published.pretrained or MISSING,
        best.accuracy_interval.place_of(published.accuracy),
    ]


def _cells_of_ours(model: ModelSummary, best: ModelSummary) -> list[str]:
    accuracy = mean_and_std(model.accuracy.mean, model.accuracy.std)
    by = "ours, best" if model is best else "ours"
    saw_texts = "no" if model.pretrained == "nothing" else MISSING
    return [model.name, by, accuracy, saw_texts, model.pretrained or MISSING, MISSING]


def _about_others(best: ModelSummary, others: Sequence[PublishedAccuracy]) -> str:
    """Return the caption: how many of the others lie where, and what the columns mean."""
    places = [best.accuracy_interval.place_of(each.accuracy) for each in others]
    caveats: dict[str, list[str]] = {}
    for each in others:
        if each.caveat:
            caveats.setdefault(each.caveat, []).append(each.model)
    sentences = [
        f"Of the published accuracies, {places.count('above')} of {len(others)} lie above the 95 % "
        f"interval of {best.name}, our best model ({interval_text(best.accuracy_interval)} "
        f"{others[0].yardstick}), and {places.count('inside')} inside it.",
        "std: standard deviation over trainings; many papers do not give it.",
        "saw test texts: whether training used the texts of the test documents, without their "
        "topics; for ours, only the ranks of words by frequency may come from all documents.",
        "pretrained: the part that was learned from other texts, which may include test texts.",
        *(f"{CAVEAT} {', '.join(models)}: {caveat}." for caveat, models in caveats.items()),
        ON_THE_SAME,
    ]
    return " ".join(sentences)


def _beside_the_same(published: Sequence[PublishedAccuracy]) -> Table:
    """Return the published accuracies of our models, and whether our intervals contain them."""
    rows = [
        [name, interval_text(interval), each.source, f"{each.accuracy:.4f}", each.lies(name)]
        for each in published
        for name, interval in each.intervals.items()
    ]
    yardsticks = sorted({each.yardstick for each in published})
    return Table(
        ["our model", "its 95 % interval", "published", "scored", "lies"],
        rows,
        f"Intervals are {' or '.join(yardsticks)}; the uncertainty of the published accuracies is "
        f"not known. {ON_THE_SAME}",
        models=[[name] for each in published for name in each.intervals],
    )
