"""The arguments of ``run`` and ``choose``, declared once for Python and the command line.

Those that change the config, as options of other commands do, become its ``Override``.
"""

import inspect
import json
import logging
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, MISSING, Field, dataclass, field, fields
from functools import wraps
from operator import itemgetter
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    get_origin,
    get_type_hints,
)

import typer

from rnnbench.errors import UserError, shortened
from rnnbench.points import split_names, split_setting
from rnnbench.section import checked
from rnnbench.terminal import completion, options
from rnnbench.tracking import TRACKERS

if TYPE_CHECKING:
    from rnnbench.config.load import Override
    from rnnbench.config.schema import Benchmark


class Frame(Protocol):
    """A pandas data frame."""

    def to_json(self, *, orient: Any, lines: Literal[True], date_format: Any) -> str:
        """Return its rows, one per line."""


OwnTexts: TypeAlias = Frame | tuple[Sequence[str], Sequence[Any]]
"""Texts with labels: a data frame, or a pair of lists."""
Config: TypeAlias = "str | Path | Mapping[str, Any] | Benchmark | OwnTexts"
"""A config file, its content, or the result of ``load_config``; or texts to make one for."""
Settings = Mapping[str, Any] | Sequence["Override"]
"""New values of a config, by key: ``{"training.batch_size": 25}``."""

KEYS = {
    "epochs": "training.epochs",
    "seeds": "training.seeds",
    "data": "data.source",
    "path": "data.path",
    "text": "data.text",
    "label": "data.label",
    "track": "tracking",
}
"""The config keys that options and Python arguments change."""
MANY_SEEDS = 50
"""A larger number may have been meant as a single seed."""

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


def option(kind: Any, text: str = "", *, default: Any = None, place: int = 0, **facts: Any) -> Any:
    """Return a field of a request that is also an option of its command.

    ``kind`` is the type on the command line, or the whole option. The ``text`` is for the help and
    for Python; next to a whole option, it is for Python alone, and there are no ``facts`` for
    ``typer.Option``. In the help, options with a lower ``place`` come first; see
    ``takes_options``.
    """
    is_whole = get_origin(kind) is Annotated
    facts = {} if is_whole else facts | {"help": text}
    meaning = text or kind.__metadata__[0].help
    of_option = {"kind": kind, "place": place, "facts": facts, "meaning": meaning}
    return field(default=default, metadata=of_option)


@dataclass(frozen=True)
class Request:
    """The arguments that ``run`` and ``choose`` share."""

    name: ClassVar[str]
    """The name of the command."""
    prefix: ClassVar[str] = ""
    """Of the name of the folder of the results, if ``out`` names none."""
    config: Config = option(
        options.Config,
        "A config file, its content, or the result of `load_config`. Or texts with labels: a "
        "table, a pandas data frame, or a pair `(texts, labels)`; see `configs/texts.yaml`.",
        default=MISSING,
        place=-3,
    )
    _: KW_ONLY
    epochs: int | None = option(options.Epochs)
    seeds: int | Sequence[int] | None = option(
        options.Seeds, "The number of seeds, or a list of seeds."
    )
    models: str | Sequence[str] | None = option(options.Models)
    data: str | OwnTexts | None = option(
        options.Source,
        "The source of the documents. Or texts with labels, a data frame or a pair, which are "
        "stored in the folder of the results.",
    )
    path: str | Path | None = option(options.DataPath)
    text: str | None = option(options.TextColumn)
    label: str | None = option(options.LabelColumn)
    jobs: int | None = option(
        int,
        "Trials side by side; by default one per core.",
        metavar="N",
        min=1,
        max=1024,
        **options.RUNNING,
    )
    executor: str = option(
        str,
        "Where trials run: local, dask, or an executor that another package brings.",
        default="local",
        metavar="NAME",
        autocompletion=completion.executors,
        **options.RUNNING,
    )
    scheduler: str | Path | None = option(
        str,
        "The scheduler of Dask; by default the one in its configuration.",
        metavar="ADDRESS|FILE",
        **options.RUNNING,
    )
    out: str | Path | None = option(
        Path, "Where results go; by default results/NAME.", **options.FOLDER
    )
    settings: Settings | None = option(
        options.Settings, "Values to replace those of the config, by key."
    )
    fresh: bool = option(
        bool, "Train stored trials again.", default=False, place=1, **options.RUNNING
    )
    progress: bool = field(
        default=True, metadata={"meaning": "Whether progress is shown on standard error."}
    )
    command: str | None = field(
        default=None,
        metadata={"meaning": "What to repeat the run by; by default its `config.yaml`."},
    )

    def folder_of(self, name: str) -> Path:
        """Return the folder of the results of a config with a name."""
        return Path(self.out or Path("results", f"{self.prefix}{name}"))

    def repeated_by(self, folder: Path) -> str:
        """Return the command that repeats this request from the config in a folder of results."""
        words = ["rnnbench", self.name, str(folder / "config.yaml")]
        for option in fields(self):
            is_stored = not option.metadata.get("facts") or option.name in KEYS  # in the config
            value = getattr(self, option.name)
            if not is_stored and option.name not in ("out", "fresh") and value != option.default:
                words += [_flag(option)] if option.default is False else [_flag(option), str(value)]
        return shlex.join([*words, "--out", str(folder)])


def _flag(option: Field[Any]) -> str:
    return f"--{option.name.replace('_', '-')}"


@dataclass(frozen=True)
class RunRequest(Request):
    """The arguments of ``run``."""

    name = "run"
    _: KW_ONLY
    track: str | Sequence[str] | None = option(
        list[str],
        f"Record the run while it goes on, with {', '.join(TRACKERS)}; repeatable.",
        metavar="A,B",
        autocompletion=completion.among(*TRACKERS, is_list=True),
        **options.RUNNING,
    )
    save_models: bool = option(bool, "Keep the trained models, for `predict`.", default=False)
    compact: bool = option(
        bool, "Store only what tables need, for runs kept in git.", default=False
    )


@dataclass(frozen=True)
class ChoiceRequest(Request):
    """The arguments of ``choose``."""

    name = "choose"
    prefix = "choice-"
    _: KW_ONLY
    folds: int | None = option(
        int, "Use N-fold cross-validation; by default 5 folds.", place=-2, min=2, metavar="N"
    )
    last: float | None = option(
        float,
        "Instead of folds, hold out the last SHARE of the documents, such as 0.2.",
        place=-2,
        metavar="SHARE",
    )
    sample: int | None = option(
        int,
        "Try N points of each grid, drawn at random, instead of all.",
        place=-2,
        min=1,
        metavar="N",
    )
    then_fit: bool = option(
        bool, "Train the recommended model, and keep it for `predict`.", default=False, place=-2
    )
    on: Literal["train", "all"] = option(
        str,
        "The documents to train it on: train, so that it is tested on the test documents; or all, "
        "so that only this choice says how good it is.",
        default="train",
        place=-2,
        metavar="train|all",
        autocompletion=completion.among("train", "all"),
    )
    out: str | Path | None = option(
        Path, "Where results go; by default results/choice-NAME.", **options.FOLDER
    )


def meanings(request: Any) -> dict[str, str]:
    """Return the meaning of each argument of a request, by name."""
    return {argument.name: argument.metadata["meaning"] for argument in fields(request)}


def takes(request: Callable[P, T]) -> Callable[[Callable[[T], R]], Callable[P, R]]:
    """Give a function of a request the arguments of that request, with their documentation."""

    def decorate(function: Callable[[T], R]) -> Callable[P, R]:
        from rnnbench.config.load import Override
        from rnnbench.config.schema import Benchmark

        signature = inspect.signature(request)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return function(request(*args, **kwargs))

        args = "\n".join(f"    {name}: {text}" for name, text in meanings(request).items())
        doc = inspect.cleandoc(function.__doc__ or "")
        call.__doc__ = doc.replace("Raises:\n", f"Args:\n{args}\n\nRaises:\n")
        result = inspect.signature(function).return_annotation
        call.__signature__ = signature.replace(return_annotation=result)  # type: ignore[attr-defined]
        hints = get_type_hints(request, localns={"Benchmark": Benchmark, "Override": Override})
        hints = {name: hints[name] for name in signature.parameters}
        with_config = {"config", "settings", *KEYS}  # they are checked as parts of it
        call.__annotations__ = hints | dict.fromkeys(with_config & {*hints}, Any)
        found = checked(call)
        found.__annotations__ = hints | {"return": result}
        return found

    return decorate


def takes_options(request: type[Request]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command of a ``request`` the options of that request, beside its own.

    In the help, those before its parameter ``request`` have the place -1, those after it 2. One of
    them is ``quiet``.
    """
    found = [option for option in fields(request) if "kind" in option.metadata]

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

        placed, place = [], -1
        for parameter in inspect.signature(command, eval_str=True).parameters.values():
            if parameter.name == "request":
                place = 2
            else:
                placed.append((place, parameter.replace(kind=parameter.KEYWORD_ONLY)))
        placed += [(option.metadata["place"], _parameter(option)) for option in found]
        in_order = [parameter for _, parameter in sorted(placed, key=itemgetter(0))]
        call.__signature__ = inspect.Signature(in_order)  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in in_order}
        return call

    return decorate


def _parameter(option: Field[Any]) -> inspect.Parameter:
    kind, facts = option.metadata["kind"], option.metadata["facts"]
    if facts:
        flags = [_flag(option)] if kind is bool else []  # or else there is a --no-... too
        is_optional = option.default is None
        kind = Annotated[kind | None if is_optional else kind, typer.Option(*flags, **facts)]
    default = inspect.Parameter.empty if option.default is MISSING else option.default
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
    )


def changes(
    settings: "Mapping[str, Any] | Iterable[str | Override] | None" = None,
    dashes: str = "--",
    **values: Any,
) -> "list[Override]":
    """Return the changes to the config from options or, if ``dashes`` is empty, Python arguments.

    They come from ``settings``, a mapping or texts as for ``--set``, and from the ``values`` given
    for ``KEYS``.
    """
    from rnnbench.config.load import Override

    given = [
        Override(f"{dashes}{name}", key, _as_yaml(f"{dashes}{name}", values[name]))
        for name, key in KEYS.items()
        if values.get(name) is not None
    ]
    if isinstance(settings, Mapping):
        settings = [
            Override("settings", str(key), _as_yaml("settings", value))
            for key, value in settings.items()
        ]
    if isinstance(settings, str) or not isinstance(settings, Iterable | None):
        settings = [settings]
    for setting in settings or ():
        if isinstance(setting, Override):
            given.append(setting)
            continue
        if not isinstance(setting, str):
            raise UserError(f"settings: got {setting!r} (should be key.path=value)")
        flag = f"{'--set' if dashes else 'settings:'} {shortened(setting, 60)}"
        key, value = split_setting(setting)
        if not key:
            raise UserError(f"{flag}: should be key.path=value, such as training.epochs=5")
        given.append(Override(flag, key, value))
    return given


def _as_yaml(flag: str, value: Any) -> str:
    """Return a value as JSON, which is YAML; numbers of NumPy become plain ones."""
    if flag == "--seeds":
        if value.isdecimal() and len(value) < 10 and (n := int(value)) > MANY_SEEDS:
            means, alone = f"means {n} seeds, 0 to {n - 1}", f"for seed {n} alone: --seeds {n},"
            log.warning("--seeds %d: %s (%s)", n, means, alone)
        return f"[{value}]" if "," in value else str(value)
    if flag == "--track":
        value = [item for text in value for item in split_names(text)]

    def plain(value: Any) -> Any:
        if hasattr(value, "tolist"):
            return value.tolist()
        is_list = isinstance(value, Iterable) and not isinstance(value, bytes)
        return list(value) if is_list else str(value)

    # JSON escapes an emoji as a pair, which YAML would read as two characters; YAML refuses
    # characters that cannot be printed, unless they are escaped.
    text = json.dumps(value, default=plain, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)
