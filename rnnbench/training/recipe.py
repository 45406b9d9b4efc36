"""The ``training`` section of a config."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt

from rnnbench.errors import did_you_mean
from rnnbench.section import Section, problem, spell
from rnnbench.training.engines import ENGINES

OptimizerName = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]
MAX_SEEDS = 10_000


def _seeds(value: Any) -> Any:
    if type(value) is int and 0 < value <= MAX_SEEDS:
        return tuple(range(value))
    is_list = isinstance(value, list | tuple) and value
    if is_list and all(type(seed) is int and 0 <= seed < 2**32 for seed in value):
        if len(set(value)) == len(value):
            return tuple(value)
        raise problem("a seed comes twice", "allowed: distinct seeds")
    raise problem(
        f"got {spell(value)}",
        f"allowed: a number of seeds from 1 to {MAX_SEEDS:,}, or a list of seeds, [0, 1, 2]",
    )


def _engine(value: Any) -> Any:
    if isinstance(value, str) and value in ENGINES:
        return value
    raise problem(f"got {spell(value)}", did_you_mean(str(value), ENGINES))


class Recipe(Section):
    """The hyperparameters of a training, which are the same in every engine."""

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 32
    optimizer: OptimizerName = "adam"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.001
    validation_split: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training documents that is held out to choose the best epoch; at 0 the last
    epoch is kept."""


class Training(Recipe):
    """The whole ``training`` section."""

    engine: Annotated[str, BeforeValidator(_engine)] = "compiled"
    """The engine that trains the networks. ``compiled`` runs whole epochs as one program,
    ``keras`` uses ``model.fit``; both take the same steps. Other packages may add more."""
    seeds: Annotated[tuple[NonNegativeInt, ...], BeforeValidator(_seeds)] = (0,)
    """Each model is trained once for each seed: a list of seeds, or their number."""
