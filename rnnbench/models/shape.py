"""The sizes of a dataset that a model has to fit."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnbench.data.dataset import Dataset


@dataclass(frozen=True)
class Shape:
    """The shape of a dataset.

    Attributes:
        timesteps: length of the sequences of word ids.
        n_topics: topics to tell apart.
        n_ids: all word ids are below this; 0 is padding.
    """

    timesteps: int
    n_topics: int
    n_ids: int

    @classmethod
    def of(cls, dataset: "Dataset") -> "Shape":
        """Return the shape of ``dataset``."""
        return cls(dataset.timesteps, len(dataset.topics), dataset.n_ids)
