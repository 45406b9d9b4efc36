"""The base class of all stored records."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

Share = Annotated[float, Field(ge=0, le=1)]
"""A share of something, such as an accuracy."""

Text = Annotated[str, Field(min_length=1)]

Pretrained = Literal["nothing", "word vectors", "language model"]
"""The part of a model that was learned from texts outside the corpus."""


class Record(BaseModel):
    """A stored record; unknown keys are refused, so that nothing is silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Publication(BaseModel):
    """A published accuracy, and the conditions under which it was measured.

    What is ``None`` is not known.
    """

    accuracy: Share
    """The mean, if several trainings were published."""
    std: Share | None = None
    """Standard deviation of the accuracy over trainings."""
    runs: PositiveInt | None = None
    """The number of trainings."""
    transductive: bool | None = None
    """Whether training used the texts of the test documents, without their topics."""
    pretrained: Pretrained | None = None
    """The part of the model that was learned from other texts."""
    caveat: Text | None = None
    """A reason to be careful when comparing with this accuracy."""


def first_fault(error: ValidationError) -> str:
    """Return the first fault of a value that is no record, in one line: its place and the reason.

    The place is left out where the record as a whole is wrong.
    """
    first = error.errors()[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))
