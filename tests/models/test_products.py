"""What the arithmetic of a training step comes down to, against numbers worked out by hand."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.config.load import load
from rnnbench.config.schema import Network
from rnnbench.models.products import Product, products_of_step

CONFIGS = Path(__file__).parents[2] / "configs"
NOTEBOOK = {
    name: model
    for config in ("all", "stacked_gru")
    for name, model in load(CONFIGS / f"{config}.yaml").models.items()
    if isinstance(model, Network)
}
SOFTMAX = {"dense": {"units": "topics", "activation": "softmax"}}


def of_notebook(name, batch_size=50):
    """Return the products of a step of a model of the notebook, in the notebook's setting."""
    return products_of_step(NOTEBOOK[name], batch_size=batch_size, timesteps=49, n_topics=46)


def of_layers(*layers, batch_size=6):
    """Return the products of a step on sequences of five steps and seven topics."""
    model = Network.model_validate({"layers": layers})
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


@given(batch_size=st.integers(1, 1000), name=st.sampled_from(sorted(NOTEBOOK)))
def test_the_cost_is_in_proportion_to_the_sequences(batch_size, name):
    one, all_of_them = (
        sum(product.multiply_adds for product in of_notebook(name, size))
        for size in (1, batch_size)
    )

    assert all_of_them == batch_size * one
