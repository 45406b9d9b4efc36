"""The arguments of ``run`` and ``choose``, declared once for Python and the command
line.
"""

import inspect
import json
import logging
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, dataclass, field, fields
from functools import partial, wraps
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    get_type_hints,
)

import typer

from rnnbench.config.load import Override
from rnnbench.config.schema import Benchmark
from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.points import split_names, split_setting
from rnnbench.runner.executors import EXECUTORS, Executor
from rnnbench.section import checked
from rnnbench.terminal import options
from rnnbench.tracking import TRACKERS


class Frame(Protocol):
    """A pandas data frame."""

    def to_json(self, *, orient: Any, lines: Literal[True], date_format: Any) -> str:
        """Return its rows, one per line."""


OwnTexts = Frame | tuple[Sequence[str], Sequence[Any]]  # texts with labels
Config = str | Path | Mapping[str, Any] | Benchmark | OwnTexts
"""A config file, its content, or the result of ``load_config``; or texts to make one
for."""
Names = str | Sequence[str] | None
Settings = Mapping[str, Any] | Sequence[Override]  # by key: {"training.batch_size": 25}

KEYS = {  # of the config, changed by options and Python arguments of these names
    "epochs": "training.epochs",
    "seeds": "training.seeds",
    "data": "data.source",
    "path": "data.path",
    "text": "data.text",
    "label": "data.label",
    "track": "tracking",
}
MANY_SEEDS = 50  # a larger number may have been meant as a single seed

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


def option(
    kind: Any, text: str = "", *flags: str, default: Any = None, **facts: Any
) -> Any:
    """Return a field of a request that, unless ``kind`` is ``None``, is also a
    command's option.

    ``kind`` is the type on the command line, with ``flags`` and ``facts`` of
    ``typer.Option``, or the whole option. The ``text`` is for Python and, next to a
    type, for the help.
    """
    if is_own := kind is not None and not hasattr(
        kind, "__metadata__"
    ):  # it is not annotated
        type_ = kind | None if default is None else kind
        kind = Annotated[type_, typer.Option(*flags, help=text, **facts)]
    meaning = text or kind.__metadata__[0].help
    return field(
        default=default, metadata={"kind": kind, "is_own": is_own, "meaning": meaning}
    )


def _running(*arguments: Any, **facts: Any) -> Any:
    return option(*arguments, rich_help_panel="How trials run", **facts)


_flag, _count = (
    partial(option, bool, default=False),
    partial(option, int, metavar="N", min=1),
)


@dataclass(frozen=True)
class Request:
    """The arguments that ``run`` and ``choose`` share."""

    name: ClassVar[str]  # of the command
    prefix: ClassVar[str] = (
        ""  # of the name of the folder of the results, if ``out`` names none
    )
    config: Config = option(
        options.Config,
        "A config file, its content, or the result of `load_config`. Or texts with labels: a "
        "table, a folder, a pandas data frame, or a pair `(texts, labels)`; see "
        "`configs/texts.yaml`.",
        default=MISSING,
    )
    _: KW_ONLY
    epochs: int | None = option(options.Epochs)
    seeds: int | Sequence[int] | None = option(
        options.Seeds, "The number of seeds, or a list."
    )
    models: Names = option(options.Models)
    data: str | OwnTexts | None = option(
        options.Source,
        "The source of the documents. Or texts with labels, a data frame or a pair. They are "
        "stored in the folder of the results, by default one for these texts alone: "
        "results/NAME-DIGITS, with the first digits of their checksum.",
    )
    path: str | Path | None = option(options.DataPath)
    text: str | None = option(options.TextColumn)
    label: str | None = option(options.LabelColumn)
    jobs: int | None = _running(
        int,
        "Trials side by side; by default one per core.",
        metavar="N",
        min=1,
        max=1024,
    )
    executor: str = _running(
        str,
        "Where trials run: local, dask, or an executor that another package brings.",
        default="local",
        metavar="NAME",
        autocompletion=lambda: [*EXECUTORS],
    )
    scheduler: str | Path | None = _running(
        str,
        "The scheduler of Dask; by default that of its configuration.",
        metavar="ADDRESS|FILE",
    )
    out: str | Path | None = option(
        Path, "Where results go; by default results/NAME.", **options.FOLDER
    )
    settings: Settings | None = option(
        options.Settings, "New values of the config, by key."
    )
    fresh: bool = _running(bool, "Train stored trials again.", "--fresh", default=False)
    progress: bool = option(
        None, "Whether progress is shown on standard error.", default=True
    )
    command: str | None = option(
        None, "What to repeat the run by; by default its `config.yaml`."
    )

    def folder_of(self, name: str) -> Path:
        """Return the folder of the results of a config with a name."""
        return (
            Path("results", self.prefix + name)
            if self.out is None
            else options.folder(self.out)
        )

    def make_executor(self) -> Executor:
        """Return the executor of the trials, or raise ``UserError``."""
        jobs, name, address = self.jobs, self.executor, self.scheduler
        if jobs is not None and jobs < 1:
            raise UserError(f"jobs: got {jobs} (should be 1 or more)")
        if name not in EXECUTORS:
            raise UserError(f"no executor '{name}' ({did_you_mean(name, EXECUTORS)})")
        with EXECUTORS.blamed(name):
            kind = EXECUTORS[name]
            return kind(jobs) if address is None else kind.at(str(address), jobs)

    def repeated_by(self, folder: Path) -> str:
        """Return the command that repeats this request from the config in a folder of
        results.
        """
        words = ["rnnbench", self.name, str(folder / "config.yaml")]
        for option in fields(self):
            value, flag = (
                getattr(self, option.name),
                f"--{option.name.replace('_', '-')}",
            )
            is_stored = (
                not option.metadata["is_own"] or option.name in KEYS
            )  # in the config
            if (
                not is_stored
                and option.name not in ("out", "fresh")
                and value != option.default
            ):
                words += [flag] if value is True else [flag, str(value)]
        return shlex.join([*words, "--out", str(folder)])


@dataclass(frozen=True, kw_only=True)
class RunRequest(Request):
    """The arguments of ``run``."""

    name = "run"
    track: Names = _running(
        list[str],
        f"Record the run while it goes on, with {', '.join(TRACKERS)}; repeatable.",
        metavar="A,B",
        autocompletion=options.among(*TRACKERS, is_list=True),
    )
    save_models: bool = _flag(
        "Keep the trained models, for `predict`.", "--save-models"
    )
    compact: bool = _flag(
        "Store only what tables need, for runs kept in git.", "--compact"
    )


@dataclass(frozen=True, kw_only=True)
class ChoiceRequest(Request):
    """The arguments of ``choose``."""

    name = "choose"
    prefix = "choice-"
    folds: int | None = _count(
        "Use N-fold cross-validation; by default 5 folds.", min=2
    )
    last: float | None = option(
        float,
        "Instead of folds, hold out the last SHARE of the documents, such as 0.2.",
        metavar="SHARE",
    )
    sample: int | None = _count(
        "Try N points of each grid, drawn at random, instead of all."
    )
    then_fit: bool = _flag(
        "Train the recommended model, and keep it for `predict`.", "--then-fit"
    )
    on: Literal["train", "all"] = option(
        str,
        "The documents to train it on: train, so that it is tested on the test documents; or all, "
        "so that only this choice says how good it is.",
        default="train",
        metavar="train|all",
        autocompletion=options.among("train", "all"),
    )
    out: str | Path | None = option(
        Path, "Where results go; by default results/choice-NAME.", **options.FOLDER
    )


def meanings(request: Any) -> dict[str, str]:
    """Return the meaning of each argument of a request, by name."""
    return {argument.name: argument.metadata["meaning"] for argument in fields(request)}


def takes(request: Callable[P, T]) -> Callable[[Callable[[T], R]], Callable[P, R]]:
    """Give a function of a request the arguments of that request, with their
    documentation.
    """

    def decorate(function: Callable[[T], R]) -> Callable[P, R]:
        signature = inspect.signature(request)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return function(request(*args, **kwargs))

        args = "\n".join(
            f"    {name}: {text}" for name, text in meanings(request).items()
        )
        doc = inspect.cleandoc(function.__doc__ or "")
        call.__doc__ = doc.replace("Raises:\n", f"Args:\n{args}\n\nRaises:\n")
        result = inspect.signature(function).return_annotation
        call.__signature__ = signature.replace(return_annotation=result)  # type: ignore[attr-defined]
        hints = get_type_hints(request)
        hints = {name: hints[name] for name in signature.parameters}
        with_config = {"config", "settings", *KEYS}  # they are checked as parts of it
        call.__annotations__ = hints | dict.fromkeys(with_config & {*hints}, Any)
        found = checked(call)
        found.__annotations__ = hints | {"return": result}
        return found

    return decorate


def takes_options(
    request: type[Request],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of its ``request``, before its own; ``quiet`` is one
    of these.
    """
    found = [option for option in fields(request) if option.metadata["kind"]]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def call(**values: Any) -> None:
            given = {option.name: values.pop(option.name) for option in found}
            keyed = {name: given.pop(name) for name in KEYS if name in given}
            given |= {
                "models": options.names(given["models"]),
                "settings": changes(given["settings"], **keyed),
                "progress": not values["quiet"],
                "command": options.command(),
            }
            command(request=request(**given), **values)

        kind, arguments = (
            inspect.Parameter.KEYWORD_ONLY,
            inspect.signature(request).parameters,
        )
        parameters = [
            arguments[own.name].replace(kind=kind, annotation=own.metadata["kind"])
            for own in found
        ]
        others = inspect.signature(command, eval_str=True).parameters.values()
        parameters += [
            own.replace(kind=kind) for own in others if own.name != "request"
        ]
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        return call

    return decorate


def changes(
    settings: Settings | Iterable[str | Override] | None = None,
    dashes: str = "--",
    **values: Any,
) -> list[Override]:
    """Return the changes to the config from options or, if ``dashes`` is empty, Python
    arguments.

    ``settings`` is a mapping, or texts as for ``--set``; ``values`` are given for
    ``KEYS``.
    """
    given = [
        Override(f"{dashes}{name}", key, _as_yaml(f"{dashes}{name}", values[name]))
        for name, key in KEYS.items()
        if values.get(name) is not None
    ]
    if isinstance(settings, Mapping):
        pairs = settings.items()
        settings = [
            Override("settings", str(key), _as_yaml("settings", own))
            for key, own in pairs
        ]
    if isinstance(settings, str) or not isinstance(settings, Iterable | None):
        settings = [settings]
    for setting in settings or ():
        if isinstance(setting, Override):
            given.append(setting)
            continue
        flag = f"{'--set' if dashes else 'settings:'} {shortened(str(setting), 60)}"
        key, value = split_setting(setting) if isinstance(setting, str) else ("", "")
        if not key:
            raise UserError(
                f"{flag}: should be key.path=value, such as training.epochs=5"
            )
        given.append(Override(flag, key, value))
    return given


def _as_yaml(flag: str, value: Any) -> str:
    """Return a value as JSON, which is YAML; numbers of NumPy become plain ones."""
    if flag == "--seeds":
        if value.isdecimal() and len(value) < 10 and (n := int(value)) > MANY_SEEDS:
            means, alone = (
                f"means {n} seeds, 0 to {n - 1}",
                f"for seed {n} alone: --seeds {n},",
            )
            log.warning("--seeds %d: %s (%s)", n, means, alone)
        return f"[{','.join(split_names(value))}]" if "," in value else str(value)
    if flag == "--track":
        value = [item for text in value for item in split_names(text)]
    # JSON escapes an emoji as a pair, which YAML would read as two characters; YAML
    # refuses characters that cannot be printed, unless they are escaped.
    text = json.dumps(value, default=plain, ensure_ascii=False)
    return "".join(
        char if char.isprintable() else f"\\U{ord(char):08x}" for char in text
    )


def plain(value: Any) -> Any:
    """Return anything as JSON has it: numbers of NumPy, bytes, lists, or text such as a
    date.
    """
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if hasattr(value, "tolist") and kind not in ("m", "M"):  # these are times
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return list(value) if isinstance(value, Iterable) else str(value)
