"""The ``data`` section of a config."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from rnnbench.section import Section, problem, spell

SourceName = Literal["auto", "keras", "sgml", "r52", "r8"]


def _path(value: Any) -> Any:
    if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
        with suppress(RuntimeError, UnicodeEncodeError):  # no such user, no such character
            os.fsencode(value)
            return Path(value).expanduser()
    raise problem(f"got {spell(value)}", "should be the name of a file or a folder")


class Data(Section):
    """Which newswires, and how they become arrays; the names are those of Keras's loader."""

    source: SourceName = "auto"
    path: Annotated[Path, BeforeValidator(_path)] | None = None
    """A file or folder to read the source from, instead of downloading it."""
    num_words: Annotated[int, Field(ge=4)] | None = None
    """Ids from this one on become the id for unknown words, 2."""
    maxlen: Annotated[int, Field(ge=3)] | None = None
    """Wires that are this long or longer, the start mark counted, are left out."""
    split: Literal["auto", "shuffled", "modapte"] = "auto"
    """``auto`` is the source's standard split: ``modapte`` for R8 and R52, else ``shuffled``."""
    test_split: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the wires that the shuffled split keeps for testing."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 113
    """Seed of the shuffled split."""
    pad_length: Annotated[int, Field(gt=0, le=100_000)] | None = None
    """Length of every sequence; by default that of the longest."""
    padding: Literal["pre", "post"] = "pre"
    """Which end of a short wire is filled with zeros."""
    truncating: Literal["pre", "post"] = "pre"
    """Which end of a long wire is cut off, where ``pad_length`` is shorter."""
