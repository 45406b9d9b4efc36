"""From the ``data`` section of a config to a dataset.

``prepare(Data(source="r8")).dataset``; the corpus is cached, read or downloaded.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from rnnbench.data import cache
from rnnbench.data.audit import summarize_dataset
from rnnbench.data.config import Data
from rnnbench.data.corpus import Corpus, Positions
from rnnbench.data.corrections import corrected
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.fetch import Progress, silent
from rnnbench.data.source import Source
from rnnbench.data.sources import AUTO, BUILT_IN, SOURCES
from rnnbench.data.sources.files import FILES
from rnnbench.data.sources.reuters import COLLECTION
from rnnbench.data.sources.texts import undeclared_groups
from rnnbench.data.split import copies_in, has_own_split
from rnnbench.data.summary import DatasetSummary
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.scoring import scoring_fault
from rnnbench.stats.correctness import FEW_CLUSTERS
from rnnbench.tasks import TASKS
from rnnbench.text import counted, listed

log = logging.getLogger(__name__)
MANY_COPIES = 0.2
"""A smaller share of texts that are near-copies of others is not mentioned."""


class NotCachedError(UserError):
    """The documents are not in the cache, and nothing may be downloaded."""


@dataclass(frozen=True)
class PreparedData:
    """A corpus in the cache, and the dataset that a ``data`` section makes of it."""

    config: Data
    corpus: Corpus
    dataset: Dataset
    summary: DatasetSummary

    @property
    def used(self) -> Positions:
        """The positions of the documents to train and to test on, ascending."""
        return np.union1d(self.dataset.train_documents, self.dataset.test_documents)

    @property
    def are_own_texts(self) -> bool:
        """Whether the documents are the user's own texts."""
        return self.corpus.provenance["source"] == FILES.name


def prepare(
    data: Data, progress: Progress = silent, *, offline: bool = False
) -> PreparedData:
    """Load the documents that ``data`` asks for, and split and pad them.

    What the user may not expect of the dataset is logged. For errors, see
    ``load_corpus`` and ``make_dataset``.
    """
    corpus = load_corpus(data, progress, offline=offline)
    prepared = prepare_corpus(data, corpus)
    _warn_of_left_out(prepared)
    if prepared.are_own_texts:
        _warn_of_cut(prepared)
        _warn_of_joined_parts(prepared)
        _warn_of_undeclared_groups(prepared)
    _warn_of_few_groups(prepared)
    return prepared


def prepare_corpus(data: Data, corpus: Corpus) -> PreparedData:
    """Split and pad the documents of a corpus that has been loaded.

    ``UserError`` is raised if the task, which may be a plug-in, cannot score answers.
    """
    dataset = make_dataset(corpus, data)
    if data.task:
        fault = scoring_fault(TASKS[data.task], dataset.y_test)
        if fault:
            name = TASKS.label(data.task)
            raise UserError(f"data.task: {name} cannot be used: {fault}")
    return PreparedData(data, corpus, dataset, summarize_dataset(corpus, dataset))


def _warn_of_left_out(prepared: PreparedData) -> None:
    """Warn if keys of ``data`` leave documents out."""
    corpus = prepared.corpus
    n_left_out = len(corpus) - len(prepared.used)
    keys = prepared.config.changed("deduplicate", "min_per_label")
    if not n_left_out or not keys:
        return
    reason = " and ".join(keys)
    topics = set(corpus.topics) - set(prepared.dataset.topics)
    if topics:
        names = [f"'{topic}'" for topic in corpus.topics if topic in topics]
        reason += f", and with them all of {listed(names)}"
    texts = counted(len(corpus), "text")
    log.warning("%s of %s left out by %s", f"{n_left_out:,}", texts, reason)


def _warn_of_cut(prepared: PreparedData) -> None:
    """Warn if ``data.pad_length`` cuts texts."""
    data = prepared.config
    if not data.pad_length:
        return
    n_seen = prepared.dataset.timesteps
    end = "last"
    if data.truncating == "post":
        n_seen -= 1  # the start mark comes before the first words
        end = "first"
    lengths = prepared.corpus.lengths[prepared.used]
    n_cut = np.count_nonzero(lengths > n_seen)
    if n_cut:
        unit = "word" if prepared.dataset.separator else "character"
        texts = f"{n_cut:,} of {counted(len(lengths), 'text')}"
        longer = f"{texts} are longer than {counted(n_seen, unit)}"
        seen = f"models see the {end} {n_seen:,}"
        log.warning("%s; %s (data.pad_length)", longer, seen)


def _warn_of_joined_parts(prepared: PreparedData) -> None:
    """Warn if the folder of the texts has a test part that is not used as such."""
    data = prepared.config
    has_test = prepared.corpus.is_test is not None
    if has_test and not has_own_split(prepared.corpus, data):
        fault = (
            f"its parts to train and to test on are joined by data.split={data.split}"
        )
        log.warning("%s: %s; data.split=auto keeps them", data.path, fault)


def _warn_of_undeclared_groups(prepared: PreparedData) -> None:
    """Warn if texts seem to come in groups that a random split tears apart."""
    data = prepared.config
    if data.group is not None or not data.path or data.split == "last":
        return
    if prepared.corpus.is_test is not None:
        return
    groups = None
    if data.path.is_file():
        groups = undeclared_groups(data.path, data.layout)
    option = "a column of these groups, named by data.group,"
    if groups is None:
        texts = _near_copies_in_words(prepared.corpus, prepared.used)
    else:
        number = counted(groups.n_groups, "group")
        texts = f"'{groups.column}' seems to name {number} of texts"
        if groups.is_stem:
            texts = f"the first part of {texts}"
        else:
            option = f"data.group={groups.column}"
    if not texts:
        return
    remedy = f"{option} keeps each on one side"
    if data.split == "stratified":
        remedy += ", with data.split=shuffled"
    fault = f"{texts}, which a random split tears apart"
    log.warning("%s: %s; %s", data.path, fault, remedy)


def _near_copies_in_words(corpus: Corpus, used: Positions) -> str:
    """Return how many of the texts are near-copies of others; empty if few are."""
    different = used[~copies_in(corpus, "exact")[used]]
    copies = corpus.copies[different]
    n_copies = int(np.count_nonzero(np.bincount(copies)[copies] > 1))
    if n_copies < MANY_COPIES * len(different):
        return ""
    number = counted(len(different), "different text")
    return f"{n_copies:,} of {number} come in groups of near-copies"


def _warn_of_few_groups(prepared: PreparedData) -> None:
    """Warn if there are too few groups to test on for exact intervals."""
    groups = prepared.corpus.groups
    if groups is None:
        return
    n_groups = len(np.unique(groups[prepared.dataset.test_documents]))
    if n_groups < FEW_CLUSTERS:
        number = counted(n_groups, "group")
        fault = "intervals and p-values are rough"
        log.warning("%s to test on: %s (data.group)", number, fault)


def unlabeled_fault(corpus: Corpus) -> str:
    """Return why there are no texts without labels; empty if the source has some."""
    name = corpus.provenance["source"]
    source = SOURCES.get(name)
    if source is not None and source.unlabeled:
        return ""
    able = ", ".join(source.name for source in BUILT_IN if source.unlabeled)
    hint = f"allowed: data.source: {able}"
    return f"needs texts without labels, and {name} has none ({hint})"


def with_unlabeled(prepared: PreparedData, progress: Progress) -> PreparedData:
    """Return documents with the texts without labels that their source has."""
    corpus = prepared.corpus
    source = SOURCES[corpus.provenance["source"]]
    assert source.unlabeled  # noqa: S101 - see ``unlabeled_fault``
    name = f"{source.name}-unlabeled"
    path = prepared.config.path
    cached = None
    if path is None or path.suffix.lower() == ".whl":  # which has no such texts
        path = None
        cached = _cached(name)
    else:
        name += "-from-path"
    if cached is None or cached.fingerprint != corpus.fingerprint:
        cached = cache.store(name, source.unlabeled(corpus, path, progress))
    return replace(prepared, corpus=cached)


def load_corpus(
    data: Data, progress: Progress = silent, *, offline: bool = False
) -> Corpus:
    """Return the corpus that ``data`` asks for.

    It comes from a file, from the cache, or from the first source that can be reached.
    ``OutOfReachError`` lists what was tried.
    """
    if data.corrections:
        plain = data.model_copy(update={"corrections": None})
        as_read = load_corpus(plain, progress, offline=offline)
        return cache.store("corrected", corrected(as_read, data.corrections))
    path = data.path or data.train
    if path:
        return _from_path(path, data, progress)
    if data.options or data.source == FILES.name:
        key = next(iter(data.options), "source")
        needs = "needs data.path (or --path), or data.train and data.test"
        raise UserError(f"data.{key}: {needs}")
    names = [data.source]
    if data.source == "auto":
        names = [*AUTO]
    # Several sources give the same corpus: any of them in the cache is better than a
    # download.
    same = [names[0]]
    same += [source.name for source in BUILT_IN if source.rebuilds == names[0]]
    at_hand = same
    if offline:
        at_hand = list(dict.fromkeys([*same, *names]))
    for name in at_hand:
        corpus = _at_hand(name)
        if corpus is not None:
            return corpus
    if offline:
        command = "rnnbench data prepare"
        if data.source != "auto":
            command += f" --data {data.source}"
        fault = f"no documents of {', '.join(names)} are cached"
        raise NotCachedError(f"{fault}: run `{command}`")
    return _first_in_reach(names, same, progress)


def _first_in_reach(
    names: Sequence[str], same: Collection[str], progress: Progress
) -> Corpus:
    """Return the corpus of the first source in reach; say if it is another corpus."""
    reasons: dict[str, str] = {}
    for name in names:
        try:
            corpus = _at_hand_or_downloaded(name, same, progress)
        except OutOfReachError as error:
            reasons[name] = _new_reason(str(error), reasons.values())
            continue
        for other, reason in reasons.items():
            log.warning("%s is out of reach: %s", other, reason)
        if name not in same:
            hint = f"so do not compare their accuracies with those of {names[0]}"
            log.warning("using %s instead: these are other documents, %s", name, hint)
        return corpus
    lines = ["no documents can be reached. Tried:"]
    lines += [f"  {name}: {reason}" for name, reason in reasons.items()]
    lines.append("Provide a file instead:")
    lines += [f"  --data {name} --path FILE: {SOURCES[name].file}" for name in names]
    raise OutOfReachError("\n".join(lines))


def _at_hand_or_downloaded(
    name: str, same: Collection[str], progress: Progress
) -> Corpus:
    """Return the corpus of a source; the ``same`` ones are known not to be at hand."""
    if name not in same:
        corpus = _at_hand(name)
        if corpus is not None:
            return corpus
    source = SOURCES[name]
    if source.fetch is None:
        raise OutOfReachError("it can only be read from a file")
    return cache.store(
        name, _from_source(source, name, partial(source.fetch, progress))
    )


def _new_reason(reason: str, before: Collection[str]) -> str:
    """Return the parts of a reason that are new: sources may ask the same servers."""
    told = "; ".join(before).split("; ")
    new = [part for part in reason.split("; ") if part not in told]
    return "; ".join(new) or reason


def _from_path(path: Path, data: Data, progress: Progress) -> Corpus:
    """Return the corpus in a file or folder of the user's, and cache it."""
    for file in filter(None, (path, data.test)):
        if not file.exists():
            raise UserError(f"{file}: no such file or folder (data.path, or --path)")
    source = _source_of(path, data)
    options = data.options
    misplaced = sorted(set(options) - set(source.options))
    if misplaced:
        raise UserError(
            f"data.{misplaced[0]}: the source {source.name} has no such key"
        )
    if "progress" in source.options:
        options["progress"] = progress
    try:
        corpus = _from_source(source, path.name, lambda: source.read(path, **options))
    except OSError as error:
        reason = error.strerror or error
        file_name = error.filename or path
        raise UserError(f"{file_name}: cannot be read: {reason}") from error
    if source.fingerprint in (None, corpus.fingerprint):
        return cache.store(source.name, corpus)
    fault = f"not the original files of {source.name}"
    log.warning("%s: %s, so the corpus differs", path, fault)
    return cache.store(f"altered-{source.name}", corpus)


def _source_of(path: Path, data: Data) -> Source:
    """Return the source that reads a file or folder: that of ``data``, or the first."""
    if data.source != "auto":
        return SOURCES[data.source]
    if path.is_file() and FILES.recognises(path):
        return FILES
    readers = [source for source in BUILT_IN if source.recognises(path)]
    if not readers:
        readers = [source for source in SOURCES.usable() if source.recognises(path)]
    if not readers:
        files = "; ".join(f"{source.name}: {source.file}" for source in BUILT_IN)
        fault = "no source reads such a file or folder"
        raise UserError(f"{path}: {fault} (allowed: {files})")
    return readers[0]


def _at_hand(name: str) -> Corpus | None:
    """Return the corpus of a source from the cache, or from files kept there."""
    cached = _cached(name)
    if cached is not None:
        return cached
    source = SOURCES[name]
    archive = source.kept() if source.kept else None
    if archive is None:
        return None
    corpus = _from_source(source, COLLECTION, lambda: source.read(archive))
    return cache.store(name, corpus)


def _cached(name: str) -> Corpus | None:
    """Return the corpus of a name in the cache, if it is there and not damaged."""
    file = cache.find(name)
    if file is None:
        return None
    try:
        return cache.read(file)
    except cache.DamagedCacheError as error:
        log.warning("%s; it is not used", error)
        return None


def _from_source(source: Source, origin: str, make: Callable[[], Corpus]) -> Corpus:
    """Return the corpus that a source makes, with its provenance."""
    with SOURCES.blamed(source.name):
        corpus = make()
        is_shuffled = corpus.is_test is None
        if source.split is not None and is_shuffled != (source.split == "shuffled"):
            raise ValueError(f"its split is not '{source.split}'")
    name = {"source": source.name}
    provenance = name | {"from": origin} | corpus.provenance | name
    return replace(corpus, provenance=provenance)
