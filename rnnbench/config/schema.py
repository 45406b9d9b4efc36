"""The typed benchmark that a config describes, and its published results.

``Benchmark.model_validate({"name": "mine", "models": {"nb": {"baseline": ...}}})``
"""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, PositiveInt, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from rnnbench import section
from rnnbench.data.config import Data
from rnnbench.models.descriptions import EnsembleModel, Model, Network
from rnnbench.points import MODEL, POINT
from rnnbench.section import ConfigModel, Publication, Text, located, problem, spell
from rnnbench.tracking import TrackerNames
from rnnbench.training.hyperparameters import TrainingSettings
from rnnbench.training.settings import Training


def _name(value: object, pattern: str = MODEL) -> str:
    if isinstance(value, str) and re.fullmatch(pattern, value):
        return value
    hint = "allowed: a letter or digit, then letters, digits, - or _; up to 100 in all"
    raise problem(f"got {spell(value)}", hint)


Name = Annotated[str, BeforeValidator(_name)]
# That of a model, or of a point of its grid.
ModelName = Annotated[str, BeforeValidator(lambda name: _name(name, POINT))]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Published(ConfigModel, Publication):
    """The published results of one model. Keys that are left out are not known."""

    params: PositiveInt | None = None

    @model_validator(mode="after")
    def _has_a_spread_of_several_trainings(self) -> "Published":
        if self.std is not None and self.runs == 1:
            raise problem(
                "std needs several trainings", "allowed: runs of 2 or more, or no std"
            )
        return self


class Reference(ConfigModel):
    """Published results, and the data that they hold for.

    With ``dataset``, each is compared with our model of the same name, number of
    parameters and ``training``. With ``split``, they belong to other models.
    """

    source: Text
    """Who published them, and when."""
    where: Text | None = None
    """The title, table or repository in which they are found."""
    dataset: Fingerprint | None = None
    """Fingerprint of the padded arrays that they were measured on."""
    split: Fingerprint | None = None
    """Fingerprint of the split into training and test documents."""
    training: TrainingSettings | None = None
    models: Annotated[dict[Text, Published], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_tied_to_data(self) -> "Reference":
        if (self.dataset is None) == (self.split is None):
            raise problem(
                "needs one fingerprint", "allowed: dataset or split, not both"
            )
        if self.split is not None and self.training is not None:
            raise problem("training is allowed with dataset only, not with split")
        return self


class Benchmark(ConfigModel):
    """A whole config."""

    loader_keys = ("extends",)

    name: Name
    """Results go to ``results/NAME``."""
    data: Data = Data()
    """The documents, and how they become sequences of word ids."""
    training: Training = Training()
    """How every network is trained."""
    models: Annotated[dict[ModelName, Model], Field(min_length=1)]
    """The models, by names of the user's choice."""
    references: dict[Name, Reference] = Field(default_factory=dict)
    """Published results to compare with."""
    tracking: TrackerNames = ()
    """Trackers that record the run while it goes on: a name or a list. They change no
    result."""

    def __repr__(self) -> str:
        return f"Benchmark({self.name!r}, of {', '.join(self.models)})"

    @property
    def trials(self) -> list[tuple[str, Model, int]]:
        """The name, model and seed of each trial; a model without chance has one."""
        trials = []
        for name, model in self.models.items():
            seeds = self.training.seeds
            if not model.is_random:
                seeds = seeds[:1]
            trials += [(name, model, seed) for seed in seeds]
        return trials

    @property
    def networks(self) -> dict[str, Network]:
        """The models that are networks."""
        networks = {}
        for name, model in self.models.items():
            if isinstance(model, Network):
                networks[name] = model
        return networks

    def training_of(self, name: str) -> Training:
        """Return the training of a model: its own values, and those of all models."""
        own_training = self.models[name].own_training
        if not own_training:
            return self.training
        return Training.model_validate(dict(self.training) | own_training)

    @model_validator(mode="after")
    def _can_train_every_model(self) -> "Benchmark":
        errors: list[InitErrorDetails] = []
        for name, model in self.models.items():
            try:
                self.training_of(name)
                if isinstance(model, EnsembleModel):
                    model.find_members(self.models)
            except ValidationError as error:
                errors += located(error, ("models", name, "training"))
            except PydanticCustomError as error:
                errors.append(section.at(("models", name), error))
        if errors:
            raise section.problems(errors)
        return self
