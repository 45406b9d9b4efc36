"""The hyperparameters of a training."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from rnnbench.section import Section

OptimizerName = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]


class Recipe(Section):
    """The hyperparameters of a training, which are the same in every engine."""

    later_keys = frozenset({"ema"})

    epochs: Annotated[int, Field(gt=0, le=1_000_000)] = 10
    """Passes through the training documents."""
    batch_size: PositiveInt = 32
    """Documents in each step of the optimizer."""
    optimizer: OptimizerName = "adam"
    """Keras's optimizer of this name, with its defaults but for the learning rate."""
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.001
    """The size of the optimizer's steps."""
    validation_split: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training documents that is held out to choose the best epoch; at 0 the last
    epoch is kept."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Decay of an exponential moving average of the weights over optimizer steps, such as 0.99.
    The averages are validated, tested and saved instead of the weights. Off by default."""
