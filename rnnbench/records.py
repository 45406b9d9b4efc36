"""The base class of all stored records."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
"""A share of something, such as an accuracy."""

Pretrained = Literal["nothing", "word vectors", "language model"]
"""What a model brings that was learned from other texts than those of the corpus."""


class Record(BaseModel):
    """A stored record; unknown keys are refused, so that nothing is silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")
