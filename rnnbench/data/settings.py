"""The ``data`` section of a config."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from rnnbench.data.sources.catalog import SOURCES
from rnnbench.errors import did_you_mean
from rnnbench.section import Section, problem, spell


def _source(value: Any) -> Any:
    if value == "auto" or value in list(SOURCES):
        return value
    raise problem(f"got {spell(value)}", did_you_mean(str(value), ["auto", *SOURCES]))


def _path(value: Any) -> Any:
    if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        with suppress(RuntimeError, UnicodeEncodeError):  # no such user, not in UTF-8
            str(value).encode()
            return Path(value).expanduser()
    raise problem(f"got {spell(value)}", "should be the name of a file or a folder")


class Data(Section):
    """Which documents to use, and how they become arrays; named as in Keras's loader."""

    source: Annotated[str, BeforeValidator(_source)] = "auto"
    """A source of the catalogue, or ``auto``: the first of several that is within reach."""
    path: Annotated[Path, BeforeValidator(_path)] | None = None
    """A file or folder to read the source from, instead of downloading it."""
    num_words: Annotated[int, Field(ge=4)] | None = None
    """Ids from this one on are replaced by the id for unknown words, 2."""
    maxlen: Annotated[int, Field(ge=3)] | None = None
    """Documents of this length or longer, the start mark included, are left out."""
    split: Literal["auto", "shuffled", "modapte"] = "auto"
    """``modapte`` is the split that comes with the source, as with R8 and R52; ``auto`` is that
    split if the source has one, or else ``shuffled``."""
    test_split: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the documents that the shuffled split reserves for testing."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 113
    """Seed of the shuffled split."""
    pad_length: Annotated[int, Field(gt=0, le=100_000)] | None = None
    """Length of every sequence; by default that of the longest."""
    padding: Literal["pre", "post"] = "pre"
    """The end of a short document that is filled with zeros."""
    truncating: Literal["pre", "post"] = "pre"
    """The end of a long document that is cut off if ``pad_length`` is shorter."""
