"""The ``data`` section, and what it makes of a corpus: arrays to train, validate and
test on.
"""

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, model_validator

from rnnbench.data.corpus import Corpus, Positions, Tokens, rank_words_of
from rnnbench.data.source import TOKENIZERS, Source
from rnnbench.data.sources import BUILT_IN, SOURCES
from rnnbench.data.sources.files import FILES
from rnnbench.data.sources.sgml import KERAS
from rnnbench.errors import UserError
from rnnbench.registry import PluginError
from rnnbench.scoring import metric_fault
from rnnbench.section import ConfigModel, one_of, problem, spell
from rnnbench.storage import sha256_arrays
from rnnbench.tasks import MULTI_LABEL, SINGLE_LABEL, TASKS, Labels, in_words, keys_of

PAD, START, UNKNOWN, INDEX_FROM = (
    0,
    1,
    2,
    3,
)  # special ids; a word has its rank + INDEX_FROM
MAX_STEPS = (
    2**30
)  # the most steps that all padded documents may have together; each takes 4 bytes
MAX_FOLDS = 1_000


def _source(value: Any) -> Any:
    names = ["auto", *SOURCES]
    if isinstance(value, str) and value not in names and Path(value).suffix:
        raise problem(f"got {spell(value)}", "a file belongs in data.path, or --path")
    return one_of(value, names)


def _path(value: Any) -> Any:
    if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        with suppress(RuntimeError, UnicodeEncodeError):  # no such user, not in UTF-8
            str(value).encode()
            return Path(value).expanduser()
    raise problem(f"got {spell(value)}", "should be the name of a file or a folder")


def _encoding(value: Any) -> Any:
    with suppress(LookupError, TypeError, ValueError):
        "".encode(value)
        return value
    raise problem(
        f"got {spell(value)}", "should be a Python codec, such as utf-8 or cp1252"
    )


def _task(value: Any) -> str:
    """Return the name of a kind of task, if its metrics can be used; this is a
    validator.
    """
    name = one_of(value, TASKS)
    try:
        fault = metric_fault(TASKS[name])
    except PluginError as error:
        raise problem(str(error)) from error
    if fault:
        raise problem(f"{TASKS.label(name)} cannot be used: {fault}")
    return name


FilePath = Annotated[Path, BeforeValidator(_path)]
Tokenizer = Annotated[str, BeforeValidator(partial(one_of, names=TOKENIZERS))]
Side = Literal["pre", "post"]  # an end of a sequence
Groups = NDArray[np.int32] | None  # the group of each document, if there are groups
Mask = NDArray[np.bool_]  # of documents
Column = Annotated[str, Field(min_length=1, max_length=1_000)]
PATHS = (
    "path",
    "train",
    "test",
)  # keys that are relative to the file that they stand in


class Data(ConfigModel):
    """Which documents to use, and how they become arrays; named as in Keras's
    loader.
    """

    source: Annotated[str, BeforeValidator(_source)] = "auto"
    """A source of the catalogue, or ``auto``: the first of several that is within
    reach."""
    path: FilePath | None = None
    """A file or folder to read the source from, instead of downloading it."""
    train: FilePath | None = None
    """With source ``files``: a file or folder of texts to train on; ``test`` holds the
    rest."""
    test: FilePath | None = None
    """A file or folder of texts to test on."""
    text: Column | None = None
    """The column of a table that holds the texts; by default detected."""
    label: Column | None = None
    """The column of a table that holds the labels; by default detected."""
    group: Column | None = None
    """The column of a table that names a group, such as an author. Its texts are all
    for training, or all for testing; in a cross-validation, they are in one fold.
    Intervals and p-values count each group as one."""
    label_separator: Annotated[str, Field(min_length=1, max_length=10)] | None = None
    """Stands between the labels in a column, such as ``;``, if a text may have any
    number of them. In JSON and Parquet, they may also be lists, which are found without
    this key. With this key, a cell such as ``['a', 'b']`` is a list, too."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """The character between the columns of a ``.csv`` file; by default detected."""
    encoding: Annotated[str, BeforeValidator(_encoding)] | None = None
    """The encoding of the files, such as ``cp1252``; by default detected."""
    on_bad: Literal["error", "skip"] | None = None
    """Whether rows that cannot be used end the run (the default) or are left out."""
    tokenizer: Tokenizer | None = None
    """With source ``files``: splits texts into words; by default ``words``."""
    deduplicate: Literal["none", "exact", "same_label"] = "none"
    """``exact`` leaves out all copies of a text but the first, before the documents are
    split; ``same_label`` leaves out only copies with the label of the first."""
    min_per_label: Annotated[int, Field(ge=1)] = 1
    """Labels with fewer documents are left out."""
    task: Annotated[str, BeforeValidator(_task)] | None = None
    """The kind of task; by default ``multi_label`` if documents may have any number of
    topics, and otherwise ``single_label``. Other packages may add more."""
    topics: Literal[10, 90, 115] | None = None
    """With source ``modapte``: the ten most frequent topics of the training documents,
    the 90 with training and test documents, or the 115 with training documents."""
    documents: Literal["with_topics", "all"] | None = None
    """Documents without a topic: ``all`` keeps them; ``with_topics``, the default of
    ``modapte``, leaves them out, as most studies do."""
    num_words: Annotated[int, Field(ge=4)] | None = None
    """Ids from this one on are replaced by the id for unknown words, 2."""
    maxlen: Annotated[int, Field(ge=3)] | None = None
    """Documents of this length or longer, the start mark included, are left out."""
    split: Literal["auto", "shuffled", "stratified", "last", "modapte"] = "auto"
    """``modapte`` is the split of R8 and R52; ``auto`` that of the documents, or of
    ``train`` and ``test``, or else ``shuffled``. ``stratified`` is shuffled, too, with
    the same share of every topic; ``last`` keeps the order, which should be that of
    time, and tests on the last ones."""
    test_split: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the documents that are reserved for testing, if they come without a
    split."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 113
    """Seed of the shuffled and the stratified split."""
    fit_on_all: Annotated[float, Field(gt=0, le=1)] | None = None
    """Written by ``choose --on all``: the test documents are for training, too. This
    share of the training documents, the last ones, takes their place, with the answers
    of the choice."""
    pad_length: Annotated[int, Field(gt=0, le=100_000)] | None = None
    """Length of every sequence; by default that of the longest."""
    padding: Side = "pre"
    """The end of a short document that is filled with zeros."""
    truncating: Side = "pre"
    """The end of a long document that is cut off if ``pad_length`` is shorter."""

    @model_validator(mode="after")
    def _has_files_that_go_together(self) -> "Data":
        if (self.train is None) != (self.test is None) or (self.train and self.path):
            raise problem("needs either path, or train and test")
        if self.train and self.split != "auto":
            raise problem("train and test are a split already", "allowed: split: auto")
        if self.group and (self.train or self.split not in ("auto", "shuffled")):
            raise problem(
                "group needs a shuffled split", "allowed: path, and split: shuffled"
            )
        return self

    def changed(self, *keys: str) -> list[str]:
        """Return those of ``keys`` that differ from their defaults, as ``data.KEY``."""
        return [
            f"data.{key}"
            for key in keys
            if key in self.model_dump(exclude_defaults=True)
        ]

    @property
    def options(self) -> dict[str, Any]:
        """The keys for the source that have a value, except for where its files are."""
        return self.model_dump(include={*FILES.options}, exclude_none=True)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Padded word ids and labels, split for training and testing.

    Attributes:
        x_train, x_test: int32 ``(n_train, timesteps)`` and ``(n_test, timesteps)``.
        y_train, y_test: int32 ``(n,)``, positions in ``topics``; or uint8 ``(n,
            n_topics)``, 0 and 1, if a document may have any number of them.
        n_ids: every id is below this.
        train_documents, test_documents: int64 ``(n,)``, their positions in the corpus.
        documents: the ids of every document of the corpus, int32, uncut, without a
            start mark.
        text: returns all words of a document as a text, also those without ids.
        vocabulary: the words that have ids of their own, from ``INDEX_FROM`` + 1 on.
        separator: stands between the words of a text; nothing if they are single
            characters.
        groups: int32 ``(n_train,)``, the group of each training document; ``None``
            without groups.
        in_order: whether the training documents, and the test documents, are in order
            of time.
        n_untested: the number of documents of the corpus's own test set that are not
            tested, such as those without a topic. Their entries in ``documents`` are
            empty, so nothing learns from them.
        unlabeled: the ids of texts that are neither for training nor for testing, if a
            model reads them: those of the archive, and documents of the corpus outside
            its own test set.
    """

    x_train: NDArray[np.int32]
    y_train: Labels
    x_test: NDArray[np.int32]
    y_test: Labels
    topics: tuple[str, ...]
    n_ids: int
    train_documents: NDArray[np.int64]
    test_documents: NDArray[np.int64]
    documents: Sequence[NDArray[np.int32]]
    text: Callable[[int], str] = lambda _: ""
    vocabulary: Sequence[str] = ()
    separator: str = " "
    groups: NDArray[np.int32] | None = None
    in_order: bool = False
    task: str = SINGLE_LABEL.name
    n_untested: int = 0
    unlabeled: Sequence[NDArray[np.int32]] = ()

    @property
    def timesteps(self) -> int:
        """Length of every sequence."""
        return int(self.x_train.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the four arrays and the names of the topics."""
        names = ("x_train", "y_train", "x_test", "y_test")
        arrays = {name: getattr(self, name).astype("<i4") for name in names}
        return sha256_arrays(arrays, {"topics": self.topics})

    def split_fingerprint(self, corpus_fingerprint: str) -> str:
        """Return the sha256 of the positions of training and test documents in a
        corpus.
        """
        # Published splits are known by their fingerprints, so the names of the arrays
        # never change.
        documents = {
            "train_wires": self.train_documents,
            "test_wires": self.test_documents,
        }
        arrays = {
            name: positions.astype("<i8") for name, positions in documents.items()
        }
        return sha256_arrays(arrays, {"corpus": corpus_fingerprint})


def make_dataset(corpus: Corpus, data: Data, *, blind: bool = False) -> Dataset:
    """Return the dataset that the settings in ``data`` make of a corpus.

    All is done as by ``keras.datasets.reuters.load_data`` and
    ``keras.utils.pad_sequences``. So the length of the sequences and the limit of the
    ids follow from all documents, or, if ``blind``, from the training documents alone;
    test documents are then cut to fit. ``UserError`` is raised if the corpus has no
    such split, or no documents are left to train or test on.
    """
    if corpus.labels.ndim == 1 and data.task and not TASKS[data.task].has_one_label:
        corpus = replace(
            corpus, labels=np.eye(len(corpus.topics), dtype=np.uint8)[corpus.labels]
        )
    _check_keys(corpus, data)
    is_copy = copies_in(corpus, data.deduplicate)
    train, test = _split(corpus, data, is_copy)
    kept = train if blind else np.concatenate([train, test])
    timesteps = data.pad_length or int(corpus.lengths[kept].max()) + 1
    if len(kept) * timesteps > MAX_STEPS:
        steps = f"{len(kept):,} documents of {timesteps:,} steps are too many"
        hint = f"allowed: {MAX_STEPS:,} steps together"
        raise UserError(f"data: {steps} ({hint}); set data.pad_length or data.maxlen")
    has_own_split = corpus.is_test is not None and data.split in ("auto", "modapte")
    corpus, n_words = _ranked(corpus, data, train, kept)
    limit = n_words + INDEX_FROM + 1
    n_ids = min(limit, data.num_words or limit)
    ids, (starts, ends) = (
        _ids(corpus.tokens, n_ids),
        (corpus.offsets[:-1], corpus.offsets[1:]),
    )
    is_untested = _is_untested(corpus, np.concatenate([train, test])) & ~is_copy
    ends = np.where(
        is_copy | is_untested, starts, ends
    )  # so that nothing is learned from them
    documents = [ids[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    topics, labels = _labels(corpus, data, kept)
    parts = ([documents[number] for number in part] for part in (train, test))
    x_train, x_test = (
        pad(part, timesteps, data.padding, data.truncating) for part in parts
    )
    return Dataset(
        x_train=x_train,
        y_train=labels[train],
        x_test=x_test,
        y_test=labels[test],
        topics=tuple(corpus.topics[number] for number in topics),
        n_ids=n_ids,
        train_documents=train,
        test_documents=test,
        documents=documents,
        text=corpus.text,
        vocabulary=corpus.vocabulary[: max(n_ids - INDEX_FROM - 1, 0)],
        separator=corpus.separator,
        groups=None if corpus.groups is None else corpus.groups[train],
        in_order=data.split == "last"
        or (has_own_split and _source_of(corpus).in_order),
        task=data.task or (SINGLE_LABEL if labels.ndim == 1 else MULTI_LABEL).name,
        n_untested=int(is_untested.sum()),
        unlabeled=_unused(corpus, documents, np.concatenate([train, test]), n_ids),
    )


def _source_of(corpus: Corpus) -> Source:
    """Return the source of a corpus; an unknown one counts as Keras's."""
    return SOURCES.get(corpus.provenance.get("source", ""), KERAS)


def _check_keys(corpus: Corpus, data: Data) -> None:
    has_one = corpus.labels.ndim == 1
    if data.task and not TASKS[data.task].has_topics:
        raise UserError(
            f"data.task: {data.task}: only for answers given to `rnnbench verdict`"
        )
    if data.task and TASKS[data.task].has_one_label != has_one:
        raise UserError(
            f"data.task: {data.task}: but a document may have any number of labels"
        )
    if data.documents and has_one:
        raise UserError(
            "data.documents: each of these documents has one label (leave it out)"
        )
    if data.topics and (has_one or corpus.is_test is None):
        raise UserError(
            "data.topics: not for these documents (allowed: data.source: modapte)"
        )


def _labels(
    corpus: Corpus, data: Data, kept: Positions
) -> tuple[NDArray[np.intp], Labels]:
    """Return the topics that are told apart, by position in the corpus, and all labels
    in these.
    """
    if corpus.labels.ndim == 2:
        topics = _topics(corpus, data)
        return topics, corpus.labels[:, topics]
    is_kept = np.isin(np.arange(len(corpus.topics)), corpus.labels[kept]) | (
        data.min_per_label < 2
    )
    return np.flatnonzero(is_kept), (np.cumsum(is_kept, dtype=np.int32) - 1)[
        corpus.labels
    ]


def _with_labels(corpus: Corpus, data: Data, order: Positions) -> Positions:
    if corpus.labels.ndim == 2:
        if (data.documents or _source_of(corpus).documents) != "with_topics":
            return order
        return order[corpus.labels[np.ix_(order, _topics(corpus, data))].any(axis=1)]
    counts = np.bincount(corpus.labels[order])[corpus.labels[order]]
    return np.asarray(order[counts >= data.min_per_label])


def _topics(corpus: Corpus, data: Data) -> NDArray[np.intp]:
    """Return the topics to tell apart where a document may have any number of them."""
    n_documents = corpus.labels.sum(axis=0, dtype=int)
    if data.topics is None or corpus.is_test is None:
        return np.flatnonzero(n_documents >= data.min_per_label)
    train = corpus.labels[~corpus.is_test].sum(axis=0, dtype=int)
    if data.topics == 10:
        return np.sort(np.argsort(-train, kind="stable")[:10])
    return np.flatnonzero((train > 0) & ((n_documents > train) | (data.topics == 115)))


def _ranked(
    corpus: Corpus, data: Data, train: Positions, kept: Positions
) -> tuple[Corpus, int]:
    """Return a corpus ranked as its source asks for, and the number of words with a
    rank.
    """
    if _source_of(corpus).ranks_words_of == "training":
        _check_labels("data", corpus.labels[train], corpus.topics)
        return rank_words_of(corpus, train)
    if data.num_words is not None:
        return corpus, len(corpus.vocabulary)
    # Keras uses the largest id in these documents as the limit, so the rarest word
    # becomes unknown. This mistake is kept.
    return corpus, max(
        int(corpus.ranks(number).max(initial=START)) for number in kept
    ) - 1


def _ids(ranks: Tokens, n_ids: int) -> Tokens:
    """Return the ids of words; too high ones become that of unknown words."""
    ids = ranks + np.int32(INDEX_FROM)
    return np.where(ids < n_ids, ids, np.int32(UNKNOWN))


def _is_untested(corpus: Corpus, used: Positions) -> Mask:
    """Return whether each document belongs to the corpus's own test set, but is not
    used.
    """
    if corpus.is_test is None:
        return np.zeros(len(corpus), bool)
    is_used = np.isin(np.arange(len(corpus)), used)
    return corpus.is_test & ~is_used


def _unused(
    corpus: Corpus, documents: list[Tokens], used: Positions, n_ids: int
) -> list[Tokens]:
    """Return the ids of texts without labels, and of documents that are not used."""
    if corpus.unlabeled is None:
        return []
    own = (
        np.arange(len(corpus))
        if corpus.is_test is None
        else np.flatnonzero(~corpus.is_test)
    )
    texts = np.split(
        _ids(corpus.unlabeled, n_ids), np.flatnonzero(corpus.unlabeled == 0) + 1
    )[:-1]
    return [documents[place] for place in np.setdiff1d(own, used)] + [
        text[:-1] for text in texts
    ]


def _check_labels(place: str, y_train: Labels, names: Sequence[str]) -> None:
    if len({*keys_of(y_train)}) == 1:
        label = in_words(keys_of(y_train)[0], names)
        raise UserError(f"{place}: all documents to train on have the label '{label}'")


def copies_in(corpus: Corpus, deduplicate: str) -> Mask:
    """Return, for each document, whether ``data.deduplicate`` leaves it out."""
    seen: set[tuple[bytes, Hashable]] = set()
    is_copy = np.zeros(len(corpus), bool)
    for number, label in enumerate(
        keys_of(corpus.labels) if deduplicate != "none" else ()
    ):
        key = (
            corpus.ranks(number).tobytes(),
            label if deduplicate == "same_label" else None,
        )
        is_copy[number] = key in seen
        seen.add(key)
    return is_copy


def _in_test_groups(groups: NDArray[np.int32], share: float, seed: int) -> Mask:
    """Return whether each document is in one of the groups with about a ``share`` of
    all.
    """
    sizes = np.bincount(groups)
    order = np.random.RandomState(seed).permutation(len(sizes))
    is_test = np.zeros(len(sizes), bool)
    is_test[order] = np.cumsum(sizes[order]) > len(groups) * (1 - share)
    return is_test[groups]


def _split(corpus: Corpus, data: Data, is_copy: Mask) -> tuple[Positions, Positions]:
    """Return the positions of the training and of the test documents, in their
    order.
    """
    order = np.arange(len(corpus))
    is_test = corpus.is_test if data.split in ("auto", "modapte") else None
    if is_test is None:
        if data.split == "modapte":
            having = ", ".join(
                source.name for source in BUILT_IN if source.split == "modapte"
            )
            hint = (
                f"allowed: auto, shuffled, stratified, last; or data.source: {having}"
            )
            raise UserError(f"data.split: this corpus has no ModApte split ({hint})")
        if data.split != "last":
            np.random.RandomState(data.seed).shuffle(order)
    order = order[~is_copy[order]]
    if data.maxlen is not None:
        order = order[corpus.lengths[order] + 1 < data.maxlen]  # 1 for the start mark
    order = _with_labels(corpus, data, order)
    if corpus.groups is not None:
        is_test = _in_test_groups(corpus.groups, data.test_split, data.seed)
    if data.split == "stratified":
        is_test = _of_each_topic(corpus, order, data)
    if is_test is None:
        train, test = np.split(order, [int(len(order) * (1 - data.test_split))])
    else:
        train, test = order[~is_test[order]], order[is_test[order]]
    if not (len(train) and len(test)):
        keys = data.changed("deduplicate", "group", "maxlen", "min_per_label")
        left = f"{len(train)} documents are left to train on and {len(test)} to test on"
        raise UserError(
            f"data: {left}; change {' or '.join(['data.test_split', *keys])}"
        )
    if data.fit_on_all:
        judged = train[Part(share=data.fit_on_all).positions(corpus.labels[train])]
        return np.concatenate([train, test]), judged
    return train, test


def stratify(labels: Labels, shares: Sequence[float], seed: int) -> NDArray[np.intp]:
    """Return the part of each document, ``(n,)``, such that parts have their shares of
    each label.

    ``labels`` are 0 and 1, ``(n, n_labels)``. The documents of the rarest label go
    first, to the part that lacks most of it (K. Sechidis, G. Tsoumakas, I. Vlahavas: On
    the stratification of multi-label data. ECML PKDD 2011); those without a label come
    last.
    """
    order = np.random.RandomState(seed).permutation(len(labels))
    part = np.full(len(labels), -1)
    wanted = np.multiply.outer(shares, labels.sum(axis=0, dtype=float))
    lacking = np.multiply(shares, float(len(labels)))
    left = labels.astype(bool)
    while left.any():
        counts = left.sum(axis=0)
        rarest = int(np.where(counts, counts, len(left) + 1).argmin())
        for number in order[left[order, rarest]]:
            most = np.flatnonzero(wanted[:, rarest] == wanted[:, rarest].max())
            part[number] = chosen = most[lacking[most].argmax()]
            wanted[chosen] -= labels[number]
            lacking[chosen] -= 1
            left[number] = False
    for number in order[part[order] < 0]:
        part[number] = chosen = lacking.argmax()
        lacking[chosen] -= 1
    return part


def _of_each_topic(corpus: Corpus, order: Positions, data: Data) -> Mask:
    """Return whether each document is tested on: the last of each topic, but never all
    or none.
    """
    share, is_test = data.test_split, np.zeros(len(corpus), bool)
    if corpus.labels.ndim == 2:
        is_test[order] = (
            stratify(corpus.labels[order], (1 - share, share), data.seed) == 1
        )
        return is_test
    for label in np.unique(corpus.labels[order]):
        own = order[corpus.labels[order] == label]
        if len(own) == 1:
            fault = f"the label '{corpus.topics[label]}' has only one document, which cannot be in"
            hint = "both the training and the test set (allowed: shuffled, last)"
            raise UserError(f"data.split: {fault} {hint}")
        n_train = np.rint(len(own) * (1 - share))
        is_test[own[int(np.clip(n_train, 1, len(own) - 1)) :]] = True
    return is_test


def pad(
    sequences: Sequence[Tokens], timesteps: int, padding: Side, truncating: Side
) -> Tokens:
    """Return int32 ``(len(sequences), timesteps)``: a start mark, the ids, and zeros to
    pad.
    """
    padded = np.full((len(sequences), timesteps), PAD, np.int32)
    for row, ids in zip(padded, sequences, strict=True):
        kept = ids[-timesteps:] if truncating == "pre" else ids[: timesteps - 1]
        n_marks = min(1, timesteps - len(kept))
        start = timesteps - len(kept) if padding == "pre" else n_marks
        row[start - n_marks : start] = START
        row[start : start + len(kept)] = kept
    return padded


def hold_out(
    n: int, share: float, groups: Groups = None
) -> tuple[Positions, Positions]:
    """Return the positions of ``n`` documents to train on and to hold out, ascending,
    always equal.

    ``int(n * share)`` are held out, or whole ``groups``, int32 ``(n,)``, with about as
    many.
    """
    if groups is not None and share:
        is_held_out = _in_test_groups(groups, share, seed=0)
    else:
        is_held_out = np.random.RandomState(0).permutation(n).argsort() < int(n * share)
    kept, held_out = np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
    if share and not (len(kept) and len(held_out)):
        raise UserError(
            f"training.validation_split: {share} of {n} training documents leaves {len(held_out)} "
            f"to validate on and {len(kept)} to train on (use another share, or more documents)"
        )
    return kept, held_out


@dataclass(frozen=True)
class Part:
    """A part of the training documents, to hold out: the last ``share``, or a
    stratified fold.
    """

    number: int = 1
    of: int = 1
    share: float | None = None

    def positions(self, y_train: Labels, groups: Groups = None) -> Positions:
        """Return its positions in the training set, ascending; a fold never splits
        ``groups``.
        """
        n = len(y_train)
        if self.share:
            return np.arange(n - max(1, int(n * self.share)), n)
        if groups is not None:
            from sklearn.model_selection import GroupKFold

            folds = list(GroupKFold(self.of).split(groups, groups=groups))
            return np.asarray(folds[self.number - 1][1])
        if y_train.ndim == 2:
            return np.flatnonzero(
                stratify(y_train, [1 / self.of] * self.of, 0) == self.number - 1
            )
        order = np.random.default_rng(0).permutation(n)
        by_topic = order[np.argsort(y_train[order], kind="stable")]
        return np.sort(by_topic[self.number - 1 :: self.of])

    def __str__(self) -> str:
        if self.share:
            return f"the last {100 * self.share:.3g}%"
        return f"fold {self.number} of {self.of}"


def make_parts(folds: int | None, last: float | None) -> list[Part]:
    """Return the parts that are held out in turn; exactly one of the arguments is
    given.
    """
    if (folds is None) == (last is None):
        raise UserError(
            "use either folds or last, not both, such as folds 5 or last 0.2"
        )
    if last is not None and not 0 < last < 1:
        raise UserError(f"last: got {last} (should be between 0 and 1)")
    if folds is not None and not 2 <= folds <= MAX_FOLDS:
        raise UserError(f"folds: got {folds} (should be 2 to {MAX_FOLDS:,})")
    return (
        [Part(number, folds) for number in range(1, folds + 1)]
        if folds
        else [Part(share=last)]
    )


def hold_out_part(dataset: Dataset, part: Part) -> Dataset:
    """Return a dataset with a part to train on in place of the test documents and their
    texts.
    """
    n, groups = len(dataset.y_train), dataset.groups
    most, of_what = (
        (n, "documents") if groups is None else (len(np.unique(groups)), "groups")
    )
    if part.of > most:
        raise UserError(
            f"folds: got {part.of} (allowed: 2 to {most}, the {of_what} to train on)"
        )
    if part.share and groups is not None:
        raise UserError("last: would split groups of texts (use folds)")
    held_out = part.positions(dataset.y_train, groups)
    learned = np.setdiff1d(np.arange(n), held_out)
    if not len(learned):
        raise UserError(
            f"last: {part} of {n} training documents leaves none to train on"
        )
    _check_labels(str(part), dataset.y_train[learned], dataset.topics)
    texts, hidden = list(dataset.documents), {*dataset.test_documents.tolist()}
    for number in hidden:
        texts[number] = texts[number][:0]
    return replace(
        dataset,
        x_train=dataset.x_train[learned],
        y_train=dataset.y_train[learned],
        groups=None if groups is None else groups[learned],
        train_documents=dataset.train_documents[learned],
        x_test=dataset.x_train[held_out],
        y_test=dataset.y_train[held_out],
        test_documents=dataset.train_documents[held_out],
        documents=texts,
        text=lambda number: "" if number in hidden else dataset.text(number),
    )
