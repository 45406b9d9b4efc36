"""The sizes of an explained layer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The sizes of a layer and its input."""

    units: int
    features: int
    steps: int
    batch: int


LARGEST = Sizes(units=256, features=256, steps=50, batch=64)
"""With these and all smaller ones, most of the time goes into importing TensorFlow."""
