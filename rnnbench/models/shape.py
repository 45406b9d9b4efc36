"""What a model has to fit."""

from dataclasses import dataclass


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
