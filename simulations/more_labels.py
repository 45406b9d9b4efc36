"""Print how often the intervals of power laws are right, on simulated curves and on
stored ones.

Run it as ``python simulations/more_labels.py results/choice-r8 ...``, with folders of
``rnnbench choose --shares``; simulated curves take a few minutes. A law is fitted to the
smaller sizes, and asked for the largest: twice as many labels, or more.
"""

import sys
from pathlib import Path

import numpy as np

import rnnbench
from rnnbench.report.table import Table, to_markdown
from rnnbench.stats import more_labels
from rnnbench.stats.more_labels import LabelCurve, power_law

TIMES = 200
LABELS = np.array([50.0, 250.0, 1000.0, 2500.0, 5000.0])
FEWEST = 4  # sizes to fit a law to
KINDS = {
    "floor 0, exponent 0.3": (0, 0.3),
    "floor 0.03, exponent 0.5": (0.03, 0.5),
    "floor 0.1, exponent 0.8": (0.1, 0.8),
    "always the same": (0.2, 0),
}


def draw_curve(random, errors, n_documents, n_draws=3, spread=0.1):
    """Return a curve whose draws differ by a share of the error.

    Documents are easy or hard for all sizes, and subsets include smaller ones.
    """
    steps = random.normal(size=(len(LABELS), n_draws)) * spread
    influence = np.diff(LABELS, prepend=0)[:, np.newaxis] ** 0.5 * steps
    shift = influence.cumsum(axis=0) / LABELS[:, np.newaxis] ** 0.5
    of_draws = errors[:, np.newaxis] * (1 + shift)
    ease = random.random(n_documents) ** 0.5 * 1.5
    places = random.random(
        (n_draws, n_documents)
    )  # how near a document is to its error
    places = 0.5 * places + 0.5 * random.random((len(LABELS), *places.shape))
    is_wrong = places * ease < _quantile(random, of_draws, ease)
    return LabelCurve(LABELS, 1.0 - is_wrong, pool=1e9)


def _quantile(random, errors, ease):
    """Return the limits below which a share of the documents lies."""
    sample = 0.5 * random.random(20_000) + 0.5 * random.random(20_000)
    sample *= random.choice(ease, 20_000)
    return np.quantile(sample, np.clip(errors, 0, 1))[..., np.newaxis]


def simulated(kind, n_documents, times=TIMES):
    """Return the share of intervals that hold the gain, and the error, of 10,000."""
    floor, exponent = KINDS[kind]
    errors = floor + (0.5 - floor) * (LABELS / LABELS[0]) ** -exponent
    if not exponent:
        errors = np.full(len(LABELS), floor)
    last, more = LABELS[-1], 2 * LABELS[-1]
    later = floor + (0.5 - floor) * (more / LABELS[0]) ** -exponent
    if not exponent:
        later = floor
    random = np.random.default_rng(0)
    hits = []
    widths = []
    for _ in range(times):
        curve = draw_curve(random, errors, n_documents)
        law = power_law(LABELS, 1 - curve.scores, curve.covariance)
        gain = law.gain(last, more)
        inside = errors[-1] - later
        hits.append(
            (gain.low - 1e-9 <= inside <= gain.high, later in law.error_at(more))
        )
        widths.append(gain.high - gain.low)
    return [*np.mean(hits, axis=0), np.mean(widths)]


def measured(folder):
    """Yield what each stored curve says of its next size.

    Whether the measured gain is inside, whether it is if it is allowed to err itself,
    and whether the measured error is inside.
    """
    curves = rnnbench.load_choice(folder).results.curves
    labels = np.array([size.labels for size in curves.sizes], float)
    for curve in curves.curves:
        errors = 1 - np.array(curve.scores)
        covariance = np.array(curve.covariance)
        for n in range(FEWEST, len(labels)):
            law = power_law(labels[:n], errors[:n], covariance[:n, :n])
            gain = law.gain(labels[n - 1], labels[n])
            off = abs(errors[n - 1] - errors[n] - (gain.low + gain.high) / 2)
            half = (gain.high - gain.low) / 2
            pair = covariance[n - 1 : n + 1, n - 1 : n + 1]
            noise = 1.96 * (pair[0, 0] + pair[1, 1] - 2 * pair[0, 1]) ** 0.5
            inside = errors[n] in law.error_at(labels[n])
            yield off <= half, off <= np.hypot(half, noise), inside


def main():
    rows = []
    for kind in KINDS:
        for n_documents in (200, 1000, 4000):
            gain, error, width = simulated(kind, n_documents)
            cells = [f"{gain:.3f}", f"{error:.3f}", f"{100 * width:.1f}"]
            rows.append([kind, f"{n_documents:,}", *cells])
    headers = ["law", "documents", "gain", "error", "width of gain"]
    caption = (
        f"Of {TIMES:,} simulated curves of five sizes (50 to 5,000 labels), three draws each: the "
        "share of 95 % intervals that hold the true gain of twice the labels, and the true error "
        "with them. Width: the mean, in points."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption)) + "\n")
    rows = []
    for misfit in (0.0, 0.02, 0.05, 0.1):
        more_labels.MISFIT = misfit
        for folder in sys.argv[1:]:
            hits = list(measured(folder))
            counts = [
                f"{np.sum(column)} of {len(hits)}" for column in zip(*hits, strict=True)
            ]
            rows.append([f"{misfit:.0%}", Path(folder).name, *counts])
    headers = [
        "misfit",
        "texts",
        "gain inside",
        "gain with its own error",
        "error inside",
    ]
    caption = (
        "Of laws fitted to at least four sizes of stored curves, and asked for the next size, of "
        "twice the labels or more: how often its 95 % interval held what was then measured. The "
        "measured gain has an error of its own; the second count allows for it. Misfit: how far an error "
        "may lie from a law, as a share of the error (standard deviation)."
    )
    sys.stdout.write(to_markdown(Table(headers, rows, caption, text_columns=2)))


if __name__ == "__main__":
    main()
