"""Random subsets of training documents, to see what more labels would bring.

``Subset(0.05, draw=2).positions(y_train)`` are those of a twentieth of the documents. A
draw gives each document a place, and a subset has the documents with the lowest ones:
larger subsets include smaller ones.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnbench.data.corpus import Positions
from rnnbench.data.split import Groups
from rnnbench.errors import UserError, shortened
from rnnbench.labels import Labels, documents_by_topic, form_of
from rnnbench.text import number_in

MAX_SIZES = 20
MAX_LABELS = 10**9
HINTS = {
    "shares": "should be above 0% and up to 100%, such as 5%,20%,100%",
    "labels": "should be 2 or more, such as 100,300,1000",
}


@dataclass(frozen=True)
class Subset:
    """Some of the documents to learn from."""

    size: float = 1.0
    """A share of them, up to 1, or else their number."""
    draw: int = 1

    def positions(self, y_train: Labels, groups: Groups = None) -> Positions:
        """Return its positions in the documents, ascending; groups are never split.

        ``UserError`` is raised if there are not as many.
        """
        n = len(y_train)
        wanted = int(self.size)
        if self.size <= 1:
            wanted = max(1, round(self.size * n))
        if wanted > n:
            raise UserError(f"labels: got {wanted:,} (allowed: 2 to {n:,})")
        places = _places(y_train, self.draw)
        if groups is not None:
            _, first, group = np.unique(groups, return_index=True, return_inverse=True)
            places = places[first][group]
        return np.flatnonzero(places <= np.sort(places)[wanted - 1])

    def __str__(self) -> str:
        if self.size <= 1:
            return f"{100 * self.size:.4g}%"
        return f"{self.size:,.0f} labels"


def _places(y_train: Labels, draw: int) -> NDArray[np.float64]:
    """Return the place of each document, a random number from 0 to 1.

    The documents of a topic are spread evenly; a document with several topics counts
    for the rarest. The first of each topic comes so early that twice as many documents
    as topics have all topics.
    """
    random = np.random.default_rng(draw)
    n = len(y_train)
    form = form_of(y_train)
    by_topic = documents_by_topic(y_train, form.n_topics(y_train))
    ranks = np.argsort(np.argsort(by_topic, kind="stable"), kind="stable")
    rarest = form.lowest(ranks, y_train)
    _, stratum, sizes = np.unique(rarest, return_inverse=True, return_counts=True)
    order = np.lexsort((random.random(n), stratum))
    number = np.empty(n)  # within the stratum
    number[order] = np.arange(n) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    places = (number + random.random(n)) / sizes[stratum]
    early = random.random(n) * len(sizes) / n
    return np.where(number == 0, np.minimum(places, early), places)


def parse_sizes(name: str, text: str) -> list[float]:
    """Return the sizes that ``shares`` or ``labels`` ask for, ascending."""
    sizes = set[float]()
    for word in map(str.strip, text.split(",")):
        size = number_in(word)
        is_fine = 0 < size <= 1
        if name == "labels":
            is_fine = 1 < size <= MAX_LABELS and size.is_integer()
        if not is_fine or len(sizes) == MAX_SIZES:
            hint = f"{HINTS[name]}; up to {MAX_SIZES} sizes"
            raise UserError(f"{name}: got '{shortened(word, 40)}' ({hint})")
        sizes.add(size)
    return sorted(sizes)
