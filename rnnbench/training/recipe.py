"""The ``training`` section of a config."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveInt

from rnnbench.section import Section, problem, spell

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


class Recipe(Section):
    """What decides how a model is trained, whatever trains it."""

    epochs: PositiveInt = 10
    batch_size: PositiveInt = 32
    optimizer: OptimizerName = "adam"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.001
    validation_split: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the training wires that is held out to choose the best epoch on; without it the
    last epoch is taken."""


class Training(Recipe):
    """How every model is trained."""

    engine: Literal["compiled", "keras"] = "compiled"
    """What trains: whole epochs as one program, or ``model.fit``; both take the same steps."""
    seeds: Annotated[tuple[NonNegativeInt, ...], BeforeValidator(_seeds)] = (0,)
    """Each model is trained once a seed: a list of seeds, or their number."""
