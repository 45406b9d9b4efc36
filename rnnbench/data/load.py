"""From the ``data`` section of a config to a dataset; a corpus is cached, read or
downloaded.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from rnnbench.data import cache
from rnnbench.data.audit import DatasetSummary, summarize_dataset
from rnnbench.data.config import Data
from rnnbench.data.corpus import Corpus, Positions
from rnnbench.data.dataset import Dataset, make_dataset
from rnnbench.data.fetch import Progress, silent
from rnnbench.data.groups import FEW_CLUSTERS, near_copies
from rnnbench.data.source import Source
from rnnbench.data.sources import AUTO, BUILT_IN, SOURCES
from rnnbench.data.sources.files import FILES, undeclared_groups
from rnnbench.data.sources.sgml import COLLECTION
from rnnbench.data.sources.tables import Layout
from rnnbench.data.split import copies_in
from rnnbench.errors import OutOfReachError, UserError
from rnnbench.scoring import scoring_fault
from rnnbench.tasks import TASKS
from rnnbench.text import counted, listed

log = logging.getLogger(__name__)
LAYOUT = [
    field.name for field in fields(Layout)
]  # keys of ``data`` that describe tables
MANY_COPIES = 0.2
"""A smaller share of texts that are near-copies of others is not mentioned."""


class NotCachedError(UserError):
    """The documents are not in the cache, and nothing may be downloaded."""


@dataclass(frozen=True)
class PreparedData:
    """A corpus in the cache, and the dataset that a ``data`` section makes of it."""

    section: Data
    corpus: Corpus
    dataset: Dataset
    summary: DatasetSummary


def prepare(
    data: Data, progress: Progress = silent, *, offline: bool = False
) -> PreparedData:
    """Load the documents that ``data`` asks for, and split and pad them: see
    ``make_dataset``.
    """
    prepared = prepare_corpus(data, load_corpus(data, progress, offline=offline))
    corpus, dataset = prepared.corpus, prepared.dataset
    used = np.union1d(dataset.train_documents, dataset.test_documents)
    left = len(corpus) - len(used)
    if left and (keys := data.changed("deduplicate", "min_per_label")):
        of = " and ".join(keys)
        gone = listed(
            [f"'{name}'" for name in corpus.topics if name not in dataset.topics]
        )
        of += f", and with them all of {gone}" if gone else ""
        log.warning(
            "%s of %s are left out by %s", f"{left:,}", counted(len(corpus), "text"), of
        )
    if data.pad_length and corpus.provenance["source"] == FILES.name:
        # The start mark comes before the first words.
        seen = dataset.timesteps - (data.truncating == "post")
        if n_cut := np.count_nonzero(corpus.lengths[used] > seen):
            longest = counted(seen, "word" if dataset.separator else "character")
            which = (
                f"{n_cut:,} of {counted(len(used), 'text')} are longer than {longest}"
            )
            end = "first" if data.truncating == "post" else "last"
            log.warning(
                "%s; models see the %s %s (data.pad_length)", which, end, f"{seen:,}"
            )
    if corpus.provenance["source"] == FILES.name and data.group is None:
        _tell_of_groups(data, corpus, used)
    if corpus.groups is not None:
        n_groups = len(np.unique(corpus.groups[dataset.test_documents]))
        if n_groups < FEW_CLUSTERS:
            number = counted(n_groups, "group")
            log.warning(
                "%s to test on: intervals and p-values are rough (data.group)", number
            )
    return prepared


def _tell_of_groups(data: Data, corpus: Corpus, used: Positions) -> None:
    """Warn if texts seem to come in groups that a random split tears apart."""
    if not data.path or data.split == "last":
        return
    groups = None
    if data.path.is_file():
        layout = {key: value for key, value in data.options.items() if key in LAYOUT}
        groups = undeclared_groups(data.path, Layout(**layout))
    option = "a column of these groups, named by data.group,"
    if groups is None:
        texts = _near_copies_in_words(corpus, used)
    else:
        texts = f"'{groups.column}' seems to name {counted(groups.n_groups, 'group')} of texts"
        if groups.is_stem:
            texts = f"the first part of {texts}"
        else:
            option = f"data.group={groups.column}"
    if not texts:
        return
    remedy = f"{option} keeps each on one side"
    if data.split == "stratified":
        remedy += ", with data.split=shuffled"
    log.warning(
        "%s: %s, which a random split tears apart; %s", data.path, texts, remedy
    )


def _near_copies_in_words(corpus: Corpus, used: Positions) -> str:
    """Return how many of the texts that are used are near-copies of others; empty if
    few are.
    """
    different = used[~copies_in(corpus, "exact")[used]]
    copies = near_copies(corpus.tokens, corpus.offsets)[different]
    n_copies = int(np.count_nonzero(np.bincount(copies)[copies] > 1))
    if n_copies < MANY_COPIES * len(different):
        return ""
    number = counted(len(different), "different text")
    return f"{n_copies:,} of {number} come in groups of near-copies"


def prepare_corpus(data: Data, corpus: Corpus) -> PreparedData:
    """Split and pad the documents of a corpus that has been loaded.

    ``UserError`` is raised if the task, which may be a plug-in, cannot score answers.
    """
    dataset = make_dataset(corpus, data)
    if data.task:
        fault = scoring_fault(TASKS[data.task], dataset.y_test)
        if fault:
            raise UserError(
                f"data.task: {TASKS.label(data.task)} cannot be used: {fault}"
            )
    return PreparedData(data, corpus, dataset, summarize_dataset(corpus, dataset))


def unlabeled_fault(corpus: Corpus) -> str:
    """Return why the source of a corpus has no texts without labels; empty if it has
    some.
    """
    name = corpus.provenance["source"]
    if (source := SOURCES.get(name)) and source.unlabeled:
        return ""
    able = ", ".join(source.name for source in BUILT_IN if source.unlabeled)
    return f"needs texts without labels, and {name} has none (allowed: data.source: {able})"


def with_unlabeled(prepared: PreparedData, progress: Progress) -> PreparedData:
    """Return documents with the texts without labels of their source, which has
    some.
    """
    corpus, path = prepared.corpus, prepared.section.path
    source = SOURCES[corpus.provenance["source"]]
    assert source.unlabeled  # noqa: S101 - see ``unlabeled_fault``
    is_here = path is not None and path.suffix.lower() != ".whl"
    name = f"{source.name}-unlabeled{'-from-path' if is_here else ''}"
    found = None if is_here else _cached(name)
    if not found or found.fingerprint != corpus.fingerprint:
        found = cache.store(
            name, source.unlabeled(corpus, path if is_here else None, progress)
        )
    return replace(prepared, corpus=found)


def load_corpus(
    data: Data, progress: Progress = silent, *, offline: bool = False
) -> Corpus:
    """Return the corpus that ``data`` asks for; ``OutOfReachError`` lists what was
    tried.
    """
    if path := data.path or data.train:
        return _from_path(path, data, progress)
    if data.options or data.source == FILES.name:
        key = next(iter(data.options), "source")
        raise UserError(
            f"data.{key}: needs data.path (or --path), or data.train and data.test"
        )
    names = AUTO if data.source == "auto" else (data.source,)
    # Several sources give the same corpus: any of them in the cache is better than a
    # download.
    rebuilt = [source.name for source in BUILT_IN if source.rebuilds == names[0]]
    same = [names[0], *rebuilt]
    for name in dict.fromkeys([*same, *names]) if offline else same:
        corpus = _at_hand(name)
        if corpus is not None:
            return corpus
    if offline:
        choice = "" if data.source == "auto" else f" --data {data.source}"
        hint = f"run `rnnbench data prepare{choice}`"
        raise NotCachedError(f"no documents of {', '.join(names)} are cached: {hint}")
    return _reached(names, same, progress)


def _reached(names: Sequence[str], same: Collection[str], progress: Progress) -> Corpus:
    """Return the corpus of the first source that can be reached; say if it is another
    one.
    """
    reasons: dict[str, str] = {}
    for name in names:
        try:
            found = None if name in same else _at_hand(name)
            if found is None:
                source = SOURCES[name]
                if source.fetch is None:
                    raise OutOfReachError("it can only be read from a file")
                fetch = partial(source.fetch, progress)
                found = cache.store(name, _from_source(source, name, fetch))
        except OutOfReachError as error:
            told = "; ".join(reasons.values()).split(
                "; "
            )  # two sources may ask the same servers
            new = [part for part in str(error).split("; ") if part not in told]
            reasons[name] = "; ".join(new) or str(error)
            continue
        for other, reason in reasons.items():
            log.warning("%s is out of reach: %s", other, reason)
        if name not in same:
            hint = f"so do not compare their accuracies with those of {names[0]}"
            log.warning("using %s instead: these are other documents, %s", name, hint)
        return found
    tried = [f"  {name}: {reason}" for name, reason in reasons.items()]
    files = [f"  --data {name} --path FILE: {SOURCES[name].file}" for name in names]
    lines = [
        "no documents can be reached. Tried:",
        *tried,
        "Provide a file instead:",
        *files,
    ]
    raise OutOfReachError("\n".join(lines))


def _from_path(path: Path, data: Data, progress: Progress) -> Corpus:
    for given in filter(None, (path, data.test)):
        if not given.exists():
            raise UserError(f"{given}: no such file or folder (data.path, or --path)")
    if data.source == "auto":
        found = [source for source in BUILT_IN if source.recognises(path)]
        found = found or [
            source for source in SOURCES.usable() if source.recognises(path)
        ]
        if not found:
            files = "; ".join(f"{source.name}: {source.file}" for source in BUILT_IN)
            raise UserError(
                f"{path}: no source reads such a file or folder (allowed: {files})"
            )
    source = found[0] if data.source == "auto" else SOURCES[data.source]
    if misplaced := sorted(set(data.options) - set(source.options)):
        raise UserError(
            f"data.{misplaced[0]}: the source {source.name} has no such key"
        )
    options = data.options | (
        {"progress": progress} if "progress" in source.options else {}
    )
    try:
        corpus = _from_source(source, path.name, lambda: source.read(path, **options))
    except OSError as error:
        reason = error.strerror or error
        raise UserError(
            f"{error.filename or path}: cannot be read: {reason}"
        ) from error
    if source.fingerprint in (None, corpus.fingerprint):
        return cache.store(source.name, corpus)
    log.warning(
        "%s: not the original files of %s, so the corpus differs", path, source.name
    )
    return cache.store(f"altered-{source.name}", corpus)


def _at_hand(name: str) -> Corpus | None:
    """Return the corpus of a source from the cache, or from files that are kept
    there.
    """
    cached = _cached(name)
    if cached is not None:
        return cached
    source = SOURCES[name]
    archive = source.kept() if source.kept else None
    if archive is None:
        return None
    return cache.store(
        name, _from_source(source, COLLECTION, lambda: source.read(archive))
    )


def _cached(name: str) -> Corpus | None:
    try:
        file = cache.find(name)
        return cache.read(file) if file else None
    except cache.DamagedCacheError as error:
        log.warning("%s; it is not used", error)
        return None


def _from_source(source: Source, origin: str, make: Callable[[], Corpus]) -> Corpus:
    with SOURCES.blamed(source.name):
        corpus = make()
        if source.split is not None and (corpus.is_test is None) != (
            source.split == "shuffled"
        ):
            raise ValueError(f"its split is not '{source.split}'")
    own = {"source": source.name}
    return replace(corpus, provenance=own | {"from": origin} | corpus.provenance | own)
