"""The base class of all stored records."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
"""A share of something, such as an accuracy."""


class Record(BaseModel):
    """A stored record; unknown keys are refused, so that nothing is silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")
