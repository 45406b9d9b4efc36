"""The layers of a Keras model, with their shapes and parameters."""

from plugin_files import write_module
from stacks import EMBEDDING, FROZEN, network

from rnnbench.models.describe import describe
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.models.layers import Shape

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=10)
BRANCHES = """
    import keras


    def make(shape):
        ids = keras.Input((shape.timesteps,), dtype="int32", name="ids")
        words = keras.layers.Embedding(10, 4, name="words")(ids)
        gru = keras.layers.GRU(2, return_sequences=True, return_state=True, name="gru")
        states, last = gru(words)
        most = keras.layers.GlobalMaxPooling1D(name="most")(states)
        both = keras.ops.concatenate([most, last], axis=-1)  # an operation that is no layer
        return keras.Model(ids, keras.layers.Dense(3, activation="softmax", name="topics")(both))
"""


def test_layers_are_listed_from_word_ids_to_topics_with_parameters():
    description = describe(network([EMBEDDING, {"gru": {"units": 2}}]), SHAPE)

    assert [
        (layer.keras_class, layer.outputs, layer.trainable_params)
        for layer in description.layers
    ] == [
        ("InputLayer", ((None, 5),), 0),
        ("Embedding", ((None, 5, 4),), 40),
        ("GRU", ((None, 2),), 48),
        ("Dense", ((None, 3),), 9),
    ]
    kinds = [
        layer.described_by and layer.described_by.kind for layer in description.layers
    ]
    assert kinds == [None, "embedding", "gru", "dense"]
    assert (description.trainable_params, description.other_params) == (97, 0)


def test_weights_that_are_not_trained_are_counted_apart():
    description = describe(network([EMBEDDING, {"gru": {"units": 2}}]), SHAPE)

    again = describe(network([FROZEN, {"gru": {"units": 2}}]), SHAPE)
    assert (again.layers[1].trainable_params, again.layers[1].other_params) == (0, 40)
    assert (again.trainable_params, again.other_params) == (57, 40)
    assert again.layers[1:] != description.layers[1:]
    assert again.layers[2:] == description.layers[2:], (
        "names do not depend on models described before"
    )


def test_a_model_with_branches_is_listed_with_the_outputs_of_all_its_layers(
    working_folder,
):
    write_module(working_folder, "branches", BRANCHES)

    description = describe(PythonNetwork(python="branches:make"), SHAPE)

    layers = {layer.name: layer for layer in description.layers}
    assert list(layers)[:4] == ["ids", "words", "gru", "most"]
    assert layers["gru"].outputs == ((None, 5, 2), (None, 2))
    assert layers["concatenate"].outputs == ((None, 4),)
    assert layers["topics"].trainable_params == 15
