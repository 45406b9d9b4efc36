"""What the arithmetic of a training step comes down to, against numbers worked out by hand."""

from collections import Counter
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacks import STACKS, network

from rnnbench.config.load import load
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.products import Product, products_of_step
from rnnbench.models.shape import Shape

CONFIGS = Path(__file__).parents[2] / "configs"
NOTEBOOK = {
    name: model
    for config in ("all", "stacked_gru")
    for name, model in load(CONFIGS / f"{config}.yaml").models.items()
    if isinstance(model, LayeredNetwork)
}
SOFTMAX = {"dense": {"units": "topics", "activation": "softmax"}}


def of_notebook(name, batch_size=50):
    """Return the products of a step of a model of the notebook, in the notebook's setting."""
    return products_of_step(NOTEBOOK[name], batch_size=batch_size, timesteps=49, n_topics=46)


def of_layers(*layers, batch_size=6):
    """Return the products of a step on sequences of five steps and seven topics."""
    model = LayeredNetwork.model_validate({"layers": layers})
    return products_of_step(model, batch_size=batch_size, timesteps=5, n_topics=7)


def test_a_product_costs_rows_by_inner_by_columns_each_time():
    assert Product(2, 3, 5).multiply_adds == 30
    assert Product(2, 3, 5, count=7).multiply_adds == 210


def test_the_products_of_the_notebooks_lstm():
    assert Counter(of_notebook("lstm", batch_size=40)) == Counter(
        [
            Product(40, 50, 200, count=49),  # the hidden state, step by step
            Product(40, 200, 50, count=49),  # and back
            Product(50, 40 * 49, 200),  # gradient of the recurrent kernel
            Product(40 * 49, 1, 200),  # the word ids
            Product(1, 40 * 49, 200),  # gradient of the kernel
            Product(40, 50, 46),  # the topics
            Product(50, 40, 46),  # gradient of their kernel
            Product(40, 46, 50),  # back to the hidden state
        ]
    )


def test_a_second_layer_passes_its_gradient_back_to_the_first():
    first_and_topics = Counter(of_notebook("lstm", batch_size=40))

    assert Counter(of_notebook("stacked_lstm", batch_size=40)) - first_and_topics == Counter(
        [
            Product(40, 50, 200, count=49),
            Product(40, 200, 50, count=49),
            Product(50, 40 * 49, 200),  # gradient of the recurrent kernel
            Product(40 * 49, 50, 200),  # the sequence of the first layer
            Product(50, 40 * 49, 200),  # gradient of the kernel
            Product(40 * 49, 200, 50),  # back to the first layer
        ]
    )


@pytest.mark.parametrize(
    ("name", "multiply_adds"),
    [
        ("vanilla_rnn", 3 * 49 * 50 * 50 * 50 + 2 * 49 * 50 * 50 + 3 * 50 * 50 * 46),
        ("stacked_vanilla_rnn", 9 * 49 * 50 * 50 * 50 + 2 * 49 * 50 * 50 + 3 * 50 * 50 * 46),
        ("lstm", 74_825_000),
        ("stacked_lstm", 221_825_000),
        ("stacked_gru", 9 * 49 * 50 * 50 * 150 + 2 * 49 * 50 * 150 + 3 * 50 * 50 * 46),
    ],
)
def test_what_a_step_of_the_notebooks_models_costs(name, multiply_adds):
    assert sum(product.multiply_adds for product in of_notebook(name)) == multiply_adds


def test_a_dense_layer_on_a_sequence_works_on_every_step():
    products = of_layers(
        {"gru": {"units": 3, "return_sequences": True}},
        {"dense": {"units": 4, "activation": "relu"}},
        {"lstm": {"units": 2}},
        SOFTMAX,
    )

    gru = [
        Product(6, 3, 9, count=5),
        Product(6, 9, 3, count=5),
        Product(3, 30, 9),
        Product(30, 1, 9),
        Product(1, 30, 9),
    ]
    dense = [Product(30, 3, 4), Product(3, 30, 4), Product(30, 4, 3)]
    lstm = [
        Product(6, 2, 8, count=5),
        Product(6, 8, 2, count=5),
        Product(2, 30, 8),
        Product(30, 4, 8),
        Product(4, 30, 8),
        Product(30, 8, 4),
    ]
    topics = [Product(6, 2, 7), Product(2, 6, 7), Product(6, 7, 2)]
    assert Counter(products) == Counter(gru + dense + lstm + topics)


def test_a_dense_layer_on_the_word_ids_passes_nothing_back():
    products = of_layers({"dense": {"units": 4}}, {"simple_rnn": {"units": 2}}, SOFTMAX)

    assert {Product(30, 1, 4), Product(1, 30, 4)} < set(products)
    assert Product(30, 4, 1) not in products
    assert Product(30, 2, 4) in products, "the recurrent layer passes its gradient to the dense one"


def test_after_the_last_recurrent_layer_there_is_one_row_a_sequence():
    products = of_layers({"simple_rnn": {"units": 2}}, {"dense": {"units": 3}}, SOFTMAX)

    assert {Product(6, 2, 3), Product(2, 6, 3), Product(6, 3, 2), Product(6, 3, 7)} < set(products)


def test_dropout_has_no_products():
    rnn = {"simple_rnn": {"units": 2}}

    assert of_layers({"dropout": {"rate": 0.5}}, rnn, SOFTMAX) == of_layers(rnn, SOFTMAX)


EMBEDDING = {"embedding": {"dim": 3}}


def test_an_embedding_has_no_products_and_what_comes_after_it_passes_its_gradient_back():
    assert Counter(of_layers(EMBEDDING, {"simple_rnn": {"units": 2}}, SOFTMAX)) == Counter(
        [
            Product(6, 2, 2, count=5),  # the hidden state, step by step
            Product(6, 2, 2, count=5),  # and back
            Product(2, 30, 2),  # gradient of the recurrent kernel
            Product(30, 3, 2),  # the words' vectors
            Product(3, 30, 2),  # gradient of the kernel
            Product(30, 2, 3),  # back to the words' vectors
            Product(6, 2, 7),  # the topics
            Product(2, 6, 7),
            Product(6, 7, 2),
        ]
    )


@pytest.mark.parametrize("below", [[], [{"embedding": {"dim": 3, "trainable": False}}]])
def test_nothing_passes_back_to_word_ids_or_to_an_embedding_that_is_not_trained(below):
    products = of_layers(*below, {"dense": {"units": 4}}, {"simple_rnn": {"units": 2}}, SOFTMAX)

    features = 3 if below else 1
    assert Product(30, features, 4) in products
    assert Product(30, 4, features) not in products
    assert Product(30, 2, 4) in products, "the dense layer is trained"


def test_what_a_small_stack_costs_is_worked_out_by_hand():
    stack = [
        {"embedding": {"dim": 3}},
        {"spatial_dropout": {"rate": 0.1}},
        {"conv1d": {"filters": 4, "kernel_size": 2, "padding": "same"}},
        {"layer_norm": {}},
        {
            "bidirectional": {
                "layer": {"gru": {"units": 2, "return_sequences": True}},
                "merge_mode": "concat",
            }
        },
        {"pooling": {"by": "max"}},
        SOFTMAX,
    ]

    conv = 3 * (30 * (2 * 3) * 4)  # six numbers a window; forward, of the weights, back
    recurrent = 2 * (2 * 5 * (6 * 2 * 6) + 2 * 30 * 6)  # two directions, three gates of two units
    inputs = 3 * (30 * 4 * 12)
    topics = 3 * (6 * 4 * 7)
    assert sum(product.multiply_adds for product in of_layers(*stack)) == (
        conv + recurrent + inputs + topics
    )


@pytest.mark.parametrize(("padding", "steps"), [("same", 5), ("causal", 5), ("valid", 3)])
def test_a_convolution_is_a_product_of_all_its_windows(padding, steps):
    conv = {"conv1d": {"filters": 4, "kernel_size": 3, "padding": padding}}

    assert Counter(of_layers(EMBEDDING, conv, {"simple_rnn": {"units": 2}}, SOFTMAX)) == Counter(
        [
            Product(6 * steps, 9, 4),
            Product(9, 6 * steps, 4),
            Product(6 * steps, 4, 9),
            *2 * [Product(6, 2, 2, count=steps)],
            Product(2, 6 * steps, 2),
            Product(6 * steps, 4, 2),
            Product(4, 6 * steps, 2),
            Product(6 * steps, 2, 4),
            Product(6, 2, 7),
            Product(2, 6, 7),
            Product(6, 7, 2),
        ]
    )


@pytest.mark.parametrize(("mode", "features"), [("concat", 4), ("sum", 2), ("ave", 2), ("mul", 2)])
@pytest.mark.parametrize(("kind", "gates"), [("simple_rnn", 1), ("gru", 3), ("lstm", 4)])
def test_a_bidirectional_layer_costs_two_layers_of_its_kind(kind, gates, mode, features):
    described = {"bidirectional": {"layer": {kind: {"units": 2}}, "merge_mode": mode}}

    both = of_layers(EMBEDDING, described, SOFTMAX)
    one = of_layers(EMBEDDING, {kind: {"units": 2}}, SOFTMAX)

    topics = Counter([Product(6, 2, 7), Product(2, 6, 7), Product(6, 7, 2)])
    cost_of_one = sum(each.multiply_adds for each in (Counter(one) - topics).elements())
    cost_of_topics = 3 * (6 * features * 7)
    assert sum(each.multiply_adds for each in both) == 2 * cost_of_one + cost_of_topics
    assert Product(6, 2, 2 * gates, count=5) in both


@pytest.mark.parametrize("by", ["max", "mean", "last"])
def test_pooling_that_learns_nothing_has_no_products_and_leaves_one_row_a_wire(by):
    products = of_layers(EMBEDDING, {"pooling": {"by": by}}, SOFTMAX)

    assert Counter(products) == Counter([Product(6, 3, 7), Product(3, 6, 7), Product(6, 7, 3)])


def test_attention_has_a_score_a_step_from_as_many_hidden_numbers_as_features():
    products = of_layers(EMBEDDING, {"pooling": {"by": "attention"}}, SOFTMAX)

    hidden = [Product(30, 3, 3), Product(3, 30, 3), Product(30, 3, 3)]
    scores = [Product(30, 3, 1), Product(3, 30, 1), Product(30, 1, 3)]
    topics = [Product(6, 3, 7), Product(3, 6, 7), Product(6, 7, 3)]
    assert Counter(products) == Counter(hidden + scores + topics)


def test_a_normalisation_has_no_products_but_learns_so_that_gradients_pass_back_to_it():
    stack = [{"dense": {"units": 4}}, {"pooling": {"by": "mean"}}, SOFTMAX]

    without, normalised = of_layers(*stack), of_layers({"layer_norm": {}}, *stack)

    assert Counter(normalised) - Counter(without) == Counter([Product(30, 4, 1)])


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_the_gradients_of_the_weights_are_as_many_numbers_as_the_kernels_of_the_model(stack):
    from rnnbench.models.build import build

    batch_size = 11  # no size of a layer is a multiple of it, so it tells which products these are
    products = of_layers(*stack, SOFTMAX, batch_size=batch_size)

    model = build(network(stack), Shape(timesteps=5, n_topics=7, n_ids=9))
    kernels = [
        weight.shape
        for layer in model.layers
        for weight in layer.weights
        if len(weight.shape) > 1 and "bias" not in weight.name and "embedding" not in layer.name
    ]
    gradients = [each for each in products if each.inner % batch_size == 0]
    assert sum(each.rows * each.columns for each in gradients) == sum(map(prod, kernels))


@given(batch_size=st.integers(1, 1000), name=st.sampled_from(sorted(NOTEBOOK)))
def test_the_cost_is_in_proportion_to_the_sequences(batch_size, name):
    one, all_of_them = (
        sum(product.multiply_adds for product in of_notebook(name, size))
        for size in (1, batch_size)
    )

    assert all_of_them == batch_size * one
