"""The layers of a Keras model, with their shapes and parameters."""

import keras
from stacks import EMBEDDING, FROZEN, network

from rnnbench.models.describe import describe, describe_model
from rnnbench.models.layers.base import Shape

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=10)


def described(*stack):
    return describe(network([*stack]), SHAPE)


def test_layers_are_listed_from_word_ids_to_topics_with_parameters():
    found = described(EMBEDDING, {"gru": {"units": 2}})

    assert [(each.keras_class, each.outputs, each.trainable_params) for each in found.layers] == [
        ("InputLayer", ((None, 5),), 0),
        ("Embedding", ((None, 5, 4),), 40),
        ("GRU", ((None, 2),), 48),
        ("Dense", ((None, 3),), 9),
    ]
    kinds = [each.described_by and each.described_by.kind for each in found.layers]
    assert kinds == [None, "embedding", "gru", "dense"]
    assert (found.trainable_params, found.other_params) == (97, 0)


def test_weights_that_are_not_trained_are_counted_apart():
    found = described(FROZEN, {"gru": {"units": 2}})

    assert (found.layers[1].trainable_params, found.layers[1].other_params) == (0, 40)
    assert found.other_params == 40


def test_names_do_not_depend_on_models_described_before():
    assert described({"gru": {"units": 2}}) == described({"gru": {"units": 2}})


def test_a_model_with_branches_is_listed_with_all_its_layers_and_outputs():
    ids = keras.Input((5,), dtype="int32", name="ids")
    words = keras.layers.Embedding(10, 4, name="words")(ids)
    every, last = keras.layers.GRU(2, return_sequences=True, return_state=True, name="gru")(words)
    most = keras.layers.GlobalMaxPooling1D(name="most")(every)
    both = keras.ops.concatenate([most, last], axis=-1)  # an operation that is no layer
    topics = keras.layers.Dense(3, name="topics")(both)

    layers = {each.name: each for each in describe_model(keras.Model(ids, topics)).layers}

    assert list(layers)[:4] == ["ids", "words", "gru", "most"]
    assert layers["gru"].outputs == ((None, 5, 2), (None, 2))
    assert layers["concatenate"].outputs == ((None, 4),)
    assert layers["topics"].trainable_params == 15
