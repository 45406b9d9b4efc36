"""From the description of a model to a Keras model."""

from collections.abc import Callable
from typing import Any


def computed(function: Callable[[Any], Any]) -> Any:
    """Return a property in the place of an attribute that other classes have as a value."""
    return property(function)
