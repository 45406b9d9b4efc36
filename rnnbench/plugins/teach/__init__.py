"""``rnnbench explain``: how a recurrent layer works, shown on a real Keras layer."""

from rnnbench.plugin import LEARN, Command

_PLACE = "rnnbench.plugins.teach.command:explain"
EXPLAIN = Command("explain", _PLACE, "Explain a recurrent layer step by step.", LEARN)

LARGEST = {"units": 256, "features": 256, "steps": 50, "batch": 64}
"""The largest sizes of a layer: up to these, most of the time goes into importing
TensorFlow."""
