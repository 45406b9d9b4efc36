"""The ``data`` section of a config: which documents to use, and how.

``Data(source="r8", maxlen=50)`` is R8 without its longer documents.
"""

from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from rnnbench.data.padding import Side
from rnnbench.data.source import TOKENIZERS
from rnnbench.data.sources import SOURCES
from rnnbench.data.sources.files import FILES
from rnnbench.data.sources.tables import Layout
from rnnbench.registry import PluginError
from rnnbench.scoring import metric_fault
from rnnbench.section import ConfigModel, one_of, problem, spell
from rnnbench.tasks import TASKS

LONGEST_NAME = 1_000  # characters of the name of a column
PATHS = ("path", "train", "test", "corrections")
"""Keys that are relative to the file that they stand in."""


# Validators, which are given whatever stands in the file.
def _source(value: object) -> str:
    names = ["auto", *SOURCES]
    if isinstance(value, str) and value not in names and Path(value).suffix:
        raise problem(f"got {spell(value)}", "a file belongs in data.path, or --path")
    return one_of(value, names)


def _path(value: object) -> Path:
    name = str(value)
    if isinstance(value, str | Path) and name and "\0" not in name:
        with suppress(RuntimeError, UnicodeEncodeError):  # no such user, not in UTF-8
            name.encode()
            return Path(name).expanduser()
    raise problem(f"got {spell(value)}", "should be the name of a file or a folder")


def _encoding(value: object) -> str:
    if isinstance(value, str):
        with suppress(LookupError, ValueError):
            "".encode(value)
            return value
    raise problem(
        f"got {spell(value)}", "should be a Python codec, such as utf-8 or cp1252"
    )


def _columns(value: object) -> str | tuple[str, ...]:
    match value:
        case str() if 0 < len(value) <= LONGEST_NAME:
            return value
        case [name]:
            return _columns(name)
        case [_, *_]:
            return tuple(map(str, map(_columns, value)))
    hint = "should be the name of a column, or a list of names"
    raise problem(f"got {spell(value)}", hint)


def _task(value: object) -> str:
    name = one_of(value, TASKS)
    try:
        fault = metric_fault(TASKS[name])
    except PluginError as error:
        raise problem(str(error)) from error
    if fault:
        raise problem(f"{TASKS.label(name)} cannot be used: {fault}")
    return name


FilePath = Annotated[Path, BeforeValidator(_path)]
TokenizerName = Annotated[str, BeforeValidator(partial(one_of, names=TOKENIZERS))]
Column = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Columns = Annotated[str | tuple[str, ...], BeforeValidator(_columns)]


class Data(ConfigModel):
    """The documents, and how they become arrays; named as in Keras's loader."""

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
    corrections: FilePath | None = None
    """A table of ``rnnbench data suspects --out`` whose column ``label`` was corrected:
    these documents have its labels."""
    text: Columns | None = None
    """The column of a table that holds the texts; by default detected. Of several, such
    as ``[title, body]``, each text has a line."""
    label: Columns | None = None
    """The column of a table that holds the labels; by default detected. In several,
    such as ``[hashtag, link]``, 1 says that a text has the label, and 0 that it has
    not."""
    group: Column | None = None
    """The column of a table that names a group, such as an author. Its texts are all
    for training, or all for testing; in a cross-validation, they are in one fold.
    Intervals and p-values count each group as one."""
    label_separator: Annotated[str, Field(min_length=1, max_length=10)] | None = None
    """Stands between the labels in a column, such as ``;``, if a text may have any
    number of them; ``[]`` if cells are lists such as ``['a', 'b']``; or ``none`` if
    each cell is one label. By default detected, as are lists in JSON and Parquet."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """The character between the columns of a ``.csv`` file; by default detected."""
    encoding: Annotated[str, BeforeValidator(_encoding)] | None = None
    """The encoding of the files, such as ``cp1252``; by default detected."""
    on_bad: Literal["error", "skip"] | None = None
    """Whether rows that cannot be used end the run (the default) or are left out."""
    tokenizer: TokenizerName | None = None
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
        changed = self.model_dump(exclude_defaults=True)
        return [f"data.{key}" for key in keys if key in changed]

    @property
    def options(self) -> dict[str, object]:
        """The keys for the source that have a value, except for where its files are."""
        return self.model_dump(include={*FILES.options}, exclude_none=True)

    @property
    def layout(self) -> Layout:
        """The form of a table, as far as the keys say."""
        return Layout(
            delimiter=self.delimiter,
            encoding=self.encoding,
            text=self.text,
            label=self.label,
            group=self.group,
            label_separator=self.label_separator,
        )
