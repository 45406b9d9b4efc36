"""The matrix products of a training step, against numbers worked out by hand."""

from collections import Counter

import pytest
from stacks import EMBEDDING, FROZEN, bag_of_words, conv1d, network

from rnnbench.models.layers import Product, Shape


def of_layers(*layers, batch_size=6):
    """Return the products of a step on sequences of five steps, of nine ids and seven topics."""
    return network([*layers]).products(batch_size, Shape(timesteps=5, n_topics=7, n_ids=9))


def kernel(rows, inner, columns):
    """Return the products of a kernel: forward, its gradient, and back to the inputs."""
    return [
        Product(rows, inner, columns),
        Product(inner, rows, columns),
        Product(rows, columns, inner),
    ]


def test_the_products_of_the_notebooks_lstm():
    lstm = network([{"lstm": {"units": 50}}])

    products = lstm.products(40, Shape(timesteps=49, n_topics=46, n_ids=30_000))

    assert Counter(products) == Counter(
        [
            Product(40, 50, 200, count=49),  # the hidden state, step by step
            Product(40, 200, 50, count=49),  # and back
            Product(50, 40 * 49, 200),  # gradient of the recurrent kernel
            Product(40 * 49, 1, 200),  # the word ids, to which no gradient passes back
            Product(1, 40 * 49, 200),  # gradient of the kernel
            *kernel(40, 50, 46),  # the topics
        ]
    )


@pytest.mark.parametrize(("below", "features"), [([], 1), ([FROZEN], 4)])
def test_nothing_passes_back_to_word_ids_or_to_an_embedding_that_is_not_trained(below, features):
    products = of_layers(*below, {"dense": {"units": 3}}, {"simple_rnn": {"units": 2}})

    back = Product(30, 3, features)
    assert Counter(kernel(30, features, 3)) - Counter(products) == Counter([back])
    assert set(kernel(30, 3, 2)) < set(products), "the dense layer is trained"


def test_a_bag_of_words_has_a_feature_for_each_id_and_costs_nothing_itself():
    products = of_layers(bag_of_words("tfidf"), {"dense": {"units": 3}})

    dense = [Product(6, 9, 3), Product(9, 6, 3)]  # nothing passes back
    assert Counter(products) == Counter([*dense, *kernel(6, 3, 7)])


def test_the_cost_of_a_small_stack():
    stack = [
        EMBEDDING,
        {"spatial_dropout": {"rate": 0.1}},
        {"conv1d": {"filters": 4, "kernel_size": 2, "padding": "same"}},
        {"layer_norm": {}},
        {"bidirectional": {"layer": {"gru": {"units": 2, "return_sequences": True}}}},
        {"dense": {"units": 3}},
        {"pooling": {"by": "attention"}},
    ]

    conv = 3 * (30 * (2 * 4) * 4)  # eight numbers in a window
    recurrent = 2 * (2 * 5 * (6 * 2 * 6) + 2 * 30 * 6)  # two directions, three gates of two units
    inputs = 3 * (30 * 4 * 12)
    dense = 3 * (30 * 4 * 3)
    attention = 3 * (30 * 3 * 3) + 3 * (30 * 3 * 1)
    topics = 3 * (6 * 3 * 7)
    cost = sum(product.multiply_adds for product in of_layers(*stack))
    assert cost == conv + recurrent + inputs + dense + attention + topics


@pytest.mark.parametrize(("padding", "steps"), [("same", 5), ("causal", 5), ("valid", 2)])
def test_a_convolution_is_a_product_of_all_its_windows(padding, steps):
    products = of_layers(EMBEDDING, conv1d(padding), {"simple_rnn": {"units": 2}})

    hidden = [*2 * [Product(6, 2, 2, count=steps)], Product(2, 6 * steps, 2)]
    assert Counter(products) == Counter(
        [*kernel(6 * steps, 16, 3), *hidden, *kernel(6 * steps, 3, 2), *kernel(6, 2, 7)]
    )
