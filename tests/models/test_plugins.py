"""Models and layers from outside: the fitting ones are used as they are, others are named."""

import keras
import numpy as np
import pytest
from plugin_files import MAKE, write_distribution, write_module, write_scale
from rnnbench.models.plugins import call_function
from stacks import EMBEDDING, MEAN, network

from rnnbench.models.build import build, predict
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.models.layers.base import Shape
from rnnbench.registry import PluginError

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=12)
IDS = np.arange(10, dtype=np.int32).reshape(2, 5)


def test_a_function_is_given_the_shape_and_its_arguments_and_its_model_is_taken(working_folder):
    write_module(working_folder, "my.nets", MAKE)
    described = PythonNetwork(python="my.nets:make", arguments={"units": 7, "mask_zero": True})

    model = build(described, SHAPE, 0)

    embedding = model.layers[0]
    assert (embedding.input_dim, embedding.output_dim, embedding.mask_zero) == (12, 7, True)
    assert predict(model, IDS).shape == (2, 3)


A_CLASS = """
    import keras


    class make(keras.Sequential):
        def __init__(self, shape):
            ids = keras.Input((shape.timesteps,), dtype="int32")
            super().__init__([ids, keras.layers.Dense(shape.n_topics, "softmax")])
"""
FUNCTIONAL = """
    import keras


    def make(shape):
        ids = keras.Input((shape.timesteps,), dtype="int32")
        vectors = keras.layers.Embedding(shape.n_ids, 4)(ids)
        both = [keras.layers.GRU(2)(vectors), keras.layers.GlobalMaxPooling1D()(vectors)]
        scores = keras.layers.Concatenate()(both)
        return keras.Model(ids, keras.layers.Dense(shape.n_topics, "softmax")(scores))
"""


@pytest.mark.parametrize("source", [MAKE, A_CLASS, FUNCTIONAL])
def test_a_model_follows_the_seed_whatever_was_drawn_before(working_folder, source):
    write_module(working_folder, "nets", source)
    first, again, other = (
        predict(call_function("nets:make", {}, SHAPE, seed), IDS) for seed in (0, 0, 1)
    )

    assert first.shape == (2, 3)
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


FAILS = "raise RuntimeError('out of order')"


def sequential(inputs, outputs):
    layers = f"[keras.Input({inputs}), keras.layers.Dense({outputs})]"
    return f"import keras\ndef make(shape): return keras.Sequential({layers})"


def misfit(inputs, outputs):
    return (
        rf"returned a model from {inputs} to {outputs} \(should be from \(None, 5\), word ids, "
        r"to \(None, 3\), a probability for each topic\)$"
    )


SUBCLASS = """
    import keras


    class make(keras.Model):
        def __init__(self, shape):
            super().__init__()

        def call(self, ids):
            return keras.ops.zeros((len(ids), 3))
"""
COMPILED = f"""{MAKE}
    made = make


    def make(shape):
        model = made(shape)
        model.compile("sgd")
        return model
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("", "cannot be imported: AttributeError: .*no attribute 'make'$"),
        ("def make(:", "cannot be imported: SyntaxError: "),
        (FAILS, r"cannot be imported: RuntimeError: out of order \(nets.py, line 1\)$"),
        ("raise SystemExit(0)", "cannot be imported: SystemExit: 0"),
        (f"def make(shape): {FAILS}", "failed: RuntimeError: out of order"),
        ("def make(): ...", "failed: TypeError: .*0 positional arguments"),
        ("def make(shape, units): ...", "failed: TypeError: .*missing 1 required .*'units'"),
        (COMPILED, "returned a compiled model"),
        ("def make(shape): ...", "returned NoneType, not a keras.Model"),
        (sequential("(5,)", 4), misfit(r"\(None, 5\)", r"\(None, 4\)")),
        (sequential("(5, 1)", 3), misfit(r"\(None, 5, 1\)", r"\(None, 5, 3\)")),
        (
            sequential("(5,)", 3),
            r"returned a model that gives no probabilities \(should end in a softmax\)$",
        ),
        (
            SUBCLASS,
            "returned a model without known inputs \\(should be sequential or functional\\)$",
        ),
    ],
)
def test_a_function_that_fails_or_returns_no_model_that_fits_is_named(
    working_folder, source, message
):
    write_module(working_folder, "nets", source)

    with pytest.raises(PluginError, match=f"^python: nets:make {message}"):
        call_function("nets:make", {}, SHAPE, 0)


def test_a_layer_of_another_package_is_part_of_the_model(install, tmp_path):
    install(write_scale(tmp_path))

    model = build(network([EMBEDDING, {"scale": {"start": 2.0}}, MEAN]), SHAPE, 0)

    embedding, scale = model.layers[:2]
    scaled = keras.Model(model.inputs[0], scale.output)(IDS)
    np.testing.assert_allclose(scaled, 2 * embedding.get_weights()[0][IDS], rtol=1e-6)
    assert scale.get_config()["start"] == 2.0


LAYER = """
    from rnnbench.models.layers import Layer


    class Own(Layer):
        kind = "own"

        def keras_layer(self, shape, seed_of):
            {body}
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (FAILS, "failed: RuntimeError: out of order"),
        ("import not_there", "failed: ModuleNotFoundError: No module named 'not_there'"),
        ("import keras; return keras.layers.Dense", "failed: ValueError: Only instances of"),
        ("return super().keras_layer(shape, seed_of)", "failed: AttributeError: .*keras_name"),
    ],
    ids=["fails", "cannot import", "a class", "not written"],
)
def test_a_layer_that_cannot_be_made_is_named(install, tmp_path, body, message):
    modules = {"own_layers": LAYER.format(body=body)}
    install(write_distribution(tmp_path, {"own": "own_layers:Own"}, modules))
    described = network([EMBEDDING, {"own": {}}, MEAN])

    with pytest.raises(PluginError, match=f"^layer 'own' of the package made-up {message}"):
        build(described, SHAPE, 0)


def test_a_layer_from_outside_is_given_word_ids_if_it_takes_them_and_follows_the_seed(
    install, tmp_path
):
    source = """
        from rnnbench.models.layers import Layer


        class Own(Layer):
            kind = "own"
            takes = "ids"

            def keras_layer(self, shape, seed_of):
                import keras

                return keras.layers.Embedding(shape.n_ids, 3)
    """
    install(write_distribution(tmp_path, {"own": "own_ids:Own"}, {"own_ids": source}))

    model, again, other = (
        build(network([{"own": {}}, {"gru": {"units": 2}}]), SHAPE, seed) for seed in (0, 0, 1)
    )

    assert [type(layer).__name__ for layer in model.layers] == ["Embedding", "GRU", "Dense"]
    assert predict(model, IDS).shape == (2, 3)
    np.testing.assert_array_equal(predict(model, IDS), predict(again, IDS))
    assert not np.array_equal(predict(model, IDS), predict(other, IDS))
