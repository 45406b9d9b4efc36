"""The base classes of the sections of a config and of stored records.

A validator of a section raises ``problem(...)``, or several errors at once as
``problems(...)``.
"""

import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import wraps
from typing import Annotated, ClassVar, Literal, ParamSpec, Self, TypeVar, cast

import pydantic
from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator
from pydantic_core import (
    ErrorDetails,
    InitErrorDetails,
    PydanticCustomError,
    ValidationError,
)

from rnnbench.errors import UserError, did_you_mean, nearest, shortened
from rnnbench.registry import PluginError
from rnnbench.text import encodable, summary_of

Loc = tuple[str | int, ...]  # keys and positions that lead to a value
Share = Annotated[float, Field(ge=0, le=1)]  # a share of something, such as an accuracy
Text = Annotated[str, Field(min_length=1)]
Pretrained = Literal["nothing", "word vectors", "language model"]  # on other texts
_FACTS = object()  # the context in which a section is dumped for a fingerprint
_V = TypeVar("_V", bound="Variant")
_S = TypeVar("_S")
_P = ParamSpec("_P")
_R = TypeVar("_R")


def computed(method: Callable[[_S], _R]) -> _R:
    """Make a property of a method, where the base class has a class variable."""
    return cast(_R, property(method))


class StoredRecord(BaseModel):
    """A stored record; unknown keys are refused, so that none is silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    older_versions: ClassVar[tuple[int, ...]] = ()
    """Schema versions that can be read, too."""


def formerly(name: str) -> object:
    """Return what a field needs that had another name in older files."""
    return Field(validation_alias=name)


SCORES = ("accuracy", "micro_f1")  # the names that a published score may go by, too


class Publication(BaseModel):
    """A published score, and how it was measured; what is ``None`` is not known."""

    score: Annotated[
        Share, Field(validation_alias=pydantic.AliasChoices("score", *SCORES))
    ]
    """The main metric, which may go by its name; the mean, if several trainings were
    published."""
    std: Share | None = None
    """Standard deviation of the score over trainings."""
    runs: pydantic.PositiveInt | None = None
    """The number of trainings."""
    transductive: bool | None = None
    """Whether training used the texts of the test documents, without their topics."""
    pretrained: Pretrained | None = None
    """The part of the model that was learned from other texts."""
    decision: Text | None = None
    """How scores became topics, if a document may have any number of them. With
    ``0.5``, each topic with at least that probability was given, or none."""
    caveat: Text | None = None
    """A reason to be careful when comparing with this score."""


class ConfigModel(BaseModel):
    """One mapping of a config; each key is a field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    loader_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that the loader consumes, such as ``extends``."""
    later_keys: ClassVar[frozenset[str]] = frozenset()
    """Keys that came after fingerprints of this section were stored. A fingerprint
    leaves them out at their defaults, so that stored results stay valid."""
    unset_keys: ClassVar[tuple[str, ...]] = ()
    """Keys that are left out while they have their defaults."""

    @model_validator(mode="wrap")
    @classmethod
    def _rewrite_errors(cls, data: object, handler: Callable[[object], Self]) -> Self:
        if data is None:
            data = {}
        try:
            return handler(data)
        except ValidationError as error:
            keys = (*cls.model_fields, *cls.loader_keys)
            raise problems(located(error, allowed_keys=keys)) from None

    def facts(self, *without: str) -> dict[str, object]:
        """Return what a fingerprint is made of, as JSON, without some of the keys."""
        return self.model_dump(mode="json", exclude=set(without), context=_FACTS)

    @model_serializer(mode="wrap")
    def _as_in_yaml(
        self,
        handler: Callable[[Self], dict[str, object]],
        info: pydantic.SerializationInfo,
    ) -> dict[str, object]:
        left_out = {*self.unset_keys}
        if info.context is _FACTS:
            left_out |= self.later_keys
        fields = type(self).model_fields
        values = {}
        for key, value in handler(self).items():
            if key not in left_out or value != fields[key].default:
                values[key] = value
        return self._below_its_kind(values)

    def _below_its_kind(self, values: dict[str, object]) -> dict[str, object]:
        return values


class Variant(ConfigModel):
    """One of several kinds of something, written as ``{kind: parameters}``."""

    kind: ClassVar[str]

    @classmethod
    def summary(cls) -> str:
        """Return the first line of its docstring, a description in one line."""
        return summary_of(cls.__doc__)

    def _below_its_kind(self, values: dict[str, object]) -> dict[str, object]:
        return {self.kind: values}


def parse_variant(
    value: object, kinds: Mapping[str, type[_V]], word: str, example: str
) -> _V:
    """Return the variant that ``{kind: parameters}`` describes.

    Messages show the ``example``.
    """
    parameters: object = value
    match value:
        case Variant(kind=kind):
            pass
        case dict() if len(value) == 1:
            ((kind, parameters),) = value.items()
        case _:
            raise problem(f"got {spell(value)}", f"a {word} is written as `{example}`")
    if kind not in kinds:
        raise problem(f"unknown {word} '{kind}'", did_you_mean(str(kind), kinds))
    try:
        return kinds[kind].model_validate(parameters)
    except PluginError as error:
        raise problem(str(error)) from error
    except ValidationError as error:
        raise problems(located(error, (kind,))) from None


def with_parameters(value: object) -> object:
    """Return ``{kind: None}`` for a name alone, and other values as they are."""
    if isinstance(value, str):
        return {value: None}
    return value


def problem(fault: str, hint: str = "") -> PydanticCustomError:
    """Return the error ``fault (hint)``, for a validator to raise."""
    text = f"{fault} ({hint})" if hint else fault
    # In a text that UTF-8 does not have, pydantic would fail.
    return PydanticCustomError("problem", "{text}", {"text": encodable(text)})


def one_of(value: object, names: Iterable[str]) -> str:
    """Return a value that is one of some names, or raise a problem, as a validator."""
    if isinstance(value, str) and value in names:
        return value
    raise problem(f"got {spell(value)}", did_you_mean(str(value), names))


def problems(details: Iterable[InitErrorDetails]) -> ValidationError:
    """Return one error that holds several, for a validator to raise."""
    return ValidationError.from_exception_data("config", list(details))


def at(loc: Loc, error: PydanticCustomError) -> InitErrorDetails:
    """Return ``error``, located at ``loc``, for ``problems``."""
    return InitErrorDetails(type=error, loc=loc, input=None)


def located(
    error: ValidationError, below: Loc = (), allowed_keys: Iterable[str] = ()
) -> Iterator[InitErrorDetails]:
    """Yield errors as sentences, for ``problems``.

    A key that is misspelled is not missing, too.
    """
    items = error.errors()
    keys = list(allowed_keys)
    unknown = [item["loc"] for item in items if item["type"] == "extra_forbidden"]
    misspelled = {(*loc[:-1], nearest(str(loc[-1]), keys)) for loc in unknown}
    for item in items:
        if item["type"] != "missing" or item["loc"] not in misspelled:
            loc = tuple(part for part in item["loc"] if part != "[key]")
            yield at((*below, *loc), problem(_sentence(item, keys)))


def spell(value: object) -> str:
    """Return ``value`` for a message: as in YAML, and not longer than 60 characters."""
    text = "nothing" if value is None else repr(value)
    if isinstance(value, bool | dict | list):
        # It may have keys that JSON cannot have, or itself.
        with suppress(TypeError, ValueError):
            text = json.dumps(value, ensure_ascii=False, default=repr)
    return shortened(text, 60)


def spell_parameters(parameters: Mapping[str, object]) -> str:
    """Return parameters in one line, as in YAML."""
    return ", ".join(f"{key}: {in_yaml(value)}" for key, value in parameters.items())


def in_yaml(value: object) -> str:
    """Return a value in one line, as in YAML."""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def call(name: str, parameters: Mapping[str, object]) -> str:
    """Return a name with its parameters, if there are any: ``lstm (units: 50)``."""
    if not parameters:
        return name
    return f"{name} ({spell_parameters(parameters)})"


def _sentence(item: ErrorDetails, allowed_keys: Iterable[str]) -> str:  # noqa: PLR0911 - one a type
    got = f"got {spell(item['input'])}"
    context = item.get("ctx", {})
    match item["type"]:
        case "problem":
            return item["msg"]
        case "missing":
            return "missing key"
        case "extra_forbidden":
            return f"unknown key ({did_you_mean(str(item['loc'][-1]), allowed_keys)})"
        case "literal_error":
            names = context["expected"].replace(" or ", ",").split(",")
            allowed = [name.strip("' ") for name in names]
            return f"{got} ({did_you_mean(str(item['input']), allowed)})"
        case "model_type" | "dict_type":
            return f"{got} (should be a mapping of keys to values)"
        case "tuple_type" | "list_type":
            return f"{got} (should be a list)"
        case "too_short":
            return "is empty (needs at least one entry)"
        case "string_pattern_mismatch":
            return f"{got} (should match {context['pattern']})"
    wanted = item["msg"].replace("Input should", "should")
    return f"{got} ({wanted[0].lower()}{wanted[1:]})"


def argument_error(error: ValidationError) -> UserError:
    """Return the first fault in the arguments of a function, as a sentence."""
    first = next(located(error))
    return UserError(f"{first['loc'][0]}: {first['type']}")


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Have a function convert its arguments, or raise ``UserError`` for wrong types."""
    signature = inspect.signature(function)
    validated = pydantic.validate_call(function)

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        bound = signature.bind(*args, **kwargs)  # or a ``TypeError``, as always
        try:
            return validated(**bound.arguments)  # type: ignore[call-arg]
        except ValidationError as error:
            if error.title != function.__qualname__:  # it is about something else
                raise
            raise argument_error(error) from None

    return call
