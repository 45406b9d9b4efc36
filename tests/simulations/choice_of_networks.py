"""Print the accuracy of the models of a config on training documents that they have not learned.

Networks and epochs are chosen by this, so that the test documents have no influence on the choice;
their texts are removed before anything is learned::

    python tests/simulations/choice_of_networks.py configs/zoo.yaml --folds 5
    python tests/simulations/choice_of_networks.py configs/r52.yaml --last 0.2
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnbench.config.load import load
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.metrics import accuracy
from rnnbench.models.descriptions import Model
from rnnbench.models.quiet import quiet_tensorflow
from rnnbench.report.table import Table, to_markdown
from rnnbench.training.settings import Training
from rnnbench.training.trial import train

SEED = 0


def main() -> None:
    arguments = _arguments()
    benchmark = load(arguments.config)
    dataset = make_dataset(load_corpus(benchmark.data).corpus, benchmark.data)
    n = len(dataset.y_train)
    parts = folds(n, arguments.folds) if arguments.folds else [last(n, arguments.last)]
    datasets = [within_training(dataset, judged) for judged in parts]
    rows = []
    for name, model in benchmark.models.items():
        rows.append([name, f"{accuracy_over(datasets, model, benchmark.training):.4f}"])
        print(*rows[-1], file=sys.stderr)  # noqa: T201
    how = f"{arguments.folds} folds" if arguments.folds else f"the last {arguments.last:.0%}"
    caption = (
        f"Accuracy on {sum(len(each.y_test) for each in datasets):,} of {n:,} training newswires "
        f"({how}), trained on the others for {benchmark.training.epochs} epochs; seed {SEED}."
    )
    sys.stdout.write(to_markdown(Table(["model", "accuracy"], rows, caption)))


def accuracy_over(datasets: list[Dataset], model: Model, training: Training) -> float:
    """Return the accuracy on the test documents of all ``datasets`` together."""
    with quiet_tensorflow():
        scores = [train(model, each, training, SEED).scores for each in datasets]
    return accuracy(np.concatenate([each.y_test for each in datasets]), np.concatenate(scores))


def folds(n: int, count: int) -> Iterator[NDArray[np.intp]]:
    """Return which of ``n`` training documents are judged in each round, each in one round."""
    return map(np.sort, np.array_split(np.random.default_rng(SEED).permutation(n), count))


def last(n: int, share: float) -> NDArray[np.intp]:
    """Return the last of ``n`` training documents, at least one; in order, these are the latest."""
    return np.arange(n - max(1, int(n * share)), n)


def within_training(dataset: Dataset, judged: NDArray[np.intp]) -> Dataset:
    """Return the dataset whose test documents are the ``judged`` ones of its training documents."""
    learned = np.setdiff1d(np.arange(len(dataset.y_train)), judged)
    texts = list(dataset.documents)
    for number in dataset.test_documents:
        texts[number] = texts[number][:0]
    return replace(
        dataset,
        x_train=dataset.x_train[learned],
        y_train=dataset.y_train[learned],
        train_documents=dataset.train_documents[learned],
        x_test=dataset.x_train[judged],
        y_test=dataset.y_train[judged],
        test_documents=dataset.train_documents[judged],
        documents=texts,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("config", type=Path)
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument("--folds", type=int, help="cross-validate in so many rounds, at least 2")
    how.add_argument("--last", type=float, help="hold out this share of the documents, the last")
    arguments = parser.parse_args()
    if arguments.folds is not None and arguments.folds < 2:
        parser.error("--folds: should be 2 or more")
    if arguments.last is not None and not 0 < arguments.last < 1:
        parser.error("--last: should be between 0 and 1")
    return arguments


if __name__ == "__main__":
    main()
