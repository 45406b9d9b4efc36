"""The tables of published results beside ours."""

from collections.abc import Sequence

from rnnbench.report.table import MISSING, Table, with_points
from rnnbench.results.schema import ModelSummary, PublishedScore, Results
from rnnbench.text import either, sentences
from rnnbench.training.decision import AT_HALF

CAVEAT = "*"
"""The mark of a published score with a caveat, which the caption has."""
PLACE = "lies"
"""The header of the column that says where a published score lies."""
ON_THE_SAME = "Only results on the same documents are shown."


def published_tables(results: Results) -> list[Table]:
    """Return our models among those of others, and beside earlier results of ours."""
    of_others = []
    of_ours = []
    for result in results.published:
        if result.is_of_our_model:
            of_ours.append(result)
        else:
            of_others.append(result)
    tables = []
    if of_others:
        tables.append(_among_others(results, of_others))
    if of_ours:
        tables.append(_beside_ours(of_ours))
    return tables


def _beside_ours(published: Sequence[PublishedScore]) -> Table:
    """Return earlier results of our models, and whether they agree with ours."""
    rows = []
    for earlier in published:
        for name, interval in earlier.intervals.items():
            score = f"{earlier.score:.4f}"
            lies = earlier.lies(name)
            rows.append([name, f"{interval:.4f}", earlier.source, score, lies])
    headers = ["our model", "its 95 % interval", "published", "scored", PLACE]
    yardsticks = sorted({earlier.yardstick for earlier in published})
    caption = (
        f"Intervals are {either(yardsticks)}; the uncertainty of the published numbers "
        f"is not known. {ON_THE_SAME}"
    )
    return Table(headers, rows, caption, models=[row[:1] for row in rows])


def _among_others(results: Results, published: Sequence[PublishedScore]) -> Table:
    """Return our models among those of others, the best first."""
    rows = [(other.score, _row_of_theirs(results, other)) for other in published]
    for model in results.models:
        rows.append((model.score.mean, _row_of_ours(results, model)))
    rows.sort(key=lambda row: -row[0])  # of equals, theirs come first
    headers = ["model", "by", f"{results.dataset.kind.score_name} ± std"]
    if results.decision:
        headers += ["at 0.5", "decision"]
    headers += ["saw test texts", "pretrained", PLACE]
    cells = [row for _, row in rows]
    caption = _about_others(results, published)
    return with_points(Table(headers, cells, caption, text_columns=2))


def _row_of_theirs(results: Results, other: PublishedScore) -> list[str]:
    name = f"{other.model} {CAVEAT}" if other.caveat else other.model
    row = [name, other.source, _with_std(other.score, other.std)]
    if results.decision:
        is_at_half = other.decision == AT_HALF.in_short()
        row.append(f"{other.score:.4f}" if is_at_half else MISSING)
        row.append(other.decision or MISSING)
    saw_texts = MISSING
    if other.transductive is not None:
        saw_texts = "yes" if other.transductive else "no"
    place = results.best.interval.place_of(other.score)
    return [*row, saw_texts, other.pretrained or MISSING, place]


def _row_of_ours(results: Results, model: ModelSummary) -> list[str]:
    by = "ours, best" if model is results.best else "ours"
    row = [model.name, by, _with_std(model.score.mean, model.score.std)]
    if results.decision:
        row.append(f"{model.at_half.mean:.4f}" if model.at_half else MISSING)
        changes = model.training.get("decision", {})
        row.append(results.decision.model_copy(update=changes).in_short())
    saw_texts = "no" if model.pretrained == "nothing" else MISSING
    return [*row, saw_texts, model.pretrained or MISSING, MISSING]


def _with_std(mean: float, std: float | None) -> str:
    if std is None:
        return f"{mean:.4f}"
    return f"{mean:.4f} ± {std:.4f}"


def _about_others(results: Results, published: Sequence[PublishedScore]) -> str:
    best = results.best
    places = [best.interval.place_of(other.score) for other in published]
    parts = [
        f"Of the published results, {places.count('above')} of {len(published)} lie "
        f"above the 95 % interval of {best.name}, our best model "
        f"({best.interval:.4f} {published[0].yardstick}), and "
        f"{places.count('inside')} inside it.",
        "std: standard deviation over trainings; many papers do not give it.",
    ]
    if results.decision:
        parts.append(
            "decision: the threshold that a topic has to reach; 'else best': if none "
            "does, the best topic is given, which usually raises the score. at 0.5: "
            "the score with the decision 0.5."
        )
    parts += [
        "saw test texts: whether training used the texts of the test documents, "
        "without their topics; for ours, only the ranks of words by frequency may come "
        "from all documents.",
        "pretrained: the part that was learned from other texts, which may include "
        "test texts.",
    ]
    models_by_caveat: dict[str, list[str]] = {}
    for other in published:
        if other.caveat:
            models_by_caveat.setdefault(other.caveat, []).append(other.model)
    for caveat, models in models_by_caveat.items():
        parts.append(f"{CAVEAT} {', '.join(models)}: {caveat}.")
    return sentences(*parts, ON_THE_SAME)
