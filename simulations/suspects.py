"""Print how well wrong labels are found, by changing labels and looking for them.

Run it as ``python simulations/suspects.py r8 r52 TABLE ...``; it takes ten minutes.
If cleanlab is installed, it ranks the same probabilities, too.
"""

import sys
from contextlib import suppress
from pathlib import Path

import numpy as np

from rnnbench.data.config import Data
from rnnbench.data.held_out import parts_without_copies
from rnnbench.data.load import prepare
from rnnbench.labels import ONE_LABEL
from rnnbench.models.baselines import parse_baseline
from rnnbench.models.estimators import temperature
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats.label_errors import suspicion, wrong_labels

SHARE = 0.05
FOLDS = 5
MODELS = (
    "multinomial_naive_bayes",
    {"complement_naive_bayes": {"alpha": 0.1}},
    {"tfidf_linear_svm": {"max_ngram": 1}},
)
KINDS = ("none", "random", "alike")
RARE = 1e-4
"""The least chance of each other label, where labels are changed into alike ones."""


def corpus_of(name):
    """Return the corpus of a source in the cache, or of a table."""
    if Path(name).suffix:
        return prepare(Data(source="files", path=name)).corpus
    return prepare(Data(source=name)).corpus


def probabilities(corpus, labels, models=MODELS):
    """Return the mean probabilities of models, by documents that they did not learn."""
    texts = list(map(corpus.text, range(len(corpus))))
    n_topics = len(corpus.topics)
    parts = parts_without_copies(corpus, np.arange(len(labels)), labels, FOLDS)
    of_models = []
    for model in models:
        scores = np.zeros((len(labels), n_topics))
        for part in parts:
            tested = np.array(part.chosen)
            learned = np.setdiff1d(np.arange(len(labels)), tested)
            pipeline = parse_baseline(model).pipeline(0)
            pipeline.fit([texts[number] for number in learned], labels[learned])
            score = getattr(pipeline, "predict_log_proba", None)
            values = (score or pipeline.decision_function)(
                [texts[number] for number in tested]
            )
            if values.ndim == 1:
                values = np.stack([-values, values], axis=1)
            scores[tested] = values.min()
            scores[np.ix_(tested, pipeline.classes_)] = values
        is_topic = ONE_LABEL.indicators(labels, n_topics).astype(float)
        slope, _ = temperature(scores, is_topic)
        of_models.append(np.exp(ONE_LABEL.log_probabilities(slope * scores)))
    return np.mean(of_models, axis=0)


def planted(labels, kind, likely, random):
    """Return labels of which some were changed, and which ones these are.

    They are changed into any other with the same chance, or ``alike`` ones: as often as
    models take documents of the topic for such ones.
    """
    n, n_topics = likely.shape
    is_changed = np.zeros(n, bool)
    if kind == "none":
        return labels, is_changed
    is_changed[random.permutation(n)[: round(SHARE * n)]] = True
    changed = labels.copy()
    for number in np.flatnonzero(is_changed):
        chances = np.ones(n_topics)
        if kind == "alike":
            chances = likely[labels == labels[number]].mean(axis=0) + RARE
        chances[labels[number]] = 0
        changed[number] = random.choice(n_topics, p=chances / chances.sum())
    return changed, is_changed


def of_cleanlab(likely, labels, is_changed):
    """Return the same precision of cleanlab's two orders, and its estimate."""
    cells = ["-"] * 3
    with suppress(ImportError):
        from cleanlab.count import compute_confident_joint
        from cleanlab.rank import get_label_quality_scores

        for place, method in enumerate(("normalized_margin", "self_confidence")):
            quality = get_label_quality_scores(labels, likely, method=method)
            cells[place] = precision(-quality, is_changed)
        joint = compute_confident_joint(labels, likely)
        cells[2] = f"{1 - np.trace(joint) / joint.sum():.2%}"
    return cells


def precision(scores, is_changed):
    """Return the share of changed labels at the top, of as many as were changed."""
    if not is_changed.any():
        return "-"
    top = np.argsort(-scores, kind="stable")[: is_changed.sum()]
    return f"{is_changed[top].mean():.3f}"


def rows_of(name, corpus, models=MODELS):
    """Return a row for each way to change labels."""
    labels = np.asarray(corpus.labels)
    clean = probabilities(corpus, labels, models)
    rows = []
    for kind in KINDS:
        changed, is_changed = planted(labels, kind, clean, np.random.default_rng(1))
        likely = clean
        if is_changed.any():
            likely = probabilities(corpus, changed, models)
        scores = suspicion(likely, changed)
        estimate = wrong_labels(likely, changed)
        listed = "-"
        if is_changed.any():
            listed = f"{(scores[is_changed] > 0.5).mean():.3f}"
        rows.append(
            [
                Path(name).stem,
                kind,
                f"{len(labels):,}",
                f"{(scores <= 0.5).mean():.3f}",
                precision(scores, is_changed),
                listed,
                f"{estimate.share:.2%} ({estimate.low:.2%} to {estimate.high:.2%})",
                *of_cleanlab(likely, changed, is_changed),
            ]
        )
    return rows


def main(names):
    """Print the table."""
    headers = ["documents", "changed", "n", "agreement", "found at the top", "listed"]
    headers += ["estimated wrong", "cleanlab: margin", "self-confidence", "estimate"]
    rows = []
    for name in names:
        rows += rows_of(name, corpus_of(name))
    caption = (
        f"{SHARE:.0%} of the labels were changed at random, or into alike ones: "
        "the more often models confuse two topics, the more often. Three models "
        f"(naive Bayes, complement naive Bayes, a linear SVM) answer in {FOLDS} folds "
        "that split no near-copies. Agreement: the share of labels that are likelier "
        "than all others. Found at the top: the share of changed "
        f"ones among the {SHARE:.0%} most suspicious labels; some of the others were "
        "wrong before. "
        "Listed: the share of changed labels that the models contradict. Estimated "
        "wrong: with its 95 % interval; it should rise by "
        f"{SHARE:.0%} from none. Cleanlab: its orders and its estimate from the same "
        "probabilities."
    )
    print(to_markdown(Table(headers, rows, caption, text_columns=2)))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
