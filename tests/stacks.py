"""A small stack for every kind of layer, in each of its variants."""

from itertools import cycle
from typing import Any, get_args

import keras
import numpy as np
from factories import SOFTMAX

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers.feedforward import BagOfWords, Conv1D, Pooling
from rnnbench.models.layers.recurrent import RECURRENT, Bidirectional

Description = dict[str, Any]


def options_of(layer: type, parameter: str) -> tuple[str, ...]:
    """Return the allowed values of a layer's parameter."""
    return get_args(layer.model_fields[parameter].annotation)


MERGE_MODES = options_of(Bidirectional, "merge_mode")
PADDINGS = options_of(Conv1D, "padding")
VALUES_OF_WORDS = options_of(BagOfWords, "values")
WAYS_OF_POOLING = options_of(Pooling, "by")

EMBEDDING = {"embedding": {"dim": 4}}
MASKED = {"embedding": {"dim": 4, "masking": True}}
FROZEN = {"embedding": {"dim": 4, "trainable": False}}
MEAN = {"pooling": {"by": "mean"}}


def bidirectional(kind: str, merge_mode: str = "concat", **parameters: Any) -> Description:
    """Return a bidirectional layer of three units a direction."""
    inner = {kind: {"units": 3} | parameters}
    return {"bidirectional": {"layer": inner, "merge_mode": merge_mode}}


def bag_of_words(values: str) -> Description:
    """Return a layer that counts words."""
    return {"bag_of_words": {"values": values}}


def conv1d(padding: str) -> Description:
    """Return a convolution of an even number of steps, which "same" cannot centre."""
    return {
        "conv1d": {"filters": 3, "kernel_size": 4, "padding": padding, "activation": "relu"},
    }


ONE_OF_EACH = dict(zip(MERGE_MODES, cycle(RECURRENT)))
"""A kind of recurrent layer for each merge mode; there are more modes than kinds."""

STACKS: dict[str, list[Description]] = {
    "embedding": [EMBEDDING, MEAN],
    "embedding, not trained": [FROZEN, MEAN],
    "embedding, masked": [MASKED, {"layer_norm": {}}, {"pooling": {"by": "attention"}}],
    **{f"bag_of_words, {values}": [bag_of_words(values)] for values in VALUES_OF_WORDS},
    **{kind: [{kind: {"units": 3}}] for kind in RECURRENT},
    "gru, masked": [MASKED, {"gru": {"units": 3}}],
    **{
        f"bidirectional, {kind}, {mode}": [EMBEDDING, bidirectional(kind, mode)]
        for mode, kind in ONE_OF_EACH.items()
    },
    "embedding, dropout": [{"embedding": {"dim": 4, "dropout": 0.5}}, MEAN],
    **{f"{kind}, weight_drop": [{kind: {"units": 3, "weight_drop": 0.5}}] for kind in RECURRENT},
    "bidirectional, weight_drop": [EMBEDDING, bidirectional("lstm", weight_drop=0.5)],
    **{f"conv1d, {padding}": [EMBEDDING, conv1d(padding), MEAN] for padding in PADDINGS},
    **{f"pooling, {by}": [EMBEDDING, {"pooling": {"by": by}}] for by in WAYS_OF_POOLING},
    "dense": [EMBEDDING, {"dense": {"units": 5, "activation": "tanh"}}, MEAN],
    "dropout": [EMBEDDING, {"dropout": {"rate": 0.5}}, MEAN],
    "spatial_dropout": [EMBEDDING, {"spatial_dropout": {"rate": 0.5}}, MEAN],
    "layer_norm": [EMBEDDING, {"layer_norm": {"epsilon": 0.01}}, MEAN],
}
"""By the kind of layer to be tested; a softmax over the topics follows."""


def network(stack: list[Description], **options: Any) -> LayeredNetwork:
    """Return the network of a stack."""
    return LayeredNetwork.model_validate({"layers": [*stack, SOFTMAX]} | options)


def randomized(model: keras.Model) -> keras.Model:
    """Give a model random weights, and random biases too."""
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def is_random(stack: list[Description]) -> bool:
    """Return whether training is random apart from first weights and order."""
    return any(word in str(stack) for word in ("dropout", "weight_drop"))
