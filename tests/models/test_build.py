"""From descriptions to Keras models, of every kind of layer and from outside, and their
files.
"""

from contextlib import nullcontext
from itertools import combinations
from math import prod
from pathlib import Path

import keras
import numpy as np
import pytest
from numpy.random import default_rng
from numpy.testing import assert_allclose, assert_array_equal
from plugin_files import MAKE, write_distribution, write_module, write_scale
from stacks import (
    DENSE,
    EMBEDDING,
    MEAN,
    OPTIONS,
    STACKS,
    TRANSFORMER,
    both_ways,
    conv1d,
    network,
    parallel,
    randomized,
    recurrent,
)

from rnnbench.config.load import load
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models import build as module
from rnnbench.models.build import build, predict, to_bytes, weights_of
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.models.layers import LAYERS, Shape
from rnnbench.models.layers.recurrent import RECURRENT
from rnnbench.registry import PluginError
from rnnbench.storage import UnwritableError

ALL = load(Path(__file__).parents[2] / "configs" / "all.yaml")
SHAPE = Shape(timesteps=6, n_topics=7, n_ids=12)
IDS = default_rng(0).integers(0, SHAPE.n_ids, (5, SHAPE.timesteps), dtype=np.int32)


def test_every_kind_and_option_stands_in_a_stack_that_is_tested():
    written = str(STACKS.values())
    assert all(f"'{option}'" in written for option in (*LAYERS, *OPTIONS))


def built(stack, seed):
    """Return a network whatever was drawn before, and its first weights, layer by
    layer.
    """
    keras.utils.set_random_seed(int(default_rng().integers(2**31)))
    model = build(network(stack), SHAPE, seed)
    return model, [layer.get_weights() for layer in model.layers]


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_a_model_follows_the_seed_and_maps_word_ids_to_a_probability_for_each_topic(
    stack,
):
    (model, first), (_, again) = (built(stack, seed=0) for _ in range(2))

    keras.tree.map_structure(np.testing.assert_array_equal, first, again)
    random = [
        weight
        for layer in first
        for weight in layer
        if weight.ndim > 1 and np.ptp(weight)
    ]
    for one, two in combinations(
        random, 2
    ):  # both directions of a bidirectional layer, too
        assert one.shape != two.shape or not np.array_equal(one, two)

    probabilities = predict(randomized(model), IDS)

    assert (model.input_shape, model.inputs[0].dtype) == ((None, 6), "int32")
    assert (probabilities.shape, probabilities.dtype) == ((5, 7), np.float32)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 0.001, "words have an influence"

    batch_size = (
        11  # it divides no size of a layer, so it identifies the gradients of weights
    )
    products = network(stack).products(batch_size, SHAPE)
    gradients = sum(
        own.rows * own.columns for own in products if own.inner % batch_size == 0
    )
    kernels = [
        weight.shape
        for layer in model.layers
        for weight in layer.weights
        if len(weight.shape) > 1
        and "bias" not in weight.name
        and "embedding" not in layer.name
    ]
    assert gradients == sum(map(prod, kernels)), "the products are those of its kernels"


def test_another_seed_gives_other_weights():
    (_, first), (_, other) = (built(STACKS["masked"], seed) for seed in (0, 1))

    for layers, others in zip(first, other, strict=True):
        for weight, its in zip(layers, others, strict=True):
            assert np.ptp(weight) == 0 or not np.array_equal(weight, its)


def test_the_notebooks_models_have_the_notebooks_parameters():
    shape = Shape(timesteps=49, n_topics=46, n_ids=30_000)
    names = ("vanilla_rnn", "stacked_vanilla_rnn", "lstm", "stacked_lstm")

    counts = [build(ALL.models[name], shape, 0).count_params() for name in names]

    assert counts == [4_946, 9_996, 12_746, 32_946]


LSTM = recurrent("lstm")
WITH_PADDING = {
    "recurrent": [EMBEDDING, LSTM, MEAN],
    "between": [EMBEDDING, {"dropout": {"rate": 0.1}}, {"layer_norm": {}}, LSTM, MEAN],
    **{name: STACKS[name] for name in ("chunks", "n-grams", "attention", "scan")},
    "side by side": [EMBEDDING, parallel([conv1d("same")], [LSTM, TRANSFORMER]), MEAN],
}


@pytest.mark.parametrize("stack", WITH_PADDING.values(), ids=WITH_PADDING)
def test_masking_leaves_padding_without_influence(stack):
    model = randomized(build(network(stack), SHAPE, 0))
    short = np.array([[1, 5, 6, 7, 0, 0]], np.int32)

    masked = predict(model, short)
    as_if_short = predict(model, np.roll(short, 2, axis=1))

    assert_allclose(masked, as_if_short, atol=1e-5)


ACTIVATIONS = {"activation": "relu", "recurrent_activation": "hard_sigmoid"}
RECURRENT_PARAMETERS = ACTIVATIONS | {
    "units": 3,
    "dropout": 0.1,
    "recurrent_dropout": 0.2,
}


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("gru", RECURRENT_PARAMETERS | {"reset_after": False}),
        ("lstm", RECURRENT_PARAMETERS | {"unit_forget_bias": False}),
        ("spatial_dropout", {"rate": 0.25}),
        ("layer_norm", {"epsilon": 0.5}),
        (
            "conv1d",
            {"filters": 2, "kernel_size": 3, "padding": "causal", "activation": "tanh"},
        ),
    ],
)
def test_parameters_reach_keras(kind, parameters):
    if kind in RECURRENT:
        stack = [EMBEDDING, both_ways(kind, **parameters), {kind: parameters}]
        both, alone = build(network(stack), SHAPE, 0).layers[1:3]
        layers = [both.forward_layer, both.backward_layer, alone]
        assert [layer.go_backwards for layer in layers] == [False, True, False]
    else:
        layers = [
            build(network([EMBEDDING, {kind: parameters}, MEAN]), SHAPE, 0).layers[1]
        ]

    for layer in layers:
        config = layer.get_config() | {"kernel_size": parameters.get("kernel_size")}
        assert {name: config[name] for name in parameters} == parameters


@pytest.mark.parametrize(("inputs", "scale"), [("ids", 1), ("scaled_ids", 50_000)])
def test_without_an_embedding_a_word_is_its_id_or_its_share_of_the_ids(inputs, scale):
    ids = np.array([[0, 1, 2], [3, 30_001, 49_999]], np.int32)

    model = build(
        network([{"simple_rnn": {"units": 2}}], inputs=inputs), Shape(3, 2, 50_000), 0
    )
    numbers = np.array(keras.Model(model.inputs[0], model.layers[-2].input)(ids))

    assert (numbers.shape, numbers.dtype) == ((2, 3, 1), np.float32)
    assert_allclose(numbers[..., 0], ids / scale, rtol=1e-6)


def test_documents_are_predicted_alike_however_many_there_are(monkeypatch):
    monkeypatch.setattr(module, "EVALUATION_BATCH", 4)
    model = build(network([EMBEDDING, MEAN]), SHAPE, 0)

    for ids in (IDS[:1], IDS[:4], np.concatenate([IDS, IDS[:4]])):
        assert_allclose(predict(model, ids), model(ids), atol=1e-6)


def test_a_window_that_is_longer_than_the_sequences_is_the_users_error():
    six, seven = (
        network(
            [
                EMBEDDING,
                {"conv1d": {"filters": 3, "kernel_size": n, "padding": "valid"}},
                MEAN,
            ]
        )
        for n in (6, 7)
    )

    assert build(six, SHAPE, 0).layers[1].output.shape[1:] == (1, 3)
    with pytest.raises(
        UserError, match=r"^the layers do not fit 6 steps: .*\(7, 4, 3\)"
    ):
        build(seven, SHAPE, 0)


# Files


@pytest.mark.parametrize(
    "name", ["masked", "tfidf", "chunks", "n-grams", "side by side", "attention"]
)
def test_keras_loads_the_file_with_the_same_answers(tmp_path, name):
    model = build(network(STACKS[name]), SHAPE, 0)  # has layers of our own
    file = tmp_path / "model.keras"
    file.write_bytes(to_bytes(model))

    again = keras.models.load_model(file, compile=False)

    assert_array_equal(predict(again, IDS), predict(model, IDS))


def test_a_full_disk_of_temporary_files_is_named(tmp_path, monkeypatch):
    file = tmp_path / "model.keras"
    file.symlink_to("/dev/full")
    monkeypatch.setattr(module, "temporary_folder", lambda: nullcontext(tmp_path))

    with pytest.raises(UnwritableError) as caught:
        to_bytes(build(network(STACKS["tfidf"]), SHAPE, 0))

    assert str(caught.value) == f"{file}: cannot be written: No space left on device"


def test_a_layer_that_keras_cannot_save_is_the_reason():
    class Own(keras.layers.Layer):
        def get_config(self):
            raise LookupError("no config today")

    with pytest.raises(
        RnnbenchError, match=r"^Keras cannot save the network: no config today$"
    ):
        to_bytes(keras.Sequential([keras.Input((6,)), Own()]))


def test_numbers_that_numpy_does_not_have_become_float32():
    layer = keras.layers.Dense(2, dtype="bfloat16")
    kernel, bias = weights_of(keras.Sequential([keras.Input((3,)), layer]))

    assert (kernel.dtype, bias.dtype) == (np.float32, np.float32)


# From outside

SMALL = Shape(timesteps=5, n_topics=3, n_ids=12)
FEW = np.arange(10, dtype=np.int32).reshape(2, 5)
OWN = PythonNetwork(python="nets:make")


def test_a_function_is_given_the_shape_and_its_arguments_and_its_model_is_taken(
    working_folder,
):
    write_module(working_folder, "my.nets", MAKE)
    described = PythonNetwork(
        python="my.nets:make", arguments={"units": 7, "mask_zero": True}
    )

    model = build(described, SMALL, 0)

    embedding = model.layers[0]
    assert (embedding.input_dim, embedding.output_dim, embedding.mask_zero) == (
        12,
        7,
        True,
    )
    assert predict(model, FEW).shape == (2, 3)


def assert_follows_its_seed(described):
    """Make sure that the weights of a network depend on the seed, whatever was drawn
    before.
    """
    first, again, other = (
        predict(build(described, SMALL, seed), FEW) for seed in (0, 0, 1)
    )

    assert first.shape == (2, 3)
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


FUNCTIONAL = """
    import keras


    def make(shape):
        ids = keras.Input((shape.timesteps,), dtype="int32")
        vectors = keras.layers.Embedding(shape.n_ids, 4)(ids)
        both = [keras.layers.GRU(2)(vectors), keras.layers.GlobalMaxPooling1D()(vectors)]
        scores = keras.layers.Concatenate()(both)
        return keras.Model(ids, keras.layers.Dense(shape.n_topics, "softmax")(scores))
"""


@pytest.mark.parametrize("source", [MAKE, FUNCTIONAL])
def test_a_model_follows_the_seed_whatever_was_drawn_before(working_folder, source):
    write_module(working_folder, "nets", source)
    assert_follows_its_seed(OWN)


FAILS = "raise RuntimeError('out of order')"


MISFIT = """
    import keras


    def make(shape):
        return keras.Sequential([keras.Input(({},)), keras.layers.Dense({}, "softmax")])
"""
SUBCLASS = """
    import keras


    class make(keras.Model):
        def __init__(self, shape):
            super().__init__()
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
        (FAILS, r"cannot be imported: RuntimeError: out of order \(nets.py, line 1\)$"),
        (
            "def make(shape, units): ...",
            "failed: TypeError: .*missing 1 required .*'units'",
        ),
        (COMPILED, "returned a compiled model"),
        (
            MISFIT.format(5, 4),
            r"returned a model from \(None, 5\) to \(None, 4\) \(should be from \(None, 5\), "
            r"word ids, to \(None, 3\), a probability for each topic\)$",
        ),
        (
            MISFIT.format(6, 3),
            r"returned a model from \(None, 6\) to \(None, 3\) \(should be ",
        ),
        (
            SUBCLASS,
            r"returned a model without known inputs \(should be sequential or functional",
        ),
    ],
)
def test_a_function_that_fails_or_returns_no_model_that_fits(
    working_folder, source, message
):
    write_module(working_folder, "nets", source)

    with pytest.raises(PluginError, match=f"^python: nets:make {message}"):
        build(OWN, SMALL, 0)


def first_kernels(*branches):
    """Return the first weights of convolutions in branches, branch by branch."""
    model = build(network([EMBEDDING, parallel(*branches), MEAN]), SHAPE, 0)
    return [branch.get_weights() for branch in model.layers[1].branches]


def test_no_branch_changes_the_first_weights_of_another():
    branch = [conv1d("same")]
    other = [DENSE, conv1d("same")]

    alone, (first, second) = first_kernels(branch), first_kernels(branch, branch)
    longer = first_kernels(branch, other)

    assert_array_equal(alone[0][0], first[0])
    assert_array_equal(longer[0][0], first[0])
    assert not np.array_equal(first[0], second[0])


def test_a_layer_of_another_package_is_part_of_the_model(install, tmp_path):
    install(write_scale(tmp_path))

    model = build(network([EMBEDDING, {"scale": {"start": 2.0}}, MEAN]), SMALL, 0)

    embedding, scale = model.layers[:2]
    scaled = keras.Model(model.inputs[0], scale.output)(FEW)
    assert_allclose(scaled, 2 * embedding.get_weights()[0][FEW], rtol=1e-6)
    assert scale.get_config()["start"] == 2.0


LAYER = """
    from rnnbench.models.layers import Layer


    class Own(Layer):
        kind = "own"
        takes = "{takes}"

        def keras_layer(self, shape, seed_of):
            {body}
"""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "import keras; return keras.layers.Dense",
            "failed: ValueError: Only instances of",
        ),
        (
            "return super().keras_layer(shape, seed_of)",
            "failed: AttributeError: .*keras_name",
        ),
    ],
    ids=["a class", "not written"],
)
def test_a_layer_that_cannot_be_made_is_named(install, tmp_path, body, message):
    modules = {"own_layers": LAYER.format(body=body, takes="anything")}
    install(write_distribution(tmp_path, {"own": "own_layers:Own"}, modules))
    described = network([EMBEDDING, {"own": {}}, MEAN])

    with pytest.raises(
        PluginError, match=f"^layer 'own' of the package made-up {message}"
    ):
        build(described, SMALL, 0)


def test_a_layer_from_outside_is_given_word_ids_if_it_takes_them_and_follows_the_seed(
    install, tmp_path
):
    body = "import keras; return keras.layers.Dense(3)"
    modules = {"own_layers": LAYER.format(body=body, takes="anything")}
    install(write_distribution(tmp_path / "inside", {"own": "own_layers:Own"}, modules))
    assert_follows_its_seed(network([EMBEDDING, parallel([{"own": {}}]), MEAN]))
    body = "import keras; return keras.layers.Embedding(shape.n_ids, 3)"
    modules = {"own_ids": LAYER.format(body=body, takes="ids")}
    install(write_distribution(tmp_path, {"own": "own_ids:Own"}, modules))
    described = network([{"own": {}}, {"gru": {"units": 2}}])

    assert_follows_its_seed(described)
    layers = build(described, SMALL, 0).layers
    assert [type(layer).__name__ for layer in layers] == ["Embedding", "GRU", "Dense"]
