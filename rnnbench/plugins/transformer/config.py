"""The keys of a ``transformer`` in a config."""

from typing import Annotated

from pydantic import Field, PositiveInt

from rnnbench.plugin import ConfigModel
from rnnbench.plugins.transformer.files import MINILM

PARTS = 4
"""The documents of a step go through the network in so many parts, by length, so that
little is padded. Their gradients are added up, so the step is the same."""


class Transformer(ConfigModel):
    """A pretrained transformer, and how it is fine-tuned."""

    name: Annotated[str, Field(min_length=1)] = MINILM
    """``minilm-l6``, which comes from the package index; a folder with the files of a
    model, relative to the working folder; or a name on the Hugging Face Hub."""
    epochs: PositiveInt = 4
    """Passes through the training documents."""
    batch_size: PositiveInt = 32
    """Documents in each step of the optimizer."""
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 5e-5
    """The largest size of the steps of AdamW; it rises from 0 and falls to 0 in
    straight lines."""
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of the steps in which it rises."""
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = 0.01
    """How much a step of size 1 would shrink weights, but not biases, norms and the new
    layer."""
    max_length: Annotated[int, Field(ge=8, le=8192)] = 128
    """The most pieces of words that are read of a document, the first ones."""
