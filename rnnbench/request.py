"""The arguments of ``run`` and ``choose``, as one record for Python and for commands.

>>> request = RunRequest("smoke", overrides=changes(seeds=3), jobs=2)
>>> request.folder_of("smoke")
PosixPath('results/smoke')
"""

import json
import logging
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import KW_ONLY, fields
from pathlib import Path
from typing import ClassVar, Literal, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
from pydantic import (
    ConfigDict,
    SkipValidation,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.dataclasses import dataclass

from rnnbench.config import shipped
from rnnbench.config.load import ConfigSource, Override
from rnnbench.config.schema import Benchmark
from rnnbench.data.sources.tables.classes import class_names, with_names
from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.points import split_names, split_setting
from rnnbench.runner.executors import EXECUTORS, Executor
from rnnbench.section import argument_error
from rnnbench.storage import named_folder, sha256_text
from rnnbench.text import encodable, listed


@runtime_checkable
class Frame(Protocol):
    """A pandas data frame."""

    @property
    def columns(self) -> object:
        """The names of its columns."""

    def to_json(
        self, *, orient: object, lines: Literal[True], date_format: object
    ) -> str:
        """Return its rows, one per line."""


@runtime_checkable
class Features(Protocol):
    """The types of the columns of a data set of Hugging Face."""

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON has it, with the names of classes."""


@runtime_checkable
class HuggingFaceDataset(Protocol):
    """A ``datasets.Dataset``."""

    features: Features

    def with_format(self, form: None) -> Iterable[dict[str, object]]:
        """Return its rows as plain values."""


OwnTexts = (
    Frame
    | HuggingFaceDataset
    | Mapping[str, Frame | HuggingFaceDataset]
    | tuple[Sequence[str], Sequence[object]]
)  # texts with labels
Config = ConfigSource | OwnTexts
"""A config file, its content, or the result of ``load_config``; or texts with labels
to make a config for."""
Names = str | Sequence[str] | None
Settings = Mapping[str, object]
"""New values by the keys of a config: ``{"training.batch_size": 25}``."""

OTHER_PARTS = ("validation", "test")
"""Parts of a data set of Hugging Face, beside ``train``."""

KEYS = {  # of the config, changed by options and Python arguments of these names
    "epochs": "training.epochs",
    "seeds": "training.seeds",
    "data": "data.source",
    "path": "data.path",
    "text": "data.text",
    "label": "data.label",
    "group": "data.group",
    "track": "tracking",
}
DIGITS_OF_TEXTS = 8
"""Of the checksum of texts, in the name of the folder of their results."""
MANY_SEEDS = 50  # a larger number may have been meant as a single seed
PYTHON_TYPES = ConfigDict(arbitrary_types_allowed=True)

log = logging.getLogger(__name__)


@dataclass(frozen=True, config=PYTHON_TYPES)
class Request:
    """The arguments of ``run`` and ``choose``, from Python or from a command.

    The changes to the config are checked later, as parts of the config.

    Raises:
        UserError: an argument has a wrong type.
    """

    name: ClassVar[str]  # of the command
    prefix: ClassVar[str] = ""  # of the default folder of the results
    repeated: ClassVar[tuple[str, ...]] = ("jobs", "executor", "scheduler")
    """Options that a command needs to repeat this request from its stored config."""

    config: SkipValidation[ConfigSource]
    _: KW_ONLY
    overrides: SkipValidation[Sequence[Override]] = ()
    """New values in the config, of arguments and settings."""
    texts: Mapping[str, str] | None = None
    """Texts with labels from a program, as JSON lines by part, in place of the data."""
    models: Names = None
    jobs: int | None = None
    executor: str = "local"
    scheduler: str | Path | None = None
    out: str | Path | None = None
    fresh: bool = False
    progress: bool = True
    command: str | None = None

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, arguments: object, handler: Callable[[object], Self]) -> Self:
        try:
            return handler(arguments)
        except ValidationError as error:
            raise argument_error(error) from None

    @classmethod
    def of(cls, arguments: Mapping[str, object], dashes: str = "") -> Self:
        """Return the request of the arguments of a function or a command, by name.

        Those in ``KEYS``, and ``settings``, change the config. ``dashes`` stand before
        an argument in messages.
        """
        config, data, texts = split_texts(arguments["config"], arguments["data"])
        changed = {name: arguments.get(name) for name in KEYS}
        changed["data"] = data
        values: dict[str, object] = {"config": config, "texts": texts}
        for field in fields(cls):
            if field.name in arguments:
                values.setdefault(field.name, arguments[field.name])
        values["overrides"] = changes(arguments["settings"], dashes, **changed)
        return TypeAdapter(cls).validate_python(values)

    def folder_of(self, name: str) -> Path:
        """Return the folder of the results of a config with a name."""
        if self.out is None:
            name = self.prefix + name
            if self.texts is not None:
                content = "".join(self.texts.values())
                for change in self.overrides:
                    if change.key in ("data.text", "data.label"):  # other texts
                        content += change.value
                name += f"-{sha256_text(content)[:DIGITS_OF_TEXTS]}"
            return Path("results", name)
        folder = named_folder(self.out)
        spelled = encodable(str(folder))
        if spelled != str(folder):
            raise UserError(f"{spelled}: the name of the folder is not in UTF-8")
        return folder

    def make_executor(self) -> Executor:
        """Return the executor of the trials, or raise ``UserError``."""
        if self.jobs is not None and self.jobs < 1:
            raise UserError(f"jobs: got {self.jobs} (should be 1 or more)")
        if self.executor not in EXECUTORS:
            hint = did_you_mean(self.executor, EXECUTORS)
            raise UserError(f"no executor '{self.executor}' ({hint})")
        with EXECUTORS.blamed(self.executor):
            kind = EXECUTORS[self.executor]
            if self.scheduler is None:
                return kind(self.jobs)
            return kind.at(str(self.scheduler), self.jobs)

    def repeated_by(self, folder: Path) -> str:
        """Return the command that repeats this request from the config in a folder."""
        words = ["rnnbench", self.name, str(folder / "config.yaml")]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in self.repeated and value != field.default:
                words.append(f"--{field.name.replace('_', '-')}")
                if value is not True:
                    words.append(str(value))
        return shlex.join([*words, "--out", str(folder)])


R = TypeVar("R", bound=Request)


@dataclass(frozen=True, kw_only=True, config=PYTHON_TYPES)
class RunRequest(Request):
    """The arguments of ``rnnbench.run``, which says what they mean."""

    name = "run"
    repeated = (*Request.repeated, "save_models", "compact")

    save_models: bool = False
    compact: bool = False


@dataclass(frozen=True, kw_only=True, config=PYTHON_TYPES)
class ChoiceRequest(Request):
    """The arguments of ``rnnbench.choose``, which says what they mean."""

    name = "choose"
    prefix = "choice-"
    repeated = (
        *Request.repeated,
        *("folds", "last", "sample", "then_fit", "on", "shares", "labels", "draws"),
        "on_test",
    )

    folds: int | None = None
    last: float | None = None
    sample: int | None = None
    then_fit: bool = False
    on: Literal["train", "all"] = "train"
    shares: str | None = None
    labels: str | None = None
    draws: int | None = None
    on_test: bool = False


@dataclass(frozen=True, kw_only=True, config=PYTHON_TYPES)
class SuspectsRequest(Request):
    """The arguments of ``rnnbench data suspects``."""

    name = "data suspects"
    prefix = "suspects-"
    repeated = (*Request.repeated, "folds")

    folds: int = 5


def request_of(kind: type[R], asked: Mapping[str, object], command: str) -> R:
    """Return the request that the options of a command line ask for, by name."""
    values = {**asked, "progress": not asked["quiet"], "command": command}
    match asked["models"]:
        case str(names):
            values["models"] = split_names(names)
    return kind.of(values, dashes="--")


def changes(
    settings: object = None, dashes: str = "--", **values: object
) -> list[Override]:
    """Return the changes to the config that options or Python arguments ask for.

    Args:
        settings: a mapping, or texts as for ``--set``.
        dashes: what stands before an argument in messages; nothing in Python.
        values: the values of arguments in ``KEYS``.

    Raises:
        UserError: a setting is not ``key.path=value``.
    """
    overrides = []
    for name, key in KEYS.items():
        value = values.get(name)
        if value is not None:
            flag = f"{dashes}{name}"
            overrides.append(Override(flag, key, _as_yaml(flag, value)))
    flag = "--set" if dashes else "settings:"
    match settings:
        case None:
            pass
        case Mapping():
            for key, value in settings.items():
                overrides.append(Override("settings", str(key), as_json(value)))
        case list() | tuple():
            overrides += [_parse_setting(str(text), flag) for text in settings]
        case _:
            overrides.append(_parse_setting(str(settings), flag))
    return overrides


def split_texts(
    config: object, data: object
) -> tuple[ConfigSource, str | None, dict[str, str] | None]:
    """Tell texts that a program gives from a config and the source of its documents.

    Returns the config, the source, and the texts of each part as JSON, one a line.
    """
    if _has_parts(config) or not isinstance(config, str | Path | Mapping | Benchmark):
        return shipped.get(shipped.TEXTS), None, _by_part(config)
    if data is None or isinstance(data, str):
        return config, data, None
    return config, None, _by_part(data)


def _has_parts(texts: object) -> bool:
    """Return whether texts are a ``datasets.DatasetDict``, or a dict of frames."""
    match texts:
        case Mapping():
            match list(texts.values()):
                case [Frame() | HuggingFaceDataset(), *_]:
                    return True
    return False


def _by_part(texts: object) -> dict[str, str]:
    """Return the texts of each part as JSON lines, or raise ``UserError``."""
    if not _has_parts(texts):
        return {"train": _as_json_lines(texts)}
    match texts:
        case {"train": train, **others}:
            parts = {"train": _as_json_lines(train)}
            for part in OTHER_PARTS:
                if part in others:
                    parts[part] = _as_json_lines(others.pop(part))
            if others:
                log.warning("data: parts that are left out: %s", listed([*others]))
            return parts
    raise UserError("data: has no part 'train' (rename a part, or give one of them)")


def _as_json_lines(texts: object) -> str:
    """Return texts with labels as JSON, one a line, or raise ``UserError``."""
    try:
        match texts:
            case tuple() | list():
                return "".join(_rows_of(texts))
            case HuggingFaceDataset():
                return "".join(_rows_of_dataset(texts))
            case Frame():
                return texts.to_json(orient="records", lines=True, date_format="iso")
        raise TypeError(f"got {type(texts).__name__}")
    except (
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        wanted = "should be a data frame, or two lists of equal length: texts, labels"
        raise UserError(f"data: {wanted} ({error})") from None


def _rows_of_dataset(dataset: HuggingFaceDataset) -> Iterator[str]:
    classes = class_names(dataset.features.to_dict())
    for row in dataset.with_format(None):
        values = dict(row)
        for name, names in classes.items():
            values[name] = with_names([row[name]], names)[0]
        yield json.dumps(values, default=plain) + "\n"


def _rows_of(parts: Sequence[Iterable[object]]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str | bytes | Mapping | Set):
            raise TypeError("got something else")
    texts, labels = parts
    if getattr(labels, "ndim", 1) > 1:  # 1 says that a text has the label of a column
        labels = map(np.flatnonzero, np.asarray(labels))
    for text, label in zip(texts, labels, strict=True):
        yield json.dumps({"text": text, "label": label}, default=plain) + "\n"


def _parse_setting(setting: str, flag: str) -> Override:
    """Return the change that ``key.path=value`` asks for, or raise ``UserError``."""
    key, value = split_setting(setting)
    flag = f"{flag} {shortened(setting, 60)}"
    if not key:
        hint = "should be key.path=value, such as training.epochs=5"
        raise UserError(f"{flag}: {hint}")
    return Override(flag, key, value)


def _as_yaml(flag: str, value: object) -> str:
    """Return the value of an option or of a Python argument as YAML."""
    if flag == "--seeds":
        return _spell_seeds(str(value))
    if flag == "--track" and isinstance(value, list):
        value = [name for text in value for name in split_names(text)]
    return as_json(value)


def _spell_seeds(text: str) -> str:
    """Return the value of ``--seeds`` as YAML; warn if a seed may have been meant."""
    if "," in text:
        return f"[{','.join(split_names(text))}]"
    if text.isdecimal() and len(text) < 10 and int(text) > MANY_SEEDS:
        n = int(text)
        message = "--seeds %d: means %d seeds, 0 to %d (for seed %d alone: --seeds %d,)"
        log.warning(message, n, n, n - 1, n, n)
    return text


def as_json(value: object) -> str:
    """Return a value as JSON, which is YAML; numbers of NumPy become plain ones."""
    text = json.dumps(value, default=plain, ensure_ascii=False)
    # JSON escapes an emoji as a pair, which YAML would read as two characters; YAML
    # refuses characters that cannot be printed, unless they are escaped.
    return "".join(
        char if char.isprintable() else f"\\U{ord(char):08x}" for char in text
    )


def plain(value: object) -> object:
    """Return anything as JSON has it: lists, numbers, or text, such as for a date."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    is_time = kind in ("m", "M")
    if hasattr(value, "tolist") and not is_time:
        return value.tolist()
    match value:
        case bytes():
            return value.decode(errors="backslashreplace")
        case Set():
            return sorted(value, key=str)  # the order of a set is random
        case Iterable():
            return list(value)
    return str(value)
