"""Groups of documents, such as questions about one passage, that nobody has declared.

``likely_groups({"passage": ["a", "a", "b", ...]})`` are the columns that may name some.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FEWEST_GROUPS = 10
"""A column with fewer values is more likely a category, such as a language."""
SMALLEST_MEAN = 1.5
"""The smallest mean number of documents in a group: names of authors may repeat by
chance."""
MOST_ALONE = 0.5
"""The largest share of documents that have a group to themselves."""
LARGEST_GROUP = 0.25
"""The largest share of documents in one group: a more frequent value is more likely a
default."""
MOST_BREAKS = 1.1
"""The largest number of stretches of equal neighbours by value; it is 1 if all are
adjacent."""
MOST_UNEQUAL = 0.6
"""The largest coefficient of variation of the sizes of groups that are named by whole
numbers. If the numbers are counts, such as those of words, sizes vary more: most counts
are near their mean."""
GROUP_NAMES = {
    "article",
    "author",
    "book",
    "chapter",
    "cluster",
    "context",
    "conversation",
    "customer",
    "dialog",
    "dialogue",
    "doc",
    "document",
    "family",
    "group",
    "page",
    "paragraph",
    "passage",
    "patient",
    "scenario",
    "session",
    "speaker",
    "story",
    "template",
    "thread",
    "title",
    "user",
    "writer",
}
"""The last words of the names of columns that name groups."""
NAME_END = re.compile(r"[ _.-]?(?:hash|id|idx|index|key|name|no|nr|number)$")
WHOLE_NUMBER = re.compile(r"[+-]?\d+")
FRACTION = re.compile(
    r"[+-]?(?:\d*\.\d*|\d+(?:\.\d*)?e[+-]?\d+|nan|inf)", re.IGNORECASE
)
TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?(?:[T ]\d.*)?|\d{1,2}:\d{2}.*")
ID_WITH_STEM = re.compile(r"(.*\w)[-_:/#](?:\d{1,4}|[a-z])", re.IGNORECASE)
"""``passage7-2`` and ``doc12_b``."""


class LikelyGroups(NamedTuple):
    """Groups of documents that a column seems to name.

    Attributes:
        column: the name of the column.
        codes: the group of each document, int64 ``(n,)``, from 0.
        is_stem: whether the first part of the values names the group, as in
            ``passage7-2``.
        is_evident: whether the name of the column, its stems or equal neighbours are a
            sign, too.
    """

    column: str
    codes: NDArray[np.int64]
    is_stem: bool
    is_evident: bool

    @property
    def n_groups(self) -> int:
        """The number of groups."""
        return int(self.codes.max()) + 1


def likely_groups(
    columns: Mapping[str, Sequence[object]], labels: Sequence[Hashable] | None = None
) -> list[LikelyGroups]:
    """Return the columns that may name groups of documents, the evident ones first.

    Each column has a value for each document. Columns of times, fractions, few
    categories or nearly always different values name no groups; nor do columns with a
    missing value, or those that say no more than the ``labels``.
    """
    likely = []
    for name, values in columns.items():
        groups = _groups_in(name, values, labels)
        if groups is not None:
            likely.append(groups)
    return sorted(likely, key=lambda groups: not groups.is_evident)


def follows_labels(values: Sequence[object], labels: Sequence[Hashable]) -> bool:
    """Return whether a column says nothing that the labels do not say.

    This is so if all documents with the same label have the same value, or if most
    values are names of labels, as in a column of predictions.
    """
    value_of: dict[Hashable, str] = {}
    is_function = True
    n_names = 0
    names = {str(label) for label in labels}
    for value, label in zip(values, labels, strict=True):
        text = str(value)
        is_function = is_function and value_of.setdefault(label, text) == text
        n_names += text in names
    # If all labels differ, any column follows them.
    have_equals = len(value_of) < len(labels)
    return n_names > len(labels) / 2 or (is_function and have_equals)


def _groups_in(
    name: str, values: Sequence[object], labels: Sequence[Hashable] | None
) -> LikelyGroups | None:
    """Return the groups that a column may name; ``None`` if it names none."""
    texts = []
    for value in values:
        if value is None or isinstance(value, float) or not str(value).strip():
            return None
        texts.append(str(value).strip())
    if not texts or _all_match(FRACTION, texts) or _all_match(TIME, texts):
        return None
    are_numbers = _all_match(WHOLE_NUMBER, texts)
    is_stem = len(set(texts)) == len(texts)
    if is_stem:
        texts = _stems(texts)
    codes = _coded(texts)
    sizes = np.bincount(codes)
    if not _have_sizes_of_groups(sizes) or _all_match(TIME, texts):
        return None
    if labels is not None and follows_labels(texts, labels):
        return None
    n_stretches = 1 + np.count_nonzero(np.diff(codes))
    is_adjacent = bool(n_stretches <= MOST_BREAKS * len(sizes))
    if are_numbers and sizes.std() > MOST_UNEQUAL * sizes.mean():
        is_adjacent = False
    is_evident = is_stem or is_adjacent or _names_groups(name)
    if are_numbers and not is_evident:
        return None
    return LikelyGroups(name, codes, is_stem, is_evident)


def _all_match(pattern: re.Pattern[str], texts: Sequence[str]) -> bool:
    """Return whether all texts have the form of a pattern."""
    return all(pattern.fullmatch(text) for text in texts)


def _stems(texts: Sequence[str]) -> list[str]:
    """Return the first parts of ids such as ``passage7-2``, if all have this form."""
    stems = []
    for text in texts:
        match = ID_WITH_STEM.fullmatch(text)
        if match is None:
            return []
        stems.append(match[1])
    return stems


def _coded(texts: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of each text among the different ones, in their order."""
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(text, len(numbers)) for text in texts]
    return np.array(codes, np.int64)


def _have_sizes_of_groups(sizes: NDArray[np.int64]) -> bool:
    """Return whether there are many groups, most of them neither small nor large."""
    if len(sizes) < FEWEST_GROUPS:
        return False
    n_alone = np.count_nonzero(sizes == 1)
    return bool(
        sizes.mean() >= SMALLEST_MEAN
        and n_alone <= MOST_ALONE * sizes.sum()
        and sizes.max() <= LARGEST_GROUP * sizes.sum()
    )


def _names_groups(name: str) -> bool:
    """Return whether a column, such as ``doc.passage_id``, has the name of groups."""
    stem = NAME_END.sub("", name.lower())
    return re.split(r"[ _.-]", stem)[-1] in GROUP_NAMES
