"""``rnnbench explain``: how a recurrent layer works, shown on a real Keras layer."""

from dataclasses import dataclass

from rnnbench.command import LEARN, Command

_PLACE = "rnnbench.plugins.teach.command:explain"
EXPLAIN = Command("explain", _PLACE, "Explain a recurrent layer step by step.", LEARN)


@dataclass(frozen=True)
class LayerSizes:
    """The sizes of a layer and its input."""

    units: int
    features: int
    steps: int
    batch: int


LARGEST = LayerSizes(units=256, features=256, steps=50, batch=64)
"""With these and all smaller ones, most of the time goes into importing TensorFlow."""
