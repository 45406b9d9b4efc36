"""The base class of all stored records."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Share = Annotated[float, Field(ge=0, le=1)]
"""A share of something, such as an accuracy."""

Pretrained = Literal["nothing", "word vectors", "language model"]
"""The part of a model that was learned from texts outside the corpus."""


class Record(BaseModel):
    """A stored record; unknown keys are refused, so that nothing is silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


def first_fault(error: ValidationError) -> str:
    """Return the first fault of a value that is no record, in one line: its place and the reason.

    The place is left out where the record as a whole is wrong.
    """
    first = error.errors()[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
