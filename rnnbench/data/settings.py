"""The ``data`` section of a config."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from rnnbench.data.source import TOKENIZERS
from rnnbench.data.sources import SOURCES
from rnnbench.errors import did_you_mean
from rnnbench.section import Section, problem, spell


def _source(value: Any) -> Any:
    if value == "auto" or value in list(SOURCES):
        return value
    looks_like_a_path = isinstance(value, str) and Path(value).suffix
    hint = "; a file belongs in data.path, or --path" if looks_like_a_path else ""
    raise problem(f"got {spell(value)}", did_you_mean(str(value), ["auto", *SOURCES]) + hint)


def _path(value: Any) -> Any:
    if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        with suppress(RuntimeError, UnicodeEncodeError):  # no such user, not in UTF-8
            str(value).encode()
            return Path(value).expanduser()
    raise problem(f"got {spell(value)}", "should be the name of a file or a folder")


def _tokenizer(value: Any) -> Any:
    if isinstance(value, str) and value in TOKENIZERS:
        return value
    raise problem(f"got {spell(value)}", did_you_mean(str(value), TOKENIZERS))


Place = Annotated[Path, BeforeValidator(_path)]
Column = Annotated[str, Field(min_length=1, max_length=1_000)]
PATHS = ("path", "train", "test")
"""The keys that hold paths, which are relative to the file that they stand in."""


class Data(Section):
    """Which documents to use, and how they become arrays; named as in Keras's loader."""

    source: Annotated[str, BeforeValidator(_source)] = "auto"
    """A source of the catalogue, or ``auto``: the first of several that is within reach."""
    path: Place | None = None
    """A file or folder to read the source from, instead of downloading it."""
    train: Place | None = None
    """With source ``files``: a file or folder of texts to train on; ``test`` holds the rest."""
    test: Place | None = None
    """A file or folder of texts to test on."""
    text_column: Column | None = None
    """With source ``files``: the column of a table that holds the texts; by default ``text``."""
    label_column: Column | None = None
    """The column of a table that holds the labels; by default ``label``."""
    tokenizer: Annotated[str, BeforeValidator(_tokenizer)] | None = None
    """With source ``files``: splits texts into words; by default ``words``."""
    num_words: Annotated[int, Field(ge=4)] | None = None
    """Ids from this one on are replaced by the id for unknown words, 2."""
    maxlen: Annotated[int, Field(ge=3)] | None = None
    """Documents of this length or longer, the start mark included, are left out."""
    split: Literal["auto", "shuffled", "stratified", "last", "modapte"] = "auto"
    """``modapte`` is the split that comes with R8 and R52; ``auto`` is the split that the documents
    come with, or that ``train`` and ``test`` make, or else ``shuffled``. ``stratified`` is
    shuffled, too, with the same share of every topic; ``last`` keeps the order, which should be
    that of time, and tests on the last documents."""
    test_split: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the documents that are reserved for testing, if they come without a split."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 113
    """Seed of the shuffled and the stratified split."""
    pad_length: Annotated[int, Field(gt=0, le=100_000)] | None = None
    """Length of every sequence; by default that of the longest."""
    padding: Literal["pre", "post"] = "pre"
    """The end of a short document that is filled with zeros."""
    truncating: Literal["pre", "post"] = "pre"
    """The end of a long document that is cut off if ``pad_length`` is shorter."""

    @model_validator(mode="after")
    def _has_files_that_go_together(self) -> "Data":
        if (self.train is None) != (self.test is None) or (self.train and self.path):
            raise problem("needs either path, or train and test")
        if self.train and self.split != "auto":
            raise problem("train and test are a split already", "allowed: split: auto")
        return self

    @property
    def options(self) -> dict[str, Any]:
        """The keys for the source that have a value, except for where its files are."""
        keys = ("test", "text_column", "label_column", "tokenizer")
        return {key: value for key in keys if (value := getattr(self, key)) is not None}
