"""The base class of all stored records."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A stored record; unknown keys are refused, so that nothing is silently dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")
