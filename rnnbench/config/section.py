"""What all sections of a config have in common: strict types, no unknown keys, no changes."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from rnnbench.errors import did_you_mean

Loc = tuple[str | int, ...]


class Section(BaseModel):
    """One mapping of a config file: each key is a field, declared once."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="wrap")
    @classmethod
    def _answer_unknown_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Any]) -> Any:
        try:
            return handler({} if data is None else data)
        except ValidationError as error:
            raise problems(located(error, allowed_keys=cls.model_fields)) from None


def problem(what: str, hint: str) -> PydanticCustomError:
    """Return the error that reads ``what (hint)``, for any validator to raise."""
    return PydanticCustomError("problem", "{what} ({hint})", {"what": what, "hint": hint})


def problems(details: Iterable[InitErrorDetails]) -> ValidationError:
    """Return one error that holds several, for any validator to raise."""
    return ValidationError.from_exception_data("config", list(details))


def at(loc: Loc, error: PydanticCustomError) -> InitErrorDetails:
    """Return ``error`` as one of several, at the location ``loc``."""
    return InitErrorDetails(type=error, loc=loc, input=None)


def located(
    error: ValidationError, below: Loc = (), allowed_keys: Iterable[str] = ()
) -> Iterator[InitErrorDetails]:
    """Yield what ``error`` holds, its locations moved below ``below``.

    Where ``allowed_keys`` are given, an unknown key is answered with them.
    """
    for item in error.errors():
        kind, loc, ctx = item["type"], item["loc"], item.get("ctx", {})
        what: PydanticCustomError | str = kind
        if kind == "problem":
            what = problem(**ctx)
        elif kind == "extra_forbidden" and len(loc) == 1 and allowed_keys:
            what = problem("unknown key", did_you_mean(str(loc[0]), allowed_keys))
        yield InitErrorDetails(type=what, loc=(*below, *loc), input=item["input"], ctx=ctx)
