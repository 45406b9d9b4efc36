"""Parts of the training documents that are held out, to validate or to choose on.

``hold_out_part(dataset, make_parts(folds=5, last=None)[0])`` trains on four folds of
five, and tests on the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnbench.data.corpus import Corpus, Positions
from rnnbench.data.dataset import Dataset, check_labels
from rnnbench.data.padding import some_of
from rnnbench.data.split import Groups, last_positions, whole_groups
from rnnbench.data.subsets import Subset
from rnnbench.errors import UserError
from rnnbench.labels import Labels, form_of

MAX_FOLDS = 1_000
DRAWS = 3
MAX_DRAWS = 100


def hold_out(
    n: int, share: float, groups: Groups = None
) -> tuple[Positions, Positions]:
    """Return the positions of ``n`` documents to train on and to hold out, ascending.

    They are always the same: ``int(n * share)`` are held out, or whole ``groups``,
    int32 ``(n,)``, with about as many.
    """
    if groups is not None and share:
        is_held_out = whole_groups(groups, share, seed=0)
    else:
        is_held_out = np.random.RandomState(0).permutation(n).argsort() < int(n * share)
    kept = np.flatnonzero(~is_held_out)
    held_out = np.flatnonzero(is_held_out)
    if share and not (len(kept) and len(held_out)):
        raise UserError(
            f"training.validation_split: {share} of {n} training documents leaves "
            f"{len(held_out)} to validate on and {len(kept)} to train on (use another "
            "share, or more documents)"
        )
    return kept, held_out


@dataclass(frozen=True)
class Part:
    """A part of the training documents: the last ``share``, or a stratified fold.

    Or none of them, if models are tested on the test documents: ``is_test``.
    """

    number: int = 1
    folds: int = 1
    share: float | None = None
    subset: Subset | None = None
    """The only other documents that may be read, if not all."""
    chosen: tuple[int, ...] = ()
    """Its positions, if they were chosen before."""
    is_test: bool = False

    def positions(self, y_train: Labels, groups: Groups = None) -> Positions:
        """Return its positions in the training set; a fold never splits ``groups``."""
        n = len(y_train)
        if self.is_test:
            return np.arange(0)
        if self.chosen:
            return np.array(self.chosen)
        if self.share:
            return last_positions(n, self.share)
        if groups is not None:
            from sklearn.model_selection import GroupKFold

            folds = list(GroupKFold(self.folds).split(groups, groups=groups))
            return np.asarray(folds[self.number - 1][1])
        return form_of(y_train).fold(y_train, self.number, self.folds)

    def divide(
        self, y_train: Labels, groups: Groups = None
    ) -> tuple[Positions, Positions]:
        """Return the positions to learn from, and those that are held out.

        ``UserError`` is raised if there is no such part.
        """
        self._check(y_train, groups)
        held_out = self.positions(y_train, groups)
        kept = np.setdiff1d(np.arange(len(y_train)), held_out)
        if not len(kept):
            n = len(y_train)
            raise UserError(
                f"last: {self} of {n} training documents leaves none to train on"
            )
        if self.subset is None:
            return kept, held_out
        if groups is not None:
            groups = groups[kept]
        return kept[self.subset.positions(y_train[kept], groups)], held_out

    def _check(self, y_train: Labels, groups: Groups) -> None:
        most = len(y_train)
        things = "documents"
        if groups is not None:
            most = len(np.unique(groups))
            things = "groups"
        if self.folds > most:
            allowed = f"allowed: 2 to {most}, the {things} to train on"
            raise UserError(f"folds: got {self.folds} ({allowed})")
        if self.share and groups is not None:
            raise UserError("last: would split groups of texts (use folds)")

    def __str__(self) -> str:
        text = f"fold {self.number} of {self.folds}"
        if self.share:
            text = f"the last {100 * self.share:.3g}%"
        others = "others"
        if self.is_test:
            text = "the test documents"
            others = "training documents"
        if self.subset:
            text += f", {self.subset} of the {others}, draw {self.subset.draw}"
        return text


def make_parts(folds: int | None, last: float | None) -> list[Part]:
    """Return the parts that are held out in turn: ``folds``, or the ``last`` share."""
    if (folds is None) == (last is None):
        raise UserError(
            "use either folds or last, not both, such as folds 5 or last 0.2"
        )
    if last is not None and not 0 < last < 1:
        raise UserError(f"last: got {last} (should be between 0 and 1)")
    if folds is None:
        return [Part(share=last)]
    if not 2 <= folds <= MAX_FOLDS:
        raise UserError(f"folds: got {folds} (should be 2 to {MAX_FOLDS:,})")
    return [Part(number, folds) for number in range(1, folds + 1)]


def parts_without_copies(
    corpus: Corpus, documents: Positions, labels: Labels, folds: int
) -> list[Part]:
    """Return folds of some documents, which have ``labels``; none splits a group.

    They do not split near-copies, either. Folds are stratified by the first label of
    each group.
    """
    groups = corpus.copies[documents]
    if corpus.groups is not None:
        groups = _joined(groups, corpus.groups[documents].astype(int))
    _, firsts, codes = np.unique(groups, return_index=True, return_inverse=True)
    parts = make_parts(folds, None)
    if len(firsts) == 1:
        raise UserError("data: all documents are near-copies, or are in one group")
    if folds > len(firsts):
        allowed = f"allowed: 2 to {len(firsts)}, the groups of documents"
        raise UserError(f"folds: got {folds} ({allowed})")
    chosen = []
    for part in parts:
        is_held_out = np.zeros(len(firsts), bool)
        is_held_out[part.positions(labels[firsts])] = True
        positions = np.flatnonzero(is_held_out[codes])
        chosen.append(replace(part, chosen=tuple(positions.tolist())))
    return chosen


def _joined(groups: Positions, others: Positions) -> Positions:
    """Return the groups, ``(n,)``, of documents that either kind of groups connects."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = 1 + max(groups.max(), others.max())
    links = coo_array((np.ones(len(groups)), (groups, n + others)), (2 * n, 2 * n))
    _, components = connected_components(links, directed=False)
    return np.asarray(components[groups])


def with_subsets(
    parts: Sequence[Part], sizes: Sequence[float], draws: int | None = None
) -> list[Part]:
    """Return a part for each size and draw: a draw has its own fold, or the last share.

    Draws of all documents that are not the last are the same. By default there are
    three, or two if there are no more folds.
    """
    most = MAX_DRAWS
    if parts[0].folds > 1:
        most = len(parts)
    if draws is None:
        draws = min(DRAWS, most)
    if not 2 <= draws <= most:
        raise UserError(f"draws: got {draws} (allowed: 2 to {most}; see --folds)")
    drawn = []
    for size in sizes:
        for draw in range(draws):
            part = parts[draw % len(parts)]
            subset = Subset(size, draw + 1)
            if size == 1:
                subset = Subset()
            drawn.append(replace(part, subset=subset))
    return drawn


def largest_subsets(parts: Sequence[Part]) -> list[Part]:
    """Return each part that is held out, once, with the last subset that it has."""
    largest = {}
    for part in parts:
        largest[replace(part, subset=None)] = part
    return list(largest.values())


def hold_out_part(dataset: Dataset, part: Part) -> Dataset:
    """Return a dataset whose test documents are a part of those to train on.

    The texts of its own test documents are hidden.
    """
    groups = dataset.groups
    kept, held_out = part.divide(dataset.y_train, groups)
    check_labels(str(part), dataset.y_train[kept], dataset.topics)
    tested = np.setdiff1d(dataset.test_documents, dataset.train_documents)
    hidden = set(tested.tolist())
    ends = dataset.documents.ends.copy()
    ends[tested] = dataset.documents.starts[tested]
    if groups is not None:
        groups = groups[kept]
    return replace(
        dataset,
        train_inputs=some_of(dataset.train_inputs, kept),
        y_train=dataset.y_train[kept],
        groups=groups,
        train_documents=dataset.train_documents[kept],
        test_inputs=some_of(dataset.train_inputs, held_out),
        y_test=dataset.y_train[held_out],
        test_documents=dataset.train_documents[held_out],
        documents=replace(dataset.documents, ends=ends),
        text=lambda number: "" if number in hidden else dataset.text(number),
    )
