"""What all stored records have in common."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A stored document; unknown keys are refused, so that nothing is dropped in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")
