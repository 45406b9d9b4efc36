"""A few stacks in which every kind of layer stands, with each of its options."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import keras
import tensorflow as tf
from factories import SOFTMAX
from numpy.random import default_rng

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.layers.feedforward import Conv1D, Pooling, WordCounts
from rnnbench.models.layers.recurrent import Bidirectional

Description = dict[str, Any]


def options_of(layer: type, parameter: str) -> tuple[str, ...]:
    """Return the allowed values of a layer's parameter."""
    return get_args(layer.model_fields[parameter].annotation)


MERGE_MODES = options_of(Bidirectional, "merge_mode")
PADDINGS = options_of(Conv1D, "padding")
BY = options_of(Pooling, "by")
OPTIONS = MERGE_MODES + PADDINGS + options_of(WordCounts, "values") + BY

EMBEDDING = {"embedding": {"dim": 4}}
UNMASKED = {"embedding": {"dim": 4, "masking": False}}
FROZEN = {"embedding": {"dim": 4, "trainable": False}}
MEAN = {"pooling": {"by": "mean"}}


def recurrent(kind: str, **parameters: Any) -> Description:
    """Return a recurrent layer of three units that gives its state at each step."""
    return {kind: {"units": 3, "return_sequences": True} | parameters}


def bidirectional(
    kind: str, merge_mode: str = "concat", **parameters: Any
) -> Description:
    """Return a bidirectional layer of three units a direction."""
    inner = {kind: {"units": 3} | parameters}
    return {"bidirectional": {"layer": inner, "merge_mode": merge_mode}}


def both_ways(kind: str, merge_mode: str = "concat", **parameters: Any) -> Description:
    """Return the same, but it gives its states at each step."""
    return bidirectional(kind, merge_mode, return_sequences=True, **parameters)


def bag_of_words(values: str) -> Description:
    return {"bag_of_words": {"values": values}}


def conv1d(padding: str) -> Description:
    """Return a convolution of an even number of steps, which "same" cannot centre."""
    return {
        "conv1d": {
            "filters": 3,
            "kernel_size": 4,
            "padding": padding,
            "activation": "tanh",
        }
    }


def pooling(by: str) -> Description:
    return {"pooling": {"by": by}}


def parallel(*branches: list[Description]) -> Description:
    return {"parallel": {"branches": [*branches]}}


DENSE = {"dense": {"units": 5, "activation": "tanh"}}
TRANSFORMER = {"transformer_encoder": {"heads": 3, "units": 5}}
STACKS: dict[str, list[Description]] = {
    "convolutions": [FROZEN, *map(conv1d, PADDINGS), DENSE, MEAN],
    "recurrent": [
        recurrent("gru"),
        recurrent("lstm"),
        recurrent("simple_rnn"),
        pooling("last"),
    ],
    "both ways": [both_ways("lstm", "concat"), bidirectional("gru", "sum")],
    "masked": [
        EMBEDDING,
        {"layer_norm": {"epsilon": 0.01}},
        recurrent("gru"),
        pooling("attention"),
    ],
    "unmasked": [UNMASKED, conv1d("same"), recurrent("lstm"), pooling("attention")],
    "tfidf": [bag_of_words("tfidf"), DENSE],
    "shares": [bag_of_words("shares")],
    "chunks": [EMBEDDING, {"pooling": {"by": "attention", "chunks": 3}}],
    "n-grams": [{"ngram_embedding": {"dim": 4, "n": 3, "buckets": 9}}, MEAN],
    "attention": [EMBEDDING, {"positions": {}}, TRANSFORMER, MEAN],
    "scan": [
        EMBEDDING,
        both_ways("min_gru"),
        recurrent("min_gru"),
        {"min_gru": {"units": 2}},
    ],
    "side by side": [
        EMBEDDING,
        parallel([conv1d("same"), TRANSFORMER], [DENSE], [both_ways("min_gru")]),
        parallel(
            [conv1d("valid"), pooling("max")],
            [recurrent("gru"), MEAN],
            [{"gru": {"units": 3}}],
        ),
    ],
    "weight_drop": [
        recurrent("simple_rnn", weight_drop=0.5),
        recurrent("lstm", weight_drop=0.5),
        {"gru": {"units": 3, "weight_drop": 0.5}},
    ],
    "dropout": [
        {"embedding": {"dim": 4, "dropout": 0.5}},
        {"spatial_dropout": {"rate": 0.5}},
        both_ways("gru", "mul", weight_drop=0.5),
        both_ways("simple_rnn", "ave"),
        {"dropout": {"rate": 0.5}},
        pooling("max"),
    ],
}
"""A softmax over the topics follows."""


def network(stack: list[Description], **options: Any) -> LayeredNetwork:
    return LayeredNetwork.model_validate({"layers": [*stack, SOFTMAX]} | options)


def randomized(model: keras.Model) -> keras.Model:
    """Give a model random weights, and random biases too."""
    random = default_rng(1)
    model.set_weights(
        [random.normal(size=weight.shape) for weight in model.get_weights()]
    )
    return model


@contextmanager
def line_by_line(*, if_so: bool = True) -> Iterator[None]:
    """Run programs line by line; for a few steps, this takes less time than compiling
    them.
    """
    tf.config.run_functions_eagerly(if_so)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Even though the `tf.config"
            )  # not in tf.data
            yield
    finally:
        tf.config.run_functions_eagerly(False)
