"""From the description of a model to a Keras model."""

from collections.abc import Callable
from typing import Any

# A property in the place of an attribute that other classes have as a value.
computed: Callable[[Callable[[Any], Any]], Any] = property
