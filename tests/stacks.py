"""A few stacks in which every kind of layer stands, with each of its options."""

from typing import get_args

import numpy as np
from factories import SOFTMAX

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers.feedforward import Conv1D, Pooling, WordCounts
from rnnbench.models.layers.recurrent import Bidirectional


def options_of(layer, parameter):
    """Return the allowed values of a layer's parameter."""
    return get_args(layer.model_fields[parameter].annotation)


MERGE_MODES = options_of(Bidirectional, "merge_mode")
PADDINGS = options_of(Conv1D, "padding")
VALUES_OF_WORDS = options_of(WordCounts, "values")
WAYS_OF_POOLING = options_of(Pooling, "by")

EMBEDDING = {"embedding": {"dim": 4}}
MASKED = {"embedding": {"dim": 4, "masking": True}}
FROZEN = {"embedding": {"dim": 4, "trainable": False}}
MEAN = {"pooling": {"by": "mean"}}


def recurrent(kind, **parameters):
    """Return a recurrent layer of three units that gives its state at each step."""
    return {kind: {"units": 3, "return_sequences": True} | parameters}


def bidirectional(kind, merge_mode="concat", **parameters):
    """Return a bidirectional layer of three units a direction."""
    inner = {kind: {"units": 3} | parameters}
    return {"bidirectional": {"layer": inner, "merge_mode": merge_mode}}


def both_ways(kind, merge_mode="concat", **parameters):
    """Return the same, but it gives its states at each step."""
    return bidirectional(kind, merge_mode, return_sequences=True, **parameters)


def bag_of_words(values):
    """Return a layer that counts words."""
    return {"bag_of_words": {"values": values}}


def conv1d(padding):
    """Return a convolution of an even number of steps, which "same" cannot centre."""
    return {
        "conv1d": {"filters": 3, "kernel_size": 4, "padding": padding, "activation": "tanh"},
    }


def pooling(by):
    """Return one vector for each document."""
    return {"pooling": {"by": by}}


DENSE = {"dense": {"units": 5, "activation": "tanh"}}
STACKS = {
    "embedding": [EMBEDDING, MEAN],
    "convolutions": [EMBEDDING, *map(conv1d, ("same", "causal", "valid")), DENSE, pooling("max")],
    "recurrent": [recurrent("gru"), recurrent("lstm"), recurrent("simple_rnn"), pooling("last")],
    "both ways": [FROZEN, both_ways("gru", "concat"), both_ways("lstm", "ave"), MEAN],
    "both ways, merged": [
        EMBEDDING,
        both_ways("simple_rnn", "mul"),
        bidirectional("simple_rnn", "sum"),
    ],
    "masked": [MASKED, {"layer_norm": {"epsilon": 0.01}}, recurrent("gru"), pooling("attention")],
    "tfidf": [bag_of_words("tfidf"), DENSE],
    "shares": [bag_of_words("shares")],
    "weight_drop": [
        recurrent("simple_rnn", weight_drop=0.5),
        recurrent("lstm", weight_drop=0.5),
        {"gru": {"units": 3, "weight_drop": 0.5}},
    ],
    "dropout": [
        {"embedding": {"dim": 4, "dropout": 0.5}},
        {"spatial_dropout": {"rate": 0.5}},
        both_ways("gru", weight_drop=0.5),
        {"dropout": {"rate": 0.5}},
        MEAN,
    ],
}
"""A softmax over the topics follows."""


def network(stack, **options):
    """Return the network of a stack."""
    return LayeredNetwork.model_validate({"layers": [*stack, SOFTMAX]} | options)


def randomized(model):
    """Give a model random weights, and random biases too."""
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def is_random(stack):
    """Return whether training is random apart from first weights and order."""
    return any(word in str(stack) for word in ("dropout", "weight_drop"))
